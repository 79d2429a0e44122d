//! Guards the routes of an axum service (RFC 6750). A router declares the scopes of its routes in one place, and checks them
//! before any handler runs.

mod auth;
mod challenge;
mod guarded;
mod requirement;

pub use auth::Auth;
pub use challenge::Challenge;
pub use guarded::{Guarded, Methods, RouteScopes, public};
pub use requirement::{Any, AnyToken, Require, Requirement};
