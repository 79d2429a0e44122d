//! The `claims` parameter (OpenID Connect Core §5.5), by which a client asks for single claims.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::oauth::plain_text::as_found;

/// The way in which the client asks for one claim (§5.5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRequest {
    /// `true` if the client needs the claim, `false` if the claim is voluntary.
    #[serde(default)]
    pub essential: bool,
    /// The value that the claim must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The values of which the claim must have one, in order of preference.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub values: Vec<Value>,
}

/// Requests by the name of the claim. `None` (`null` in JSON) asks for the claim with any value.
pub type ClaimRequests = BTreeMap<String, Option<ClaimRequest>>;

/// The whole parameter. Unknown members are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimsRequest {
    /// Claims that the client wants from the UserInfo endpoint.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "nullable")]
    pub userinfo: ClaimRequests,
    /// Claims that the client wants in the ID token.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "nullable")]
    pub id_token: ClaimRequests,
}

/// The `claims` parameter is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("claims: expected a JSON object as in OpenID Connect Core 5.5, such as {{userinfo: {{email: null}}}} with quotes; found {}", as_found(.0))]
pub struct ClaimsRequestError(String);

fn nullable<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl ClaimsRequest {
    /// Parses the JSON text of the parameter.
    pub fn parse(value: &str) -> Result<Self, ClaimsRequestError> {
        // serde also reads a struct from an array of its members. The specification allows only an object.
        let malformed = || ClaimsRequestError(value.to_owned());
        let object: serde_json::Map<String, Value> = serde_json::from_str(value).map_err(|_| malformed())?;
        serde_json::from_value(object.into()).map_err(|_| malformed())
    }

    /// Returns `true` if the client asks for no claim.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }

    /// The names of all claims that the client asks for. A name appears twice if the client wants it in both places.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.userinfo.keys().chain(self.id_token.keys()).map(String::as_str)
    }

    /// The `sub` that the ID token must have, if the client asks for one. A value that is no string becomes the empty text, which is no
    /// user's `sub`.
    pub fn subject(&self) -> Option<&str> {
        Some(self.id_token.get("sub")?.as_ref()?.value.as_ref()?.as_str().unwrap_or_default())
    }

    /// Returns whether an ID token with this `acr` satisfies the request: an essential `acr` with values must be one of them.
    pub fn accepts_acr(&self, acr: &str) -> bool {
        let Some(Some(request)) = self.id_token.get("acr") else { return true };
        let mut wanted = request.value.iter().chain(&request.values).peekable();
        !request.essential || wanted.peek().is_none() || wanted.any(|value| value == acr)
    }

    /// Removes the claims for which `is_known` returns `false`.
    pub fn retain(&mut self, is_known: impl Fn(&str) -> bool) {
        self.userinfo.retain(|name, _| is_known(name));
        self.id_token.retain(|name, _| is_known(name));
    }
}
