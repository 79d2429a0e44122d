//! Hashes of random secrets and tokens; the database stores only these. SHA-256 suffices, because a secret of 128 random bits or
//! more cannot be guessed. Passwords can, so they are hashed with Argon2id instead.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// The SHA-256 of `secret`, 32 bytes.
pub fn hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// The SHA-256 of `secret` in base64url, by which a row can be found.
pub fn key(secret: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(hash(secret))
}
