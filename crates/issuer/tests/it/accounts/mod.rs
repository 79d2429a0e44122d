mod lockout;
mod methods;
mod policy;
mod session;
mod username;
