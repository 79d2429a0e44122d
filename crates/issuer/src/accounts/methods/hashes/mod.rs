//! Stored password hashes: our own, and those of other systems, which are renewed at the next sign-in.
//!
//! A hash of another system brings its own parameters, so they have bounds. Otherwise one sign-in could delay all others.

mod django;
mod function;
mod keycloak;
mod phc;
mod spring;

use argon2::{Block, Params};
use serde_json::Value;
use subtle::ConstantTimeEq;

pub(super) use function::{argon2id, work};

use crate::config::{MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_WORK};
use crate::oauth::json;
use function::Function;

/// The greatest cost of a bcrypt hash: it needs 2 to the power of the cost rounds.
pub const MAX_BCRYPT_COST: u32 = 14;
/// The greatest number of rounds of a PBKDF2 hash.
pub const MAX_PBKDF2_ROUNDS: u32 = 2_000_000;
/// The greatest memory of a scrypt hash, in bytes.
pub const MAX_SCRYPT_MEMORY: u64 = 128 * 1024 * 1024;
/// The greatest product of the parameters N, r and p of a scrypt hash.
pub const MAX_SCRYPT_WORK: u64 = 1 << 22;
/// The smallest and the greatest length of a salt, in bytes.
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=256;
/// The smallest and the greatest length of a digest, in bytes.
const DIGEST_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// The reason why a hash cannot be used. The message says what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The text has none of the known forms, or its parts cannot be read.
    #[error(
        "a whole hash of Argon2, scrypt, PBKDF2 or bcrypt, as Signet, Django, Spring Security, Keycloak or passlib store it, such as \
         $argon2id$v=19$m=19456,t=2,p=1$salt$hash or $2b$12$…"
    )]
    Form,
    /// The Argon2 parameters are out of bounds.
    #[error("Argon2 of at most {MAX_ARGON2_MEMORY_KIB} KiB, whose product with the number of passes is at most {MAX_ARGON2_WORK}")]
    Argon2,
    /// The scrypt parameters are out of bounds.
    #[error("scrypt of at most {} MiB, with N·r·p of at most {MAX_SCRYPT_WORK}", MAX_SCRYPT_MEMORY >> 20)]
    Scrypt,
    /// The number of PBKDF2 rounds is out of bounds.
    #[error("PBKDF2 of 1 to {MAX_PBKDF2_ROUNDS} rounds")]
    Pbkdf2,
    /// The bcrypt cost is out of bounds.
    #[error("bcrypt of cost 4 to {MAX_BCRYPT_COST}, with $2a$, $2b$ or $2y$")]
    Bcrypt,
    /// The salt is too short or too long.
    #[error("a hash with a salt of {} to {} bytes", SALT_BYTES.start(), SALT_BYTES.end())]
    Salt,
    /// The digest is too short or too long.
    #[error("a hash with a digest of {} to {} bytes", DIGEST_BYTES.start(), DIGEST_BYTES.end())]
    Digest,
}

/// The text before a stored hash that says that the password was prepared ([`opaque_string`]) before it was hashed. Hashes of other systems,
/// and those of earlier versions, lack it.
///
/// [`opaque_string`]: crate::accounts::opaque_string
pub(super) const PREPARED: &str = "{opaque}";
/// The beginning of an Argon2id hash as this issuer makes it.
const OWN: &str = "$argon2id$v=19$";

/// Returns whether a stored hash was made here of a password that was typed or generated, and not imported from another system.
pub fn is_prepared(stored: &str) -> bool {
    stored.starts_with(PREPARED)
}

/// Returns whether a stored hash was made by another system, and no sign-in has replaced it.
pub fn is_foreign(stored: &str) -> bool {
    !stored.starts_with(PREPARED) && !stored.starts_with(OWN)
}

/// A parsed hash of a password.
#[derive(Clone)]
pub struct StoredHash {
    prepared: bool,
    own: bool,
    function: Function,
    expected: Vec<u8>,
}

/// Shows neither salt nor digest.
impl std::fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredHash").field("own", &self.own).finish_non_exhaustive()
    }
}

impl StoredHash {
    /// Parses a hash of this issuer, with or without [`PREPARED`], or of another system. Refuses parameters that are out of bounds.
    pub fn parse(stored: &str) -> Result<Self, HashError> {
        let (text, prepared) = stored.strip_prefix(PREPARED).map_or((stored, false), |text| (text, true));
        let own = text.starts_with(OWN);
        let (function, expected) = match text.chars().next() {
            Some('$') if own || !prepared => phc::parse(text)?,
            Some('{') if text.starts_with("{\"") && !prepared => keycloak::parse(text)?,
            Some('{') if !prepared => spring::parse(text)?,
            Some('a'..='z') if !prepared => django::parse(text)?,
            _ => return Err(HashError::Form),
        };
        function.check()?;
        if !DIGEST_BYTES.contains(&expected.len()) {
            return Err(HashError::Digest);
        }
        Ok(Self { prepared, own, function, expected })
    }

    /// Returns the text to store of a hash of another system, which is a text, or an object as Keycloak exports it (or its text). Fails if
    /// the hash cannot be used.
    pub fn import(hash: &Value) -> Result<String, HashError> {
        let text = match hash {
            Value::String(text) if text.starts_with('{') && text.ends_with('}') => {
                let credential = json::parse(text.as_bytes()).map_err(|_| HashError::Form)?;
                keycloak::text(&credential).ok_or(HashError::Form)?
            }
            Value::String(text) => text.clone(),
            credential => keycloak::text(credential).ok_or(HashError::Form)?,
        };
        Self::parse(&text).map(|_| text)
    }

    /// Returns whether the password was prepared before it was hashed.
    pub(super) fn is_prepared(&self) -> bool {
        self.prepared
    }

    /// Returns whether the hash is to be replaced by one with the parameters `today`, because it is weaker or of another system.
    pub(super) fn must_be_renewed(&self, today: &Params) -> bool {
        !self.own || self.function.argon2_work().is_some_and(|stored| stored < work(today))
    }

    /// Returns whether the hash is of `password`, which is in the form in which it was hashed.
    pub(super) fn is_of(&self, password: &str, blocks: &mut Vec<Block>) -> bool {
        let output = self.function.compute(password.as_bytes(), self.expected.len(), blocks);
        output.is_some_and(|output| output.ct_eq(&self.expected).into())
    }
}
