//! Guards an axum service: scopes declared in one place per router, checked before any handler runs (RFC 6750).

mod auth;
mod challenge;
mod guarded;
mod requirement;

pub use auth::Auth;
pub use challenge::Challenge;
pub use guarded::{Guarded, Methods, RouteScopes, public};
pub use requirement::{Any, AnyToken, Require, Requirement};
