//! Refresh tokens. They are opaque to clients, and a copy of the database is not enough to make one.
//!
//! A token consists of the authorization's id, the generation and the key version, followed by an HMAC-SHA-256 over all of these
//! and the row's random salt. The key of the HMAC is derived from the master key. The same generation always gives the same token.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::keys::master::{MasterKeyError, MasterKeys};
use crate::store::authorizations::AuthorizationRow;

/// For this many seconds, a token that was just spent gets the same successor again, because an answer may be lost, or a client may
/// ask from two places at once.
pub const GRACE: UnixSeconds = 10;

const BODY_BYTES: usize = 16 + 4 + 4;

/// The parts of a refresh token. They must not be trusted before [`RefreshToken::is_genuine`] has returned `true`.
#[derive(Debug)]
pub struct RefreshToken {
    /// The id of the authorization that the token claims to belong to.
    pub authorization: Uuid,
    /// The number of times that the authorization had been refreshed when the token was issued.
    pub generation: i32,
    key_version: i32,
    mac: [u8; 32],
}

impl RefreshToken {
    /// Splits a token into its parts. Returns `None` if it does not have the form of a refresh token.
    pub fn parse(token: &str) -> Option<Self> {
        let bytes: [u8; BODY_BYTES + 32] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        Some(Self {
            authorization: Uuid::from_slice(&bytes[..16]).ok()?,
            generation: i32::from_be_bytes(bytes[16..20].try_into().ok()?),
            key_version: i32::from_be_bytes(bytes[20..24].try_into().ok()?),
            mac: bytes[24..].try_into().ok()?,
        })
    }

    /// Returns whether this issuer made the token for the authorization of `row`. Compares in constant time. This cannot be decided
    /// if this node lacks the version of the master key that `row` needs. Then it fails if `row` is `alive`; otherwise it returns
    /// `false`, because the caller refuses the token in any case.
    pub fn is_genuine(&self, row: &AuthorizationRow, alive: bool, master: &MasterKeys) -> Result<bool, MasterKeyError> {
        let Some(key) = master.refresh_key(row.key_version) else {
            return if alive { Err(MasterKeyError::NoVersion(row.key_version)) } else { Ok(false) };
        };
        let body = body(self.authorization, self.generation, self.key_version);
        Ok(self.authorization == row.id
            && self.key_version == row.key_version
            && hmac::verify(key, &[&body, row.salt.as_slice()].concat(), &self.mac).is_ok())
    }
}

/// Makes the refresh token of the generation in `row`. Fails if this node lacks the version of the master key that `row` needs.
pub fn encode(row: &AuthorizationRow, master: &MasterKeys) -> Result<String, MasterKeyError> {
    let key = master.refresh_key(row.key_version).ok_or(MasterKeyError::NoVersion(row.key_version))?;
    let body = body(row.id, row.generation, row.key_version);
    let mac = hmac::sign(key, &[&body, row.salt.as_slice()].concat());
    Ok(BASE64_URL_SAFE_NO_PAD.encode([&body, mac.as_ref()].concat()))
}

fn body(authorization: Uuid, generation: i32, key_version: i32) -> [u8; BODY_BYTES] {
    let mut body = [0; BODY_BYTES];
    body[..16].copy_from_slice(authorization.as_bytes());
    body[16..20].copy_from_slice(&generation.to_be_bytes());
    body[20..].copy_from_slice(&key_version.to_be_bytes());
    body
}
