//! The functions by which users manage their own account: sign-in, sessions, password, profile and consents.

pub mod attributes;
pub mod authorizations;
pub mod browsers;
pub mod consents;
pub mod lockout;
pub mod methods;
pub mod opaque_string;
pub mod password_change;
pub mod password_link;
pub mod policy;
pub mod profile;
pub mod requirement;
pub mod session;
pub mod sign_in;
pub mod username;
