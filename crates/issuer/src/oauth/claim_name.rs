//! The names that attributes and the claims of clients may have. Names of the protocol are refused, so that nothing an administrator or an
//! import sets can replace what a token says about itself.

use crate::oauth::reserved_name::is_reserved;
use crate::oauth::standard_claims::CLAIMS;

/// The greatest length of a name, in bytes.
pub const MAX_BYTES: usize = 128;

/// The claims that only the issuer writes: those of JWT (RFC 7519 §4.1), access tokens (RFC 9068 §2.2, RFC 8693 §4, RFC 7800), ID tokens
/// (OpenID Connect Core §2, §3.1.3.6, §5.6.2, §7) and security events (RFC 8417, logout).
const PROTOCOL_CLAIMS: [&str; 29] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "sid",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "act",
    "may_act",
    "cnf",
    "events",
    "sub_id",
    "sub_jwk",
    "txn",
    "toe",
    "grant_id",
    "_claim_names",
    "_claim_sources",
];

/// A text is no name for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimNameError {
    /// The name is empty, too long, or has characters that are not allowed.
    #[error(
        "1 to {MAX_BYTES} printable ASCII characters without spaces, quotes and backslashes, such as department or https://example.com/team"
    )]
    Form,
    /// The protocol uses the name.
    #[error("a name that the protocol does not use; {} are written by the issuer alone", PROTOCOL_CLAIMS.join(", "))]
    Protocol,
    /// No page could have the name in its URL.
    #[error("none of the names new, . and .., because an attribute of such a name would have no page")]
    Reserved,
    /// The REST API could not have the name in its URLs.
    #[error("none of the names . and .., because no URL can name such a claim")]
    Dots,
    /// The name is that of a claim about users that the issuer knows.
    #[error("a name that is not a standard claim of OpenID Connect; {} have a meaning already", CLAIMS.map(|(name, _)| name).join(", "))]
    Standard,
}

/// Returns whether `name` is a claim that only the issuer writes.
pub fn is_protocol(name: &str) -> bool {
    PROTOCOL_CLAIMS.contains(&name)
}

/// Checks the name of a claim that a client is given.
pub fn check(name: &str) -> Result<(), ClaimNameError> {
    let allowed = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    if name.is_empty() || name.len() > MAX_BYTES || !name.chars().all(allowed) {
        return Err(ClaimNameError::Form);
    }
    if matches!(name, "." | "..") {
        return Err(ClaimNameError::Dots);
    }
    if is_protocol(name) { Err(ClaimNameError::Protocol) } else { Ok(()) }
}

/// Checks the name of an attribute, which may become a claim of the same name and so must not be that of a standard claim either.
pub fn check_attribute(name: &str) -> Result<(), ClaimNameError> {
    if is_reserved(name) {
        return Err(ClaimNameError::Reserved);
    }
    check(name)?;
    if CLAIMS.iter().any(|(known, _)| *known == name) { Err(ClaimNameError::Standard) } else { Ok(()) }
}
