//! JSON Web Keys and key sets (RFC 7517), RSA signing keys only, and their thumbprints (RFC 7638).

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::signature::RsaKey;

/// The most keys that a set may hold.
const MAX_KEYS: usize = 64;

/// A public RSA key as it stands in a JWKS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Key type; `RSA`.
    pub kty: String,
    /// Key id, by which tokens name it.
    pub kid: Option<String>,
    /// Intended use; `sig` where present.
    #[serde(rename = "use")]
    pub use_: Option<String>,
    /// Intended operations; holds `verify` where present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    /// The one algorithm that the key is for.
    pub alg: Option<String>,
    /// Modulus, big-endian, base64url.
    pub n: Option<String>,
    /// Exponent, big-endian, base64url.
    pub e: Option<String>,
}

impl Jwk {
    /// The RS256 signing key of this modulus and exponent (big-endian), its `kid` the RFC 7638 thumbprint.
    pub fn rs256(modulus: &[u8], exponent: &[u8]) -> Self {
        let n = BASE64_URL_SAFE_NO_PAD.encode(modulus);
        let e = BASE64_URL_SAFE_NO_PAD.encode(exponent);
        // RFC 7638 §3.2: the required members in lexicographic order, without white space.
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

    /// The key, if it is one that may sign RS256 tokens.
    fn usable(&self) -> Option<Key> {
        let is_unset_or = |member: &Option<String>, value: &str| member.as_deref().is_none_or(|found| found == value);
        let may_verify = self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        if !may_verify || self.kty != "RSA" || !is_unset_or(&self.use_, "sig") || !is_unset_or(&self.alg, "RS256") {
            return None;
        }
        let decode = |member: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(member.as_deref()?).ok();
        Some(Key { kid: self.kid.clone()?, rsa: RsaKey::new(&decode(&self.n)?, &decode(&self.e)?)? })
    }
}

/// Why a JWKS document cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// Not an object with an array `keys`.
    #[error("not a JWKS document: {0}")]
    Malformed(#[from] serde_json::Error),
    /// More than 64 keys.
    #[error("a JWKS document of more than {MAX_KEYS} keys")]
    TooManyKeys,
}

#[derive(Debug, Clone)]
struct Key {
    kid: String,
    rsa: RsaKey,
}

/// The issuer's keys that may verify RS256 tokens.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads a JWKS document. A key of another type, use or algorithm, without `kid`, or under 2048 bits is left out;
    /// it never spoils the set.
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

    /// The `kid`s of the usable keys.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.kid.as_str())
    }
}

impl FromIterator<Jwk> for KeySet {
    fn from_iter<I: IntoIterator<Item = Jwk>>(keys: I) -> Self {
        Self(keys.into_iter().filter_map(|key| key.usable()).collect())
    }
}
