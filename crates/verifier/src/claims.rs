//! The claims of a JWT access token (RFC 9068 §2.2), read strictly.

use std::any::TypeId;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::Refusal;
use crate::member::{Name, Seen};

/// The end of year 9999, in Unix seconds: no honest date lies beyond it.
const MAX_DATE: u64 = 253_402_300_799;

/// The claims of an access token that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims<C = NoExtra> {
    /// `iss`: the issuer.
    pub issuer: String,
    /// `sub`: the user's id, or the client's where no user is involved. Unique within the issuer, never reused.
    pub subject: String,
    /// `aud`: the resources that the token is for; this service is among them.
    pub audience: Vec<String>,
    /// `exp`, in Unix seconds.
    pub expires_at: u64,
    /// `iat`, in Unix seconds.
    pub issued_at: u64,
    /// `nbf`, in Unix seconds.
    pub not_before: Option<u64>,
    /// `jti`: unique to this token.
    pub token_id: String,
    /// `client_id`: the client that got the token.
    pub client_id: String,
    /// `scope`: the scopes, separated by spaces.
    pub scope: String,
    /// `auth_time`: when the user signed in, in Unix seconds.
    pub auth_time: Option<u64>,
    /// `acr`: how strongly the user signed in.
    pub acr: Option<String>,
    /// `amr`: by which means the user signed in (RFC 8176).
    pub amr: Vec<String>,
    /// `sid`: the browser session in which the user signed in.
    pub session_id: Option<String>,
    /// The service's own view of further claims.
    pub extra: C,
}

impl<C> Claims<C> {
    /// The scopes that the token carries.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.split(' ').filter(|name| !name.is_empty())
    }

    /// Whether the token carries the scope `name`.
    pub fn has_scope(&self, name: &str) -> bool {
        self.scopes().any(|scope| scope == name)
    }
}

/// No claims beyond the registered ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct NoExtra {}

/// What a payload says, before any rule is applied to it.
#[derive(Debug, Default)]
pub(crate) struct RawClaims {
    pub(crate) iss: Option<String>,
    pub(crate) sub: Option<String>,
    pub(crate) aud: Vec<String>,
    pub(crate) exp: Option<u64>,
    pub(crate) iat: Option<u64>,
    pub(crate) nbf: Option<u64>,
    pub(crate) jti: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) auth_time: Option<u64>,
    pub(crate) acr: Option<String>,
    pub(crate) amr: Vec<String>,
    pub(crate) sid: Option<String>,
    pub(crate) has_cnf: bool,
}

impl RawClaims {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, Refusal> {
        // Checked as a whole, which is quicker than string by string.
        let json = str::from_utf8(payload).map_err(|_| Refusal::Malformed)?;
        serde_json::from_str(json).map_err(|_| Refusal::Malformed)
    }
}

/// Reads the service's own claims from a payload.
pub(crate) fn extra<C: DeserializeOwned + 'static>(payload: &[u8]) -> Result<C, Refusal> {
    // Who asks for nothing takes nothing from the payload, so that the second reading is saved.
    let source = if TypeId::of::<C>() == TypeId::of::<NoExtra>() { b"{}" } else { payload };
    serde_json::from_slice(source).map_err(|_| Refusal::Malformed)
}

impl<'de> Deserialize<'de> for RawClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ClaimsVisitor;
        impl<'de> Visitor<'de> for ClaimsVisitor {
            type Value = RawClaims;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a claims set")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut claims = RawClaims::default();
                let mut seen = Seen::default();
                while let Some(Name(name)) = map.next_key()? {
                    match name.as_ref() {
                        "iss" => claims.iss = Some(map.next_value()?),
                        "sub" => claims.sub = Some(map.next_value()?),
                        "aud" => claims.aud = map.next_value::<OneOrMany>()?.0,
                        "exp" => claims.exp = Some(date(&mut map)?),
                        "iat" => claims.iat = Some(date(&mut map)?),
                        "nbf" => claims.nbf = Some(date(&mut map)?),
                        "jti" => claims.jti = Some(map.next_value()?),
                        "client_id" => claims.client_id = Some(map.next_value()?),
                        "scope" => claims.scope = Some(map.next_value()?),
                        "auth_time" => claims.auth_time = Some(date(&mut map)?),
                        "acr" => claims.acr = Some(map.next_value()?),
                        "amr" => claims.amr = map.next_value()?,
                        "sid" => claims.sid = Some(map.next_value()?),
                        other => {
                            claims.has_cnf |= other == "cnf";
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                    seen.note(name)?;
                }
                Ok(claims)
            }
        }
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

/// A date in whole seconds; fractions, negatives and dates past year 9999 are refused.
fn date<'de, A: MapAccess<'de>>(map: &mut A) -> Result<u64, A::Error> {
    let seconds = map.next_value::<u64>()?;
    if seconds > MAX_DATE { Err(A::Error::custom("a date past year 9999")) } else { Ok(seconds) }
}

/// `aud` is a string or an array of strings (RFC 7519 §4.1.3).
struct OneOrMany(Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AudienceVisitor;
        impl<'de> Visitor<'de> for AudienceVisitor {
            type Value = OneOrMany;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string or an array of strings")
            }
            fn visit_str<E: serde::de::Error>(self, one: &str) -> Result<Self::Value, E> {
                Ok(OneOrMany(vec![one.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut many: A) -> Result<Self::Value, A::Error> {
                let mut audiences = Vec::new();
                while let Some(audience) = many.next_element()? {
                    audiences.push(audience);
                }
                Ok(OneOrMany(audiences))
            }
        }
        deserializer.deserialize_any(AudienceVisitor)
    }
}
