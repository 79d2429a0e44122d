//! An in-process issuer for the tests of services that embed `signet-verifier`.
//!
//! It listens on loopback and publishes a real JWKS and a feed of revocations, so that a test uses the same verifier as production. The
//! service itself contains no test keys, so that none can be switched on in production by mistake.
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
mod feed;
mod server;
mod token;

use std::sync::Arc;
use std::time::Duration;

use signet_verifier::{Verifier, VerifierBuilder};

pub use clock::TestClock;
pub use token::TokenBuilder;

/// The audience of [`TestIssuer::verifier`], and of tokens for which the test sets no other.
pub const AUDIENCE: &str = "https://service.test";

/// The claim `grant_id` of tokens for which the test sets no other.
pub const GRANT: &str = "test-grant";

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

    /// Revokes the tokens whose claim `grant_id` is this; the feed of revocations says so at once.
    pub fn revoke(&self, grant_id: &str) {
        self.server.change_feed(|feed| feed.revoke(grant_id));
    }

    /// Names the key that signs as revoked in the feed, and signs with a new one from now on. The JWKS still holds the revoked key, as an
    /// outdated copy of it would.
    pub fn revoke_key_in_feed(&self) {
        let kid = self.server.keys().signing_jwk().kid.unwrap_or_default();
        self.rotate();
        self.server.change_feed(|feed| feed.revoke_key(kid));
    }

    /// Makes the feed of revocations answer with 503 (`true`), or work again (`false`).
    pub fn cut_feed(&self, cut: bool) {
        self.server.change_feed(|feed| feed.cut = cut);
    }

    /// Holds back each answer of the feed for `delay`, in real time. [`Duration::ZERO`] ends that.
    pub fn delay_feed(&self, delay: Duration) {
        self.server.change_feed(|feed| feed.delay = delay);
    }

    /// Makes the feed answer with `body`, whatever it is asked; `None` ends that.
    pub fn garble_feed(&self, body: Option<String>) {
        self.server.change_feed(|feed| feed.garbled = body);
    }

    /// Makes the feed know no earlier cursor, as after a restart with a restored database.
    pub fn restart_feed(&self) {
        self.server.change_feed(feed::Feed::restart);
    }

    /// Leaves the feed out of discovery (`false`), as an issuer without a feed does, or names it again. Call this before a verifier starts.
    pub fn name_feed(&self, named: bool) {
        self.server.change_feed(|feed| feed.named = named);
    }

    /// Names another URL as the feed in discovery; `None` ends that.
    pub fn name_feed_at(&self, url: Option<String>) {
        self.server.change_feed(|feed| feed.named_at = url);
    }

    /// The number of requests to the feed of revocations so far.
    pub fn feed_requests(&self) -> usize {
        self.server.feed_requests()
    }

    /// Sets for how many seconds a verifier keeps each revocation.
    pub fn keep_revocations_for(&self, seconds: u64) {
        self.server.change_feed(|feed| feed.keep_for = seconds);
    }

    /// Makes the issuer answer requests for the JWKS with 503 (`true`), or serve the JWKS again (`false`).
    pub fn outage(&self, away: bool) {
        self.server.keys().away = away;
    }

    /// Makes the JWKS go on showing the keys that are published now, whatever happens to them (`true`), as a node or a cache does that has not
    /// heard of a change yet; or makes it show all of them again (`false`).
    pub fn outdated_jwks(&self, outdated: bool) {
        self.server.keys().show_outdated(outdated);
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
