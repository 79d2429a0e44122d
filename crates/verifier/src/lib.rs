//! Checks Signet's RS256 access tokens (RFC 9068) offline, against the issuer's cached JWKS.
//!
//! A service embeds this crate. While the cached keys are fresh, it checks a token without calling the issuer:
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use axum::Router;
//! use signet_verifier::{Verifier, axum::{Auth, Guarded, Require}, scopes};
//!
//! scopes! { pub OrdersRead = "orders:read"; }
//!
//! async fn list(token: Auth) -> String {
//!     format!("orders of {}", token.subject())
//! }
//!
//! fn app() -> Result<Router, signet_verifier::BuildError> {
//!     let verifier = Verifier::issuer("https://id.example.com").audience("https://orders.example.com").build()?;
//!     Ok(Guarded::new().route("/orders", OrdersRead::get(list)).into_router(verifier))
//! }
//! # app().unwrap();
//! # }
//! ```
//!
//! Without features the crate is a synchronous core: [`KeySet`] (RFC 7517), [`SignedToken`] (RFC 7515), [`Rules`] and
//! [`Claims`]. The feature `fetch` adds `Verifier`, which keeps the key set fresh. The feature `revocation` makes
//! it follow the issuer's feed of revocations. The feature `axum` adds the guarded router.

mod claims;
mod clock;
mod error;
mod jwk;
mod jws;
mod member;
#[cfg(feature = "revocation")]
mod revocation;
mod rules;
mod scope;
mod signature;

#[cfg(feature = "fetch")]
mod accepted;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "fetch")]
mod cache;
#[cfg(feature = "fetch")]
mod fetch;
#[cfg(feature = "fetch")]
mod verifier;

pub use claims::{Claims, NoExtra};
pub use clock::{Clock, SystemClock};
pub use error::{BuildError, Error, Refusal};
pub use jwk::{Jwk, JwksError, KeySet};
pub use jws::{MAX_TOKEN_BYTES, SignedToken};
#[cfg(feature = "revocation")]
pub use revocation::RevocationStatus;
pub use rules::{
    CLAIMS_OF_OTHER_TOKENS, FETCH_TIME, LEEWAY, MAX_TOKEN_LIFETIME, MIN_MAX_AGE, Rules, STALE_ALLOWANCE, key_revocation_lifetime,
    revocation_lifetime,
};
pub use scope::{Scope, is_scope_token};

#[cfg(feature = "fetch")]
pub use verifier::{Verifier, VerifierBuilder};
