//! Accounts: sign-in, sessions, and the defence against guessing.

pub mod lockout;
pub mod methods;
pub mod policy;
pub mod session;
pub mod sign_in;
pub mod username;
