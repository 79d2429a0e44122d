//! Accounts: user names, passwords, and the defence against guessing them.

pub mod lockout;
pub mod password;
pub mod policy;
pub mod session;
pub mod sign_in;
pub mod username;
