//! The errors of this crate: a token is refused, the verifier cannot answer now, or a verifier cannot be built.

use std::time::Duration;

/// The reason why a token is refused. It is meant for the service's log; the client learns only `invalid_token`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The token is longer than [`crate::MAX_TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// The token does not have three base64url parts, or its header or claims set is not one JSON object with unique member
    /// names and values of the right types.
    #[error("the token is malformed")]
    Malformed,
    /// The header's `alg` is not RS256.
    #[error("the token's alg is not RS256")]
    Algorithm,
    /// The header's `typ` is not `at+jwt` (RFC 9068 §4), nor `JWT` where the verifier accepts that too. An ID token, for example, has
    /// another type.
    #[error("the token's typ is not that of an access token")]
    Type,
    /// The token has the type `JWT` and a claim that only other tokens have, such as ID tokens.
    #[error("the token has the claim {0}, so it is no access token")]
    OtherToken(&'static str),
    /// The header has a `crit` member (RFC 7515 §4.1.11). It would name an extension, and the verifier supports none.
    #[error("the token's header has a crit member")]
    Critical,
    /// The header has no `kid`, or the issuer publishes no key with this `kid`.
    #[error("the token's key is not among the issuer's keys")]
    UnknownKey,
    /// The signature does not match the token and the key.
    #[error("the token's signature does not match")]
    Signature,
    /// A required claim is missing or empty.
    #[error("the token lacks the claim {0}")]
    MissingClaim(&'static str),
    /// `iss` names another issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` does not contain this service.
    #[error("the token is for another audience")]
    Audience,
    /// `exp` is in the past by the leeway or more.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` is in the future by more than the leeway.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The claim `cnf` asks for proof of possession (RFC 7800), which this version cannot check.
    #[error("the token is bound to a key, which is not supported")]
    ProofOfPossession,
    /// The issuer has revoked what the token was granted by (its `grant_id`).
    #[error("the token is revoked")]
    Revoked,
}

/// The answer of `Verifier::verify` for a token that it does not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The token is not valid. A service answers `401 invalid_token`.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The issuer's keys are out of reach, or its revocations where the caller insists on them, so the verifier cannot tell whether the
    /// token is valid. A service answers `503` with `Retry-After`.
    #[error("the issuer's keys or revocations are out of reach")]
    Unavailable {
        /// The time to wait before the next try; at most 30 seconds.
        retry_after: Duration,
    },
}

/// The reason why a verifier cannot be built. Each message names the setting and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The issuer is not a URL that the verifier accepts as `iss`.
    #[error("issuer {0:?}: expected an https URL (http for a loopback host) without query, fragment or trailing slash")]
    Issuer(String),
    /// No audience was given, or one of them is empty.
    #[error("audience: expected at least one resource identifier; without one any service's tokens would be accepted")]
    Audience,
    /// The address of the JWKS is neither an https URL nor an http URL with a loopback host.
    #[error("jwks_uri {0:?}: expected an https URL (http for a loopback host)")]
    JwksUri(String),
    /// The HTTP client could not be set up, for example because the machine has no root certificates.
    #[error("HTTP client: {0}")]
    Client(String),
}
