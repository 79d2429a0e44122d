//! An in-process issuer for the tests of services that embed `signet-verifier`.
//!
//! It listens on loopback and publishes a real JWKS, so that a test uses the same verifier as production. The service itself
//! contains no test keys, so that none can be switched on in production by mistake.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use signet_testkit::TestIssuer;
//!
//! signet_verifier::scopes! { pub OrdersRead = "orders:read"; }
//!
//! let issuer = TestIssuer::new();
//! let token = issuer.token().subject("alice").scope::<OrdersRead>().mint();
//! let claims = issuer.verifier().verify(&token).await.unwrap();
//! assert_eq!(claims.subject, "alice");
//!
//! let expired = issuer.token().expired().mint();
//! assert!(issuer.verifier().verify(&expired).await.is_err());
//! # });
//! ```

mod clock;
mod server;
mod token;

use std::sync::Arc;
use std::time::Duration;

use signet_verifier::{Verifier, VerifierBuilder};

pub use clock::TestClock;
pub use token::TokenBuilder;

/// The audience of [`TestIssuer::verifier`], and of tokens for which the test sets no other.
pub const AUDIENCE: &str = "https://service.test";

/// An issuer that runs until this value is dropped.
#[derive(Debug)]
pub struct TestIssuer {
    server: server::Server,
    clock: Arc<TestClock>,
}

impl Default for TestIssuer {
    fn default() -> Self {
        Self::new()
    }
}

impl TestIssuer {
    /// Starts an issuer with one signing key.
    ///
    /// # Panics
    /// If the machine has no loopback interface or gives no randomness.
    pub fn new() -> Self {
        Self { server: server::Server::start(), clock: Arc::new(TestClock::default()) }
    }

    /// The URL of the issuer, which is the `iss` of its tokens.
    pub fn issuer(&self) -> &str {
        &self.server.issuer
    }

    /// The clock that the tokens and the verifiers of this issuer use.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// Builds a verifier for [`AUDIENCE`].
    pub fn verifier(&self) -> Verifier {
        self.verifier_for(AUDIENCE)
    }

    /// Builds a verifier for `audience`.
    ///
    /// # Panics
    /// If `audience` is empty.
    #[expect(clippy::expect_used, reason = "a test that fails panics")]
    pub fn verifier_for(&self, audience: &str) -> Verifier {
        self.verifier_builder().audience(audience).build().expect("the audience is not empty")
    }

    /// Starts to build a verifier for this issuer that uses the issuer's clock.
    pub fn verifier_builder(&self) -> VerifierBuilder {
        Verifier::issuer(self.issuer()).clock(Arc::<TestClock>::clone(&self.clock))
    }

    /// Starts to build a token. Unless the test changes it, the token is valid for [`AUDIENCE`] for ten minutes.
    pub fn token(&self) -> TokenBuilder<'_> {
        TokenBuilder::new(self)
    }

    /// Adds a key and signs with it from now on. The earlier keys stay published.
    pub fn rotate(&self) {
        self.server.keys().rotate();
    }

    /// Withdraws all keys and signs with a new one from now on, as an issuer does after a key was stolen.
    pub fn revoke_keys(&self) {
        self.server.keys().revoke();
    }

    /// Replaces the key that signs by another one with the same `kid`, which no correct issuer does.
    pub fn replace_key(&self) {
        self.server.keys().replace();
    }

    /// Makes the issuer answer requests for the JWKS with 503 (`true`), or serve the JWKS again (`false`).
    pub fn outage(&self, away: bool) {
        self.server.keys().away = away;
    }

    /// The number of requests for the JWKS so far, including those that got a 503.
    pub fn fetches(&self) -> usize {
        self.server.keys().fetches
    }

    /// Moves the issuer's clock forward by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }
}
