//! Accounts: user names, passwords, and the defence against guessing them.

pub mod lockout;
pub mod password;
pub mod policy;
pub mod username;
