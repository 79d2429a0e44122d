//! Seals private keys and the headers of receivers for storage, and authorization requests for their way through the browser, as JWE (RFC
//! 7516, `dir` with A256GCM, no compression), under a version of the master key.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use josekit::jwe::{self, Dir, JweHeader};
use zeroize::Zeroizing;

use crate::keys::master::{MasterKeyError, MasterKeys, Version};

/// The reason why a value cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The JWE could not be made or decrypted.
    #[error("sealed value: {0}")]
    Jose(#[from] josekit::JoseError),
    /// The value is not in the form that [`seal`] gives it.
    #[error("sealed value: it is not in the form in which this issuer seals values")]
    NotOurs,
    /// This node lacks the version of the master key that sealed the value.
    #[error(transparent)]
    Master(#[from] MasterKeyError),
}

/// What a value is sealed for. Each purpose has a key of its own, so that a value of one is never taken for a value of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A private key, which is stored in the database.
    SigningKey,
    /// An authorization request, which travels in a form.
    Request,
    /// The `Authorization` header that a receiver of events wants, which is stored in the database.
    Header,
}

impl Purpose {
    fn key(self, version: &Version) -> &[u8] {
        match self {
            Self::SigningKey => version.seal.as_slice(),
            Self::Request => version.seal_requests.as_slice(),
            Self::Header => version.seal_headers.as_slice(),
        }
    }
}

/// Seals `secret` under the current version of the master key.
pub fn seal(master: &MasterKeys, purpose: Purpose, secret: &[u8]) -> Result<String, SealError> {
    let version = master.current_version()?;
    let mut header = JweHeader::new();
    header.set_content_encryption("A256GCM");
    header.set_key_id(version.version.to_string());
    Ok(jwe::serialize_compact(secret, &header, &Dir.encrypter_from_bytes(purpose.key(version))?)?)
}

/// Opens a value that [`seal`] made for `purpose`.
pub fn unseal(master: &MasterKeys, purpose: Purpose, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let header = header(sealed).ok_or(SealError::NotOurs)?;
    // Checked before anything is decrypted, because josekit would decompress a value without any limit.
    if header.content_encryption() != Some("A256GCM") || header.compression().is_some() {
        return Err(SealError::NotOurs);
    }
    let version = version_of(sealed).ok_or(SealError::NotOurs)?;
    let version = master.version(version).ok_or(MasterKeyError::NoVersion(version))?;
    let (secret, _) = jwe::deserialize_compact(sealed, &Dir.decrypter_from_bytes(purpose.key(version))?)?;
    Ok(Zeroizing::new(secret))
}

fn header(sealed: &str) -> Option<JweHeader> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed.split('.').next()?).ok()?;
    JweHeader::from_bytes(&bytes).ok()
}

/// The version of the master key that the header of `sealed` names. `None` if the header cannot be read.
pub fn version_of(sealed: &str) -> Option<i32> {
    header(sealed)?.key_id()?.parse().ok()
}
