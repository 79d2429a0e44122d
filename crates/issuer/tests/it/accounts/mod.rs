mod lockout;
mod methods;
mod policy;
mod requirement;
mod session;
mod username;
