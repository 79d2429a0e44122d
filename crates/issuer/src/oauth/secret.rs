//! What the database keeps of a random secret or token: its SHA-256. That suffices, because they have 128 bits or more and
//! cannot be guessed; passwords are hashed otherwise.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// The SHA-256 of `secret`, 32 bytes.
pub fn hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// The same in base64url, as a key to find a row by.
pub fn key(secret: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(hash(secret))
}
