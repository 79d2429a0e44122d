//! JSON Web Signatures in compact form (RFC 7515 §3.1), RS256 only, parsed strictly (RFC 8725).

use std::fmt;

use base64_simd::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::member::{Name, Seen};
use crate::{KeySet, Refusal};

/// The length of the longest token that is parsed, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The length of the longest decoded header that is parsed, in bytes.
const MAX_HEADER_BYTES: usize = 1024;

/// A parsed token. Its header is acceptable, but its signature is not yet checked.
///
/// Do not trust its content before [`SignedToken::check_signature`] has succeeded.
#[derive(Debug)]
pub struct SignedToken<'t> {
    signing_input: &'t [u8],
    key_id: String,
    typ: Option<String>,
    /// The payload, followed by the signature.
    decoded: Vec<u8>,
    payload_length: usize,
}

impl<'t> SignedToken<'t> {
    /// Parses a compact JWS. It refuses every header that has another `alg` than RS256, no `kid`, or a `crit`. It ignores `jku`,
    /// `x5u`, `jwk` and `x5c`, because with them the sender of the token could choose the key.
    pub fn parse(token: &'t str) -> Result<Self, Refusal> {
        Self::parse_for(token, None)
    }

    /// Parses like [`SignedToken::parse`], but a token without `kid` counts as signed with the key `only_key`. RFC 7515 §4.1.4
    /// lets a signer leave out `kid`. This is safe only if the signer is known to have a single key.
    pub fn parse_for(token: &'t str, only_key: Option<&str>) -> Result<Self, Refusal> {
        Self::parse_within(token, only_key, MAX_TOKEN_BYTES)
    }

    /// Parses like [`SignedToken::parse_for`], but a token of up to `max_bytes` bytes. An issuer needs this for its own ID tokens, which may
    /// be longer than an access token.
    pub fn parse_within(token: &'t str, only_key: Option<&str>, max_bytes: usize) -> Result<Self, Refusal> {
        if token.len() > max_bytes {
            return Err(Refusal::TooLong);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(Refusal::Malformed);
        };
        // base64-simd decodes with vector instructions, into one allocation. With a plain decoder, base64 and allocations took half
        // of the time that is not spent on the signature check.
        let decode = |part: &str, into: &mut Vec<u8>| URL_SAFE_NO_PAD.decode_append(part, into).map_err(|_| Refusal::Malformed);

        let mut decoded = Vec::with_capacity(token.len());
        decode(header, &mut decoded)?;
        if decoded.len() > MAX_HEADER_BYTES {
            return Err(Refusal::Malformed);
        }
        let Header { alg, kid, typ, crit } = serde_json::from_slice(&decoded).map_err(|_| Refusal::Malformed)?;
        if crit {
            return Err(Refusal::Critical);
        }
        if alg.as_deref() != Some("RS256") {
            return Err(Refusal::Algorithm);
        }
        decoded.clear();
        decode(payload, &mut decoded)?;
        let payload_length = decoded.len();
        decode(signature, &mut decoded)?;
        Ok(Self {
            signing_input: &token.as_bytes()[..header.len() + 1 + payload.len()],
            key_id: kid.or_else(|| only_key.map(str::to_owned)).ok_or(Refusal::UnknownKey)?,
            typ,
            decoded,
            payload_length,
        })
    }

    /// The header's `kid`: the key with which the token claims to be signed.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Returns `true` if the header's `typ` equals `typ`, with or without the prefix `application/` (RFC 7515 §4.1.9). Upper and
    /// lower case count as equal.
    pub fn has_type(&self, typ: &str) -> bool {
        let Some(found) = &self.typ else { return false };
        let short = match found.get(..12) {
            Some(prefix) if prefix.eq_ignore_ascii_case("application/") => &found[12..],
            _ => found,
        };
        short.eq_ignore_ascii_case(typ)
    }

    /// Checks the signature and returns the payload, which is then known to come from the owner of the key.
    ///
    /// # Errors
    /// [`Refusal::UnknownKey`] if `keys` has no key with the token's `kid`; [`Refusal::Signature`] if the signature does not
    /// match.
    pub fn check_signature(&self, keys: &KeySet) -> Result<&[u8], Refusal> {
        let key = keys.get(&self.key_id).ok_or(Refusal::UnknownKey)?;
        let (payload, signature) = self.decoded.split_at(self.payload_length);
        if key.verifies(self.signing_input, signature) { Ok(payload) } else { Err(Refusal::Signature) }
    }

    /// The length of the payload, in bytes.
    #[cfg(feature = "fetch")]
    pub(crate) fn payload_length(&self) -> usize {
        self.payload_length
    }

    /// The payload before the signature is checked. Use it only to refuse a token early, never to accept one.
    #[cfg(feature = "fetch")]
    pub(crate) fn untrusted_payload(&self) -> &[u8] {
        &self.decoded[..self.payload_length]
    }
}

/// The members of a JOSE header that the verifier uses. It ignores the others, but refuses a header in which any name occurs
/// twice.
struct Header {
    alg: Option<String>,
    kid: Option<String>,
    typ: Option<String>,
    crit: bool,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeaderVisitor;
        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = Header;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JOSE header")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut header = Header { alg: None, kid: None, typ: None, crit: false };
                let mut seen = Seen::default();
                while let Some(Name(name)) = map.next_key()? {
                    match name.as_ref() {
                        "alg" => header.alg = Some(map.next_value()?),
                        "kid" => header.kid = Some(map.next_value()?),
                        "typ" => header.typ = Some(map.next_value()?),
                        "crit" => {
                            map.next_value::<IgnoredAny>()?;
                            header.crit = true;
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                    seen.note(name)?;
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(HeaderVisitor)
    }
}
