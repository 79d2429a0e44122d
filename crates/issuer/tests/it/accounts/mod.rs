mod lockout;
mod methods;
mod policy;
mod username;
