//! An in-process issuer for the tests of services that embed `signet-verifier`.
//!
//! It listens on loopback and publishes a real JWKS, so that a service is tested with the very verifier that it ships,
//! and no test key can ever be switched on in production.
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

/// The audience of [`TestIssuer::verifier`] and of tokens that name no other.
pub const AUDIENCE: &str = "https://service.test";

/// An issuer that lives as long as this value.
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
    /// Starts an issuer with one signing key. Panics if the machine has no loopback or no randomness.
    pub fn new() -> Self {
        Self { server: server::Server::start(), clock: Arc::new(TestClock::default()) }
    }

    /// The `iss` of its tokens.
    pub fn issuer(&self) -> &str {
        &self.server.issuer
    }

    /// The clock of its tokens and of its verifiers.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// A verifier for [`AUDIENCE`].
    pub fn verifier(&self) -> Verifier {
        self.verifier_for(AUDIENCE)
    }

    /// A verifier for `audience`.
    ///
    /// # Panics
    /// If `audience` is empty.
    #[expect(clippy::expect_used, reason = "a test that cannot go on")]
    pub fn verifier_for(&self, audience: &str) -> Verifier {
        self.verifier_builder().audience(audience).build().expect("the audience is not empty")
    }

    /// A verifier in the making, for this issuer and by its clock.
    pub fn verifier_builder(&self) -> VerifierBuilder {
        Verifier::issuer(self.issuer()).clock(Arc::<TestClock>::clone(&self.clock))
    }

    /// A token in the making: good for [`AUDIENCE`] for ten minutes, unless it is told otherwise.
    pub fn token(&self) -> TokenBuilder<'_> {
        TokenBuilder::new(self)
    }

    /// Adds a key, which signs from now on; the former ones stay published.
    pub fn rotate(&self) {
        self.server.keys().rotate();
    }

    /// Withdraws all keys, and signs by a new one: an emergency.
    pub fn revoke_keys(&self) {
        self.server.keys().revoke();
    }

    /// From now on the JWKS cannot be had (`true`), or can be had again (`false`).
    pub fn outage(&self, away: bool) {
        self.server.keys().away = away;
    }

    /// How many times the JWKS was asked for.
    pub fn fetches(&self) -> usize {
        self.server.keys().fetches
    }

    /// Lets `duration` pass on its clock.
    pub fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }
}
