//! JSON Web Keys and key sets (RFC 7517), and thumbprints of keys (RFC 7638). Only RSA signing keys are supported.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::signature::RsaKey;

/// The largest number of keys that a set may contain.
const MAX_KEYS: usize = 64;

/// A public RSA key in the form that a JWKS contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// The key type, `RSA`.
    pub kty: String,
    /// The key id, by which tokens name the key.
    pub kid: Option<String>,
    /// The intended use; a key with another use than `sig` is not used.
    #[serde(rename = "use")]
    pub use_: Option<String>,
    /// The intended operations; a key that has them without `verify` is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    /// The only algorithm for which the key may be used; a key for another one than `RS256` is not used.
    pub alg: Option<String>,
    /// The modulus as big-endian bytes, in base64url.
    pub n: Option<String>,
    /// The exponent as big-endian bytes, in base64url.
    pub e: Option<String>,
}

impl Jwk {
    /// Builds the public RS256 key with this modulus and exponent (big-endian bytes). Its `kid` is its RFC 7638 thumbprint.
    pub fn rs256(modulus: &[u8], exponent: &[u8]) -> Self {
        let n = BASE64_URL_SAFE_NO_PAD.encode(modulus);
        let e = BASE64_URL_SAFE_NO_PAD.encode(exponent);
        // RFC 7638 §3.2: hash the required members in lexicographic order, without white space.
        let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        let kid = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
        Self {
            kty: "RSA".to_owned(),
            kid: Some(kid),
            use_: Some("sig".to_owned()),
            key_ops: None,
            alg: Some("RS256".to_owned()),
            n: Some(n),
            e: Some(e),
        }
    }

    /// Returns the parsed key, or `None` if it may not verify RS256 signatures.
    fn usable(&self) -> Option<Key> {
        let is_unset_or = |member: &Option<String>, value: &str| member.as_deref().is_none_or(|found| found == value);
        let may_verify = self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        if !may_verify || self.kty != "RSA" || !is_unset_or(&self.use_, "sig") || !is_unset_or(&self.alg, "RS256") {
            return None;
        }
        let decode = |member: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(member.as_deref()?).ok();
        let (modulus, exponent) = (decode(&self.n)?, decode(&self.e)?);
        let rsa = RsaKey::new(&modulus, &exponent)?;
        let length = (modulus.len() as u64).to_be_bytes();
        let print = digest(&SHA256, &[length.as_slice(), &modulus, &exponent].concat()).as_ref().try_into().ok()?;
        Some(Key { kid: self.kid.clone()?, print, rsa })
    }
}

/// The reason why a whole JWKS document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The document is not a JSON object with an array `keys`.
    #[error("not a JWKS document: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The document contains more than 64 keys.
    #[error("a JWKS document of more than {MAX_KEYS} keys")]
    TooManyKeys,
}

/// A SHA-256 of a public key, by which two keys with the same `kid` can be told apart.
pub(crate) type KeyPrint = [u8; 32];

#[derive(Debug, Clone)]
struct Key {
    kid: String,
    #[cfg_attr(not(feature = "fetch"), expect(dead_code, reason = "only the cache of accepted tokens compares keys"))]
    print: KeyPrint,
    rsa: RsaKey,
}

/// The keys of an issuer that may verify RS256 signatures.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// Parses a JWKS document. It leaves out every key that has another type, use or algorithm, has no `kid`, or is too weak
    /// (for example fewer than 2048 bits). The other keys stay usable.
    ///
    /// # Errors
    /// A [`JwksError`] if the document is no JWKS, or contains more than 64 keys.
    pub fn from_jwks(document: &[u8]) -> Result<Self, JwksError> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<serde_json::Value>,
        }
        let Jwks { keys } = serde_json::from_slice(document)?;
        if keys.len() > MAX_KEYS {
            return Err(JwksError::TooManyKeys);
        }
        Ok(keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok()).collect())
    }

    pub(crate) fn get(&self, kid: &str) -> Option<&RsaKey> {
        self.0.iter().find(|key| key.kid == kid).map(|key| &key.rsa)
    }

    /// Returns the hash of the key that `kid` names.
    #[cfg(feature = "fetch")]
    pub(crate) fn print(&self, kid: &str) -> Option<&KeyPrint> {
        self.0.iter().find(|key| key.kid == kid).map(|key| &key.print)
    }

    /// Drops the keys whose `kid` `retired` names.
    #[cfg(feature = "fetch")]
    pub(crate) fn without(mut self, retired: &std::collections::HashSet<String>) -> Self {
        self.0.retain(|key| !retired.contains(&key.kid));
        self
    }

    /// Iterates over the `kid` of every usable key.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.kid.as_str())
    }
}

impl FromIterator<Jwk> for KeySet {
    fn from_iter<I: IntoIterator<Item = Jwk>>(keys: I) -> Self {
        Self(keys.into_iter().filter_map(|key| key.usable()).collect())
    }
}
