//! `Verifier`: checks the access tokens of one issuer for one service, with cached keys (RFC 9068 §4).

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use url::Url;

use crate::accepted::{Accepted, AcceptedTokens, TokenHash};
use crate::cache::KeyCache;
use crate::fetch::{JwksFetcher, PAUSE, is_https_or_loopback};
use crate::{BuildError, Claims, Clock, Error, KeySet, LEEWAY, NoExtra, Rules, SignedToken, SystemClock};

/// The number of accepted tokens that a verifier remembers, and the number of bytes that they may take, unless the service sets other bounds.
const TOKEN_CACHE: (usize, usize) = (10_000, 16 << 20);

/// Accepts or refuses access tokens of one issuer for one service. A clone is cheap, because clones share the cached keys and tokens.
///
/// `C` is the service's own type for further claims: any type that serde can deserialize from the payload.
#[derive(Debug)]
pub struct Verifier<C = NoExtra> {
    inner: Arc<Inner<C>>,
}

#[derive(Debug)]
struct Inner<C> {
    rules: Rules,
    keys: Arc<KeyCache>,
    accepted: AcceptedTokens<C>,
    clock: Arc<dyn Clock>,
}

impl<C> Clone for Verifier<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

/// A token that a request presents.
enum Presented<'t, C> {
    /// Its signature and claims were good before, under the key that the entry names.
    Known(Arc<Accepted<C>>),
    New(SignedToken<'t>),
}

impl<C> Presented<'_, C> {
    fn key_id(&self) -> &str {
        match self {
            Self::Known(entry) => &entry.kid,
            Self::New(token) => token.key_id(),
        }
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
            token_cache: TOKEN_CACHE,
            clock: None,
        }
    }
}

impl<C: DeserializeOwned + 'static> Verifier<C> {
    /// Accepts or refuses `token` (compact form, without `Bearer `).
    ///
    /// A token that was accepted before is not checked anew: its claims are those of the first time, and only its key and dates are compared.
    ///
    /// While the keys are fresh, this awaits nothing and takes no lock. Call it within a tokio runtime, because it may spawn a
    /// fetch.
    ///
    /// # Errors
    /// [`Error::Refused`] if the token is not valid; [`Error::Unavailable`] if the verifier cannot tell, because the issuer's keys
    /// are out of reach.
    pub async fn verify(&self, token: &str) -> Result<Arc<Claims<C>>, Error> {
        let Inner { rules, keys, accepted, clock } = &*self.inner;
        let now = clock.unix_seconds();
        let hash = accepted.hash(token);
        let before = keys.finished();
        let fresh = keys.fresh(before);
        let presented = match hash.and_then(|hash| accepted.get(&hash)) {
            Some(entry) => match (&*entry, fresh.as_deref()) {
                // Nothing is left to do but to compare the key and the dates, without counting another user of the entry.
                (Some(entry), Some(Some(snapshot))) if snapshot.keys.print(&entry.kid) == Some(&entry.key) => {
                    rules.check_dates(&entry.claims, now)?;
                    return Ok(Arc::clone(&entry.claims));
                }
                (Some(entry), _) => Presented::Known(Arc::clone(entry)),
                (None, _) => Presented::New(SignedToken::parse(token)?),
            },
            None => Presented::New(SignedToken::parse(token)?),
        };
        let accept = |keys: &KeySet| self.accept(token, hash, &presented, keys, now);

        if let Some(Some(snapshot)) = fresh.as_deref()
            && snapshot.keys.get(presented.key_id()).is_some()
        {
            return accept(&snapshot.keys);
        }
        match &presented {
            Presented::Known(entry) => rules.check_dates(&entry.claims, now)?,
            Presented::New(token) => rules.check_untrusted(token, now)?,
        }
        if fresh.is_none() {
            let snapshot = keys.refreshed(before).await?;
            if snapshot.keys.get(presented.key_id()).is_some() {
                return accept(&snapshot.keys);
            }
        }
        accept(&keys.for_unknown_key(before).await?.keys)
    }

    /// Decides with `keys`, and remembers the token if it is accepted.
    fn accept(
        &self,
        token: &str,
        hash: Option<TokenHash>,
        presented: &Presented<'_, C>,
        keys: &KeySet,
        now: u64,
    ) -> Result<Arc<Claims<C>>, Error> {
        let Inner { rules, accepted, .. } = &*self.inner;
        let parsed;
        let signed = match presented {
            Presented::Known(entry) if keys.print(&entry.kid) == Some(&entry.key) => {
                rules.check_dates(&entry.claims, now)?;
                return Ok(Arc::clone(&entry.claims));
            }
            // The `kid` names another key now, or none.
            Presented::Known(_) => {
                parsed = SignedToken::parse(token)?;
                &parsed
            }
            Presented::New(signed) => signed,
        };
        let claims = Arc::new(rules.check(signed, keys, now)?);
        if let (Some(hash), Some(key)) = (hash, keys.print(signed.key_id())) {
            accepted.insert(Accepted::new(hash, signed.key_id(), *key, Arc::clone(&claims), signed.payload_length()));
        }
        Ok(claims)
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
    token_cache: (usize, usize),
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

    /// Bounds how many accepted tokens the verifier remembers, and about how many bytes they take in all. The default is 10,000 tokens and
    /// 16 MiB. A bound of 0 turns this off, so that the signature of a token is checked at each of its requests.
    ///
    /// The verifier keeps the SHA-256 of a token and its claims, not the token. It remembers no failures.
    pub fn token_cache(mut self, max_tokens: usize, max_bytes: usize) -> Self {
        self.token_cache = (max_tokens, max_bytes);
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
            accepted: AcceptedTokens::new(self.token_cache.0, self.token_cache.1),
            clock,
        };
        Ok(Verifier { inner: Arc::new(inner) })
    }
}

fn is_issuer(issuer: &str) -> bool {
    Url::parse(issuer)
        .is_ok_and(|url| is_https_or_loopback(&url) && url.query().is_none() && url.fragment().is_none() && !issuer.ends_with('/'))
}
