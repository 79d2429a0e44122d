//! `Verifier`: one issuer, one service's audience, and the cached keys.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use url::Url;

use crate::cache::KeyCache;
use crate::fetch::{JwksFetcher, PAUSE, is_https_or_loopback};
use crate::{BuildError, Claims, Clock, Error, LEEWAY, NoExtra, Rules, SignedToken, SystemClock};

/// Accepts or refuses access tokens of one issuer for one service. Cheap to clone: clones share their keys.
///
/// `C` is the service's own view of further claims, any type that serde can read from the payload.
#[derive(Debug)]
pub struct Verifier<C = NoExtra> {
    inner: Arc<Inner>,
    claims: PhantomData<fn() -> C>,
}

#[derive(Debug)]
struct Inner {
    rules: Rules,
    keys: Arc<KeyCache>,
    clock: Arc<dyn Clock>,
}

impl<C> Clone for Verifier<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), claims: PhantomData }
    }
}

impl Verifier {
    /// Begins a verifier for tokens whose `iss` is exactly `issuer`.
    pub fn issuer(issuer: impl Into<String>) -> VerifierBuilder {
        VerifierBuilder { issuer: issuer.into(), audiences: Vec::new(), jwks_uri: None, refresh_within: None, clock: None }
    }
}

impl<C: DeserializeOwned + 'static> Verifier<C> {
    /// Accepts or refuses `token` (compact form, without `Bearer `).
    ///
    /// While the keys are fresh, nothing is awaited and no lock is taken. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Refused`] when the token is no good; [`Error::Unavailable`] when that cannot be said, because the
    /// issuer's keys are out of reach.
    pub async fn verify(&self, token: &str) -> Result<Claims<C>, Error> {
        let Inner { rules, keys, clock } = &*self.inner;
        let token = SignedToken::parse(token)?;
        let now = clock.unix_seconds();
        let accept = |keys: &crate::KeySet| rules.check(&token, keys, now).map_err(Error::from);

        let before = keys.finished();
        if let Some(guard) = keys.fresh(before)
            && let Some(snapshot) = guard.as_ref()
            && snapshot.keys.get(token.key_id()).is_some()
        {
            return accept(&snapshot.keys);
        }
        rules.check_untrusted(&token, now)?;
        if keys.fresh(before).is_none() {
            let snapshot = keys.refreshed(before).await?;
            if snapshot.keys.get(token.key_id()).is_some() {
                return accept(&snapshot.keys);
            }
        }
        accept(&keys.for_unknown_key(before).await?.keys)
    }

    /// The audience by which this service is known; the realm of its challenges.
    pub fn audience(&self) -> &str {
        self.inner.rules.audience()
    }
}

/// Settings of a [`Verifier`]. Building needs no network.
#[derive(Debug)]
#[must_use]
pub struct VerifierBuilder {
    issuer: String,
    audiences: Vec<String>,
    jwks_uri: Option<String>,
    refresh_within: Option<Duration>,
    clock: Option<Arc<dyn Clock>>,
}

impl VerifierBuilder {
    /// The resource identifier of this service, which must be among a token's `aud`. Required; may be repeated for a
    /// service of several names.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Where the JWKS is, if not at `{issuer}/.well-known/jwks.json`.
    pub fn jwks_uri(mut self, uri: impl Into<String>) -> Self {
        self.jwks_uri = Some(uri.into());
        self
    }

    /// Takes keys for fresh no longer than this (at least 1 s), to refuse a revoked key sooner than the issuer's `max-age`
    /// says. Requests fetch; a service without any does not.
    pub fn refresh_within(mut self, interval: Duration) -> Self {
        self.refresh_within = Some(interval.max(PAUSE));
        self
    }

    /// Takes the time from `clock` instead of the machine: for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Builds a verifier that reads the registered claims.
    pub fn build(self) -> Result<Verifier, BuildError> {
        self.build_with_claims()
    }

    /// Builds a verifier that also reads the service's own claims `C`, whose absence or wrong type refuses the token.
    pub fn build_with_claims<C: DeserializeOwned + 'static>(self) -> Result<Verifier<C>, BuildError> {
        if !is_issuer(&self.issuer) {
            return Err(BuildError::Issuer(self.issuer));
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return Err(BuildError::Audience);
        }
        let jwks_uri = self.jwks_uri.unwrap_or_else(|| format!("{}/.well-known/jwks.json", self.issuer));
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::default()));
        let fetcher = JwksFetcher::new(&jwks_uri)?;
        let inner = Inner {
            rules: Rules::new(self.issuer, self.audiences, LEEWAY),
            keys: Arc::new(KeyCache::new(fetcher, Arc::clone(&clock), self.refresh_within)),
            clock,
        };
        Ok(Verifier { inner: Arc::new(inner), claims: PhantomData })
    }
}

fn is_issuer(issuer: &str) -> bool {
    Url::parse(issuer)
        .is_ok_and(|url| is_https_or_loopback(&url) && url.query().is_none() && url.fragment().is_none() && !issuer.ends_with('/'))
}
