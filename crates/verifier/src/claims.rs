//! The claims of a JWT access token (RFC 9068 §2.2), parsed strictly.

use std::any::TypeId;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::Refusal;
use crate::member::{Name, Seen};
use crate::rules::CLAIMS_OF_OTHER_TOKENS;

/// The end of the year 9999, in Unix seconds. No correct issuer writes a later date, so a later one is refused.
const MAX_DATE: u64 = 253_402_300_799;

/// The claims of an access token that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims<C = NoExtra> {
    /// `iss`: the URL of the issuer.
    pub issuer: String,
    /// `sub`: the id of the user, or of the client if no user is involved. It is unique at the issuer and never reused.
    pub subject: String,
    /// `aud`: the resources for which the token was issued. This service is one of them.
    pub audience: Vec<String>,
    /// `exp`, in Unix seconds.
    pub expires_at: u64,
    /// `iat`, in Unix seconds.
    pub issued_at: u64,
    /// `nbf`, in Unix seconds; `None` if the token has no such claim.
    pub not_before: Option<u64>,
    /// `jti`: an id that only this token has.
    pub token_id: String,
    /// `client_id`: the client to which the token was issued.
    pub client_id: String,
    /// `scope`: the scopes, separated by spaces; empty if the token has no such claim.
    pub scope: String,
    /// `auth_time`: when the user signed in, in Unix seconds; `None` if the token has no such claim.
    pub auth_time: Option<u64>,
    /// `acr`: the strength of the user's sign-in; `None` if the token has no such claim.
    pub acr: Option<String>,
    /// `amr`: the methods with which the user signed in (RFC 8176); empty if the token has no such claim.
    pub amr: Vec<String>,
    /// `sid`: the browser session in which the user signed in; `None` if the token has no such claim.
    pub session_id: Option<String>,
    /// `groups`: the names of the user's groups (RFC 9068 §2.2.3.1); empty unless the issuer was told to add them for this resource.
    pub groups: Vec<String>,
    /// `roles`: the names of those roles of the user that hold a scope of this resource; empty unless the issuer was told to add them for
    /// this resource.
    pub roles: Vec<String>,
    /// `grant_id`: the random handle of what was granted (Grant Management for OAuth 2.0). The issuer revokes tokens by it. `None` if the
    /// token has no such claim; it can then not be revoked.
    pub grant_id: Option<String>,
    /// The further claims that the service reads, as its own type.
    pub extra: C,
}

impl<C> Claims<C> {
    /// Iterates over the scopes that the token carries.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.split(' ').filter(|name| !name.is_empty())
    }

    /// Returns `true` if the token carries the scope `name`.
    pub fn has_scope(&self, name: &str) -> bool {
        self.scopes().any(|scope| scope == name)
    }

    /// Returns `true` if the token names the group `name`.
    pub fn is_in_group(&self, name: &str) -> bool {
        self.groups.iter().any(|group| group == name)
    }

    /// Returns how many bytes the texts and lists take, beside the struct itself and `extra`.
    #[cfg(feature = "fetch")]
    pub(crate) fn heap_bytes(&self) -> usize {
        let texts = [&self.issuer, &self.subject, &self.token_id, &self.client_id, &self.scope];
        let options = [&self.acr, &self.session_id, &self.grant_id];
        let lists = [&self.audience, &self.amr, &self.groups, &self.roles];
        let texts = texts.into_iter().chain(options.into_iter().flatten()).map(String::capacity);
        let lists = lists.into_iter().map(|list| list.capacity() * size_of::<String>() + list.iter().map(String::capacity).sum::<usize>());
        texts.chain(lists).sum()
    }

    /// Returns `true` if the token names the role `name`.
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|role| role == name)
    }
}

#[cfg(all(test, feature = "fetch"))]
impl Claims {
    /// Claims without any content, for unit tests.
    pub(crate) fn empty() -> Self {
        Self {
            issuer: String::new(),
            subject: String::new(),
            audience: Vec::new(),
            expires_at: 0,
            issued_at: 0,
            not_before: None,
            token_id: String::new(),
            client_id: String::new(),
            scope: String::new(),
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            session_id: None,
            groups: Vec::new(),
            roles: Vec::new(),
            grant_id: None,
            extra: NoExtra {},
        }
    }
}

/// The type for services that read no claims beyond the registered ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct NoExtra {}

/// The claims of a payload, before any rule is applied to them.
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
    pub(crate) groups: Vec<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) grant_id: Option<String>,
    pub(crate) has_cnf: bool,
    /// A claim that only other tokens have.
    pub(crate) of_other_token: Option<&'static str>,
}

impl RawClaims {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, Refusal> {
        // Check the whole payload for UTF-8 first, because that is faster than checking each string.
        let json = str::from_utf8(payload).map_err(|_| Refusal::Malformed)?;
        serde_json::from_str(json).map_err(|_| Refusal::Malformed)
    }
}

/// Parses the service's own claims from a payload.
pub(crate) fn extra<C: DeserializeOwned + 'static>(payload: &[u8]) -> Result<C, Refusal> {
    // `NoExtra` needs nothing from the payload. Parsing an empty object for it saves parsing the payload a second time.
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
                        "groups" => claims.groups = map.next_value()?,
                        "roles" => claims.roles = map.next_value()?,
                        "grant_id" => claims.grant_id = Some(map.next_value()?),
                        other => {
                            claims.has_cnf |= other == "cnf";
                            let foreign = CLAIMS_OF_OTHER_TOKENS.into_iter().find(|known| *known == other);
                            claims.of_other_token = claims.of_other_token.or(foreign);
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

/// Parses a date in whole seconds. Fractions, negative numbers and dates after the year 9999 are refused.
fn date<'de, A: MapAccess<'de>>(map: &mut A) -> Result<u64, A::Error> {
    let seconds = map.next_value::<u64>()?;
    if seconds > MAX_DATE { Err(A::Error::custom("a date after the year 9999")) } else { Ok(seconds) }
}

/// The value of `aud`: a string or an array of strings (RFC 7519 §4.1.3).
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
