//! Proof Key for Code Exchange (RFC 7636), with S256 alone: `plain` protects nothing.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

/// `code_challenge_methods_supported`.
pub const METHOD: &str = "S256";

/// Whether `challenge` can be the base64url of a SHA-256.
pub fn is_challenge(challenge: &str) -> bool {
    challenge.len() == 43 && BASE64_URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|hash| hash.len() == 32)
}

/// Whether `verifier` is well formed (§4.1) and is what `challenge` was made from.
pub fn verifies(verifier: &str, challenge: &str) -> bool {
    let well_formed =
        (43..=128).contains(&verifier.len()) && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let made = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    well_formed && bool::from(made.as_bytes().ct_eq(challenge.as_bytes()))
}
