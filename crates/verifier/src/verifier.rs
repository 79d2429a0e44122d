//! `Verifier`: checks the access tokens of one issuer for one service, with cached keys (RFC 9068 §4).

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use url::Url;

use crate::cache::KeyCache;
use crate::fetch::{JwksFetcher, PAUSE, is_https_or_loopback};
use crate::{BuildError, Claims, Clock, Error, LEEWAY, NoExtra, Rules, SignedToken, SystemClock};

/// Accepts or refuses access tokens of one issuer for one service. A clone is cheap, because clones share the cached keys.
///
/// `C` is the service's own type for further claims: any type that serde can deserialize from the payload.
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
    /// Starts to build a verifier for tokens whose `iss` is exactly `issuer`.
    pub fn issuer(issuer: impl Into<String>) -> VerifierBuilder {
        VerifierBuilder {
            issuer: issuer.into(),
            audiences: Vec::new(),
            jwks_uri: None,
            refresh_within: None,
            accepts_plain_type: false,
            clock: None,
        }
    }
}

impl<C: DeserializeOwned + 'static> Verifier<C> {
    /// Accepts or refuses `token` (compact form, without `Bearer `).
    ///
    /// While the keys are fresh, this awaits nothing and takes no lock. Call it within a tokio runtime, because it may spawn a
    /// fetch.
    ///
    /// # Errors
    /// [`Error::Refused`] if the token is not valid; [`Error::Unavailable`] if the verifier cannot tell, because the issuer's keys
    /// are out of reach.
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

    /// The first audience, by which this service is known. It is the realm of the service's challenges.
    pub fn audience(&self) -> &str {
        self.inner.rules.audience()
    }
}

/// The settings of a [`Verifier`]. Building it needs no network.
#[derive(Debug)]
#[must_use]
pub struct VerifierBuilder {
    issuer: String,
    audiences: Vec<String>,
    jwks_uri: Option<String>,
    refresh_within: Option<Duration>,
    accepts_plain_type: bool,
    clock: Option<Arc<dyn Clock>>,
}

impl VerifierBuilder {
    /// Adds the resource identifier of this service, which must be among a token's `aud`. At least one is required. A service with
    /// several names calls this once for each.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Sets the address of the JWKS. The default is `{issuer}/.well-known/jwks.json`.
    pub fn jwks_uri(mut self, uri: impl Into<String>) -> Self {
        self.jwks_uri = Some(uri.into());
        self
    }

    /// Limits how long the cached keys count as fresh, so that the service refuses a revoked key sooner than with the issuer's
    /// `max-age`. A time under 1 s counts as 1 s. Only requests cause fetches: a service that gets no requests does not fetch.
    pub fn refresh_within(mut self, interval: Duration) -> Self {
        self.refresh_within = Some(interval.max(PAUSE));
        self
    }

    /// Also accepts access tokens whose `typ` is `JWT` instead of `at+jwt`, as the issuer gives them to resources that other libraries
    /// serve too. See [`Rules::accepting_typ_jwt`] for what such tokens must then hold.
    pub fn accept_typ_jwt(mut self) -> Self {
        self.accepts_plain_type = true;
        self
    }

    /// Takes the time from `clock` instead of the machine's clocks. This is for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Builds a verifier that reads the registered claims.
    ///
    /// # Errors
    /// A [`BuildError`] that names the setting that is missing or wrong.
    pub fn build(self) -> Result<Verifier, BuildError> {
        self.build_with_claims()
    }

    /// Builds a verifier that also reads the service's own claims `C`. It refuses a token that lacks one of them, or in which one
    /// has a wrong type.
    ///
    /// # Errors
    /// A [`BuildError`] that names the setting that is missing or wrong.
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
        let rules = Rules::new(self.issuer, self.audiences, LEEWAY);
        let inner = Inner {
            rules: if self.accepts_plain_type { rules.accepting_typ_jwt() } else { rules },
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
