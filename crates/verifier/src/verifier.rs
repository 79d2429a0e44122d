//! `Verifier`: checks the access tokens of one issuer for one service, with cached keys (RFC 9068 §4).

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use url::Url;

use crate::accepted::{Accepted, AcceptedTokens, Handle, TokenHash, handle};
use crate::cache::KeyCache;
use crate::fetch::{JwksFetcher, PAUSE, is_https_or_loopback};
#[cfg(feature = "revocation")]
use crate::revocation::{MAX_ENTRIES, MIN_STALENESS, RevocationStatus, Revocations, STALENESS};
use crate::{BuildError, Claims, Clock, Error, KeySet, LEEWAY, NoExtra, Refusal, Rules, SignedToken, SystemClock};

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
    #[cfg(feature = "revocation")]
    revocations: Revocations,
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
            #[cfg(feature = "revocation")]
            staleness: STALENESS,
            #[cfg(feature = "revocation")]
            max_revocations: MAX_ENTRIES,
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
        let (claims, handle) = self.decide(token).await?;
        #[cfg(feature = "revocation")]
        self.inner.revocations.check(handle.as_ref(), false)?;
        #[cfg(not(feature = "revocation"))]
        let _ = handle;
        Ok(claims)
    }

    /// Accepts or refuses `token` like [`Verifier::verify`], but does not accept it while the issuer's feed of revocations is stale: before
    /// its first answer, after a silence of [`VerifierBuilder::staleness`], and if the issuer has none.
    ///
    /// # Errors
    /// Those of [`Verifier::verify`]; [`Error::Unavailable`] also while the feed is stale.
    #[cfg(feature = "revocation")]
    pub async fn verify_unless_stale(&self, token: &str) -> Result<Arc<Claims<C>>, Error> {
        let (claims, handle) = self.decide(token).await?;
        self.inner.revocations.check(handle.as_ref(), true)?;
        Ok(claims)
    }

    /// Tells how the feed of revocations goes, for metrics and readiness.
    #[cfg(feature = "revocation")]
    pub fn revocation_status(&self) -> RevocationStatus {
        self.inner.revocations.status()
    }

    /// Checks everything but revocation, and returns the claims with the handle by which the token can be revoked.
    async fn decide(&self, token: &str) -> Result<(Arc<Claims<C>>, Option<Handle>), Error> {
        let Inner { rules, keys, accepted, clock, .. } = &*self.inner;
        #[cfg(feature = "revocation")]
        self.inner.revocations.first_answer().await;
        let now = clock.unix_seconds();
        let hash = accepted.hash(token);
        let before = keys.finished();
        let fresh = keys.fresh(before);
        let presented = match hash.and_then(|hash| accepted.get(&hash)) {
            Some(entry) => match (&*entry, fresh.as_deref()) {
                // Nothing is left to do but to compare the key and the dates, without counting another user of the entry.
                (Some(entry), Some(Some(snapshot))) if snapshot.keys.print(&entry.kid) == Some(&entry.key) => {
                    rules.check_dates(&entry.claims, now)?;
                    return Ok((Arc::clone(&entry.claims), entry.handle));
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
        // The issuer has said that this key is revoked, so there is nothing to ask it.
        if keys.is_retired(presented.key_id()) {
            return Err(Refusal::UnknownKey.into());
        }
        if fresh.is_none() {
            let snapshot = keys.refreshed(before).await?;
            if snapshot.keys.get(presented.key_id()).is_some() {
                return accept(&snapshot.keys);
            }
        }
        accept(&keys.for_unknown_key(presented.key_id(), before).await?.keys)
    }

    /// Decides with `keys`, and remembers the token if it is accepted.
    fn accept(
        &self,
        token: &str,
        hash: Option<TokenHash>,
        presented: &Presented<'_, C>,
        keys: &KeySet,
        now: u64,
    ) -> Result<(Arc<Claims<C>>, Option<Handle>), Error> {
        let Inner { rules, accepted, .. } = &*self.inner;
        let parsed;
        let signed = match presented {
            Presented::Known(entry) if keys.print(&entry.kid) == Some(&entry.key) => {
                rules.check_dates(&entry.claims, now)?;
                return Ok((Arc::clone(&entry.claims), entry.handle));
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
        let handle = claims.grant_id.as_deref().map(handle);
        Ok((claims, handle))
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
    #[cfg(feature = "revocation")]
    staleness: Duration,
    #[cfg(feature = "revocation")]
    max_revocations: usize,
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

    /// Sets how long the issuer's feed of revocations may be silent before it counts as stale: 60 s unless it is set. The silence counts from
    /// when the last request that was answered was sent. It may last 40 s while all is well, so a time under 45 s counts as 45 s.
    ///
    /// While the feed is stale, [`Verifier::verify`] accepts tokens until they expire; the verifier logs a warning once, and counts them in
    /// [`RevocationStatus::accepted_while_stale`]. [`Verifier::verify_unless_stale`] and routes that say `refuse_when_stale` answer 503.
    #[cfg(feature = "revocation")]
    pub fn staleness(mut self, tolerated: Duration) -> Self {
        self.staleness = tolerated.max(MIN_STALENESS);
        self
    }

    /// Bounds how many revocations the verifier keeps; the default is 1,000,000, which take up to 40 MB. The verifier drops none before its
    /// time: while the issuer has more, the feed counts as silent.
    #[cfg(feature = "revocation")]
    pub fn max_revocations(mut self, entries: usize) -> Self {
        self.max_revocations = entries;
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
        let keys = Arc::new(KeyCache::new(fetcher, Arc::clone(&clock), self.refresh_within));
        #[cfg(feature = "revocation")]
        let revocations = Revocations::new(&self.issuer, Arc::clone(&keys), Arc::clone(&clock), self.staleness, self.max_revocations)?;
        let rules = Rules::new(self.issuer, self.audiences, LEEWAY);
        let inner = Inner {
            rules: if self.accepts_plain_type { rules.accepting_typ_jwt() } else { rules },
            keys,
            accepted: AcceptedTokens::new(self.token_cache.0, self.token_cache.1),
            #[cfg(feature = "revocation")]
            revocations,
            clock,
        };
        Ok(Verifier { inner: Arc::new(inner) })
    }
}

fn is_issuer(issuer: &str) -> bool {
    Url::parse(issuer)
        .is_ok_and(|url| is_https_or_loopback(&url) && url.query().is_none() && url.fragment().is_none() && !issuer.ends_with('/'))
}
