//! Protocol values and rules, without I/O.

pub mod client_auth;
pub mod form;
pub mod issuer;
pub mod redirect_uri;
pub mod scope;
