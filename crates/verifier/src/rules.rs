//! The rules that an access token must meet to be accepted (RFC 9068 §4): type, issuer, audience, dates and required claims.

use serde::de::DeserializeOwned;

use crate::claims::{self, Claims, RawClaims};
use crate::{KeySet, Refusal, SignedToken};

/// The `typ` of an access token (RFC 9068 §2.1).
const ACCESS_TOKEN_TYPE: &str = "at+jwt";
/// The `typ` of access tokens for services whose libraries refuse `at+jwt`. Other tokens have it too, such as ID tokens.
const PLAIN_TYPE: &str = "JWT";
/// Claims that only other tokens have: ID tokens (`nonce`, `at_hash`, `c_hash`) and security events such as logout tokens (`events`). They
/// tell these from access tokens of the type `JWT` (RFC 8725 §3.12).
pub const CLAIMS_OF_OTHER_TOKENS: [&str; 4] = ["nonce", "at_hash", "c_hash", "events"];

/// The difference between the clocks of issuer and service that a verifier tolerates, in seconds.
pub const LEEWAY: u64 = 30;
/// The longest time that one fetch of the JWKS may take, connecting included, in seconds.
pub const FETCH_TIME: u64 = 5;
/// The time for which a verifier that does not reach the issuer goes on with keys that are no longer fresh, in seconds.
pub const STALE_ALLOWANCE: u64 = 3600;
/// A `max-age` of the JWKS that is shorter than this counts as this, in seconds. `Age` and `refresh_within` can still shorten
/// the time for which the keys are fresh.
pub const MIN_MAX_AGE: u64 = 60;
/// The longest life of an access token, in seconds.
pub const MAX_TOKEN_LIFETIME: u64 = 3600;

/// Returns how long a revoked handle must be remembered, in seconds: until each token that carries it has expired by any clock. `clock_skew` is
/// by how much the clocks of the issuer's machines may differ.
pub const fn revocation_lifetime(clock_skew: u64) -> u64 {
    MAX_TOKEN_LIFETIME + LEEWAY + clock_skew
}

/// Returns how long the issuer must go on naming a revoked key, in seconds: as long as a verifier may go on with a JWKS from before the
/// revocation. Tokens of a stolen key expire when the thief likes, so their life is no part of it. `max_age` is that of the JWKS.
///
/// The parts: the keys are fresh for `max_age`, or a shorter one counts as [`MIN_MAX_AGE`]; the fetch may take [`FETCH_TIME`]; an answer of a
/// cache that is as old as `max_age` counts as fresh for one second more; and the keys serve for [`STALE_ALLOWANCE`] while the issuer is away.
/// `clock_skew` is for the machine of the database, which dates the revocation and may be another one later.
pub const fn key_revocation_lifetime(max_age: u64, clock_skew: u64) -> u64 {
    let fresh_for = if max_age > MIN_MAX_AGE { max_age } else { MIN_MAX_AGE };
    fresh_for + FETCH_TIME + 1 + STALE_ALLOWANCE + clock_skew
}

/// The way in which a token says that it is an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// By its `typ`.
    Typed,
    /// By its claims, because its `typ` is `JWT`.
    Plain,
}

/// The issuer, audiences and leeway with which a service checks tokens.
#[derive(Debug, Clone)]
pub struct Rules {
    issuer: String,
    audiences: Vec<String>,
    leeway: u64,
    accepts_plain_type: bool,
}

impl Rules {
    /// Makes rules that accept tokens of `issuer` for at least one of `audiences`. `leeway` is the difference between the clocks
    /// that is tolerated, in seconds.
    pub fn new(issuer: impl Into<String>, audiences: Vec<String>, leeway: u64) -> Self {
        Self { issuer: issuer.into(), audiences, leeway, accepts_plain_type: false }
    }

    /// Also accepts tokens whose `typ` is `JWT`. They must have the claims `client_id`, `jti` and `scope`, and none of
    /// [`CLAIMS_OF_OTHER_TOKENS`], so that no other token of the issuer is taken for an access token (RFC 8725 §3.12).
    #[must_use]
    pub fn accepting_typ_jwt(mut self) -> Self {
        self.accepts_plain_type = true;
        self
    }

    /// The first audience, by which this service is known; empty if there is none.
    pub fn audience(&self) -> &str {
        self.audiences.first().map_or("", String::as_str)
    }

    /// Checks the signature of `token` with `keys`, and its claims at the time `now` (Unix seconds).
    ///
    /// # Errors
    /// The first [`Refusal`] that applies to the token.
    pub fn check<C: DeserializeOwned + 'static>(&self, token: &SignedToken<'_>, keys: &KeySet, now: u64) -> Result<Claims<C>, Refusal> {
        let kind = self.kind(token)?;
        let payload = token.check_signature(keys)?;
        self.check_claims(kind, payload, now)
    }

    /// Refuses a token that would be refused even with a valid signature. The verifier calls this before it fetches keys, so that
    /// such a token with an unknown `kid` causes no fetch.
    #[cfg(feature = "fetch")]
    pub(crate) fn check_untrusted(&self, token: &SignedToken<'_>, now: u64) -> Result<(), Refusal> {
        let kind = self.kind(token)?;
        self.check_claims::<crate::NoExtra>(kind, token.untrusted_payload(), now).map(|_| ())
    }

    fn kind(&self, token: &SignedToken<'_>) -> Result<Kind, Refusal> {
        if token.has_type(ACCESS_TOKEN_TYPE) {
            return Ok(Kind::Typed);
        }
        if self.accepts_plain_type && token.has_type(PLAIN_TYPE) { Ok(Kind::Plain) } else { Err(Refusal::Type) }
    }

    fn check_claims<C: DeserializeOwned + 'static>(&self, kind: Kind, payload: &[u8], now: u64) -> Result<Claims<C>, Refusal> {
        let raw = RawClaims::parse(payload)?;
        if kind == Kind::Plain {
            if let Some(claim) = raw.of_other_token {
                return Err(Refusal::OtherToken(claim));
            }
            if raw.scope.is_none() {
                return Err(Refusal::MissingClaim("scope"));
            }
        }
        let issuer = raw.iss.ok_or(Refusal::MissingClaim("iss"))?;
        if issuer != self.issuer {
            return Err(Refusal::Issuer);
        }
        if !raw.aud.iter().any(|audience| self.audiences.contains(audience)) {
            return Err(Refusal::Audience);
        }
        if raw.has_cnf {
            return Err(Refusal::ProofOfPossession);
        }
        let expires_at = raw.exp.ok_or(Refusal::MissingClaim("exp"))?;
        self.check_expiry(expires_at, now)?;
        let issued_at = raw.iat.ok_or(Refusal::MissingClaim("iat"))?;
        self.check_start(issued_at, raw.nbf, now)?;
        Ok(Claims {
            issuer,
            subject: present("sub", raw.sub)?,
            audience: raw.aud,
            expires_at,
            issued_at,
            not_before: raw.nbf,
            token_id: present("jti", raw.jti)?,
            client_id: present("client_id", raw.client_id)?,
            scope: raw.scope.unwrap_or_default(),
            auth_time: raw.auth_time,
            acr: raw.acr,
            amr: raw.amr,
            session_id: raw.sid,
            groups: raw.groups,
            roles: raw.roles,
            grant_id: raw.grant_id,
            extra: claims::extra(payload)?,
        })
    }

    /// Checks the dates of claims that have passed all rules at another time.
    #[cfg(feature = "fetch")]
    pub(crate) fn check_dates<C>(&self, claims: &Claims<C>, now: u64) -> Result<(), Refusal> {
        self.check_expiry(claims.expires_at, now)?;
        self.check_start(claims.issued_at, claims.not_before, now)
    }

    fn check_expiry(&self, expires_at: u64, now: u64) -> Result<(), Refusal> {
        if expires_at.saturating_add(self.leeway) <= now { Err(Refusal::Expired) } else { Ok(()) }
    }

    fn check_start(&self, issued_at: u64, not_before: Option<u64>, now: u64) -> Result<(), Refusal> {
        let start = issued_at.max(not_before.unwrap_or(0));
        if start > now.saturating_add(self.leeway) { Err(Refusal::NotYetValid) } else { Ok(()) }
    }
}

fn present(name: &'static str, claim: Option<String>) -> Result<String, Refusal> {
    claim.filter(|value| !value.is_empty()).ok_or(Refusal::MissingClaim(name))
}
