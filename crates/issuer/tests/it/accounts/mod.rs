mod lockout;
mod methods;
mod password_link;
mod policy;
mod requirement;
mod session;
mod username;
