//! Proof Key for Code Exchange (RFC 7636). Only S256 is supported, because with `plain` whoever sees the authorization request
//! knows the verifier.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

/// The only value of `code_challenge_methods_supported` in the discovery document.
pub const METHOD: &str = "S256";

/// Returns whether `challenge` has the form of a SHA-256 hash in base64url.
pub fn is_challenge(challenge: &str) -> bool {
    challenge.len() == 43 && BASE64_URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|hash| hash.len() == 32)
}

/// Returns whether `verifier` is well formed (§4.1) and hashes to `challenge` (§4.6).
pub fn verifies(verifier: &str, challenge: &str) -> bool {
    let well_formed =
        (43..=128).contains(&verifier.len()) && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let made = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    well_formed && bool::from(made.as_bytes().ct_eq(challenge.as_bytes()))
}
