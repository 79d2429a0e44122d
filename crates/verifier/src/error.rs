//! Why a token is refused, and why an answer may have to wait.

use std::time::Duration;

/// Why a token is refused. It is for the service's log; the caller is told `invalid_token` and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Longer than [`crate::MAX_TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// Not three base64url parts, or a header or claims set that is not one JSON object with unique member names and
    /// well-typed values.
    #[error("the token is malformed")]
    Malformed,
    /// `alg` is not RS256.
    #[error("the token's alg is not RS256")]
    Algorithm,
    /// `typ` is not `at+jwt` (RFC 9068 §4): an ID token, for example.
    #[error("the token's typ is not at+jwt")]
    Type,
    /// The header has a `crit` member; no extension is supported (RFC 7515 §4.1.11).
    #[error("the token's header has a crit member")]
    Critical,
    /// The header has no `kid`, or the issuer publishes no such key.
    #[error("the token's key is not among the issuer's keys")]
    UnknownKey,
    /// The signature does not match.
    #[error("the token's signature does not match")]
    Signature,
    /// A required claim is missing or empty.
    #[error("the token lacks the claim {0}")]
    MissingClaim(&'static str),
    /// `iss` is another issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` does not hold this service.
    #[error("the token is for another audience")]
    Audience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `cnf` asks for proof of possession, which this version cannot check (RFC 7800).
    #[error("the token is bound to a key, which is not supported")]
    ProofOfPossession,
}

/// What `Verifier::verify` answers when it does not accept a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The token is no good: `401 invalid_token`.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The issuer's keys are out of reach, so nothing can be said of the token: `503` with `Retry-After`.
    #[error("the issuer's keys are out of reach")]
    Unavailable {
        /// How long to wait before the next try.
        retry_after: Duration,
    },
}

/// Why a verifier cannot be built. Each names the setting and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The issuer is not a URL that tokens can come from.
    #[error("issuer {0:?}: expected an https URL (http for a loopback host) without query, fragment or trailing slash")]
    Issuer(String),
    /// No audience was given, or an empty one.
    #[error("audience: expected at least one resource identifier; without one any service's tokens would be accepted")]
    Audience,
    /// The JWKS address is not https.
    #[error("jwks_uri {0:?}: expected an https URL (http for a loopback host)")]
    JwksUri(String),
    /// The HTTP client could not be set up (for example no root certificates on this machine).
    #[error("HTTP client: {0}")]
    Client(String),
}
