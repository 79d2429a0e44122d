//! The protocol endpoints, in one file for each.

pub mod authorize;
pub mod check_session;
pub mod discovery;
pub mod end_session;
pub mod health;
pub mod introspect;
pub mod jwks;
pub mod register;
pub mod revocations;
pub mod revoke;
pub mod ssf;
pub mod token;
pub mod userinfo;
