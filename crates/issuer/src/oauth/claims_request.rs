//! The `claims` parameter (OpenID Connect Core §5.5): claims asked for one by one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is asked of one claim; nothing but the claim itself if it is `null`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRequest {
    /// Whether the client cannot do without it.
    #[serde(default)]
    pub essential: bool,
    /// The value that it must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The values of which it must have one, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub values: Vec<Value>,
}

/// Claims by name.
pub type ClaimRequests = BTreeMap<String, Option<ClaimRequest>>;

/// The whole parameter. Members that are not known are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimsRequest {
    /// For UserInfo.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "nullable")]
    pub userinfo: ClaimRequests,
    /// For the ID token.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "nullable")]
    pub id_token: ClaimRequests,
}

/// A `claims` parameter that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("claims: expected a JSON object as OpenID Connect Core 5.5 describes")]
pub struct ClaimsRequestError;

fn nullable<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl ClaimsRequest {
    /// Reads the parameter.
    pub fn parse(value: &str) -> Result<Self, ClaimsRequestError> {
        // A derived struct would take an array of its members, too.
        let object: serde_json::Map<String, Value> = serde_json::from_str(value).map_err(|_| ClaimsRequestError)?;
        serde_json::from_value(object.into()).map_err(|_| ClaimsRequestError)
    }

    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }

    /// The names of all claims that are asked for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.userinfo.keys().chain(self.id_token.keys()).map(String::as_str)
    }

    /// The user that the ID token must be about, if one is named.
    pub fn subject(&self) -> Option<&str> {
        // What is no text is nobody.
        Some(self.id_token.get("sub")?.as_ref()?.value.as_ref()?.as_str().unwrap_or_default())
    }

    /// Whether an ID token with this `acr` will do: it must be among the values that are essential, if any are.
    pub fn accepts_acr(&self, acr: &str) -> bool {
        let Some(Some(request)) = self.id_token.get("acr") else { return true };
        let mut wanted = request.value.iter().chain(&request.values).peekable();
        !request.essential || wanted.peek().is_none() || wanted.any(|value| value == acr)
    }

    /// The request without what is of no use here: claims that `is_known` does not know.
    pub fn retain(&mut self, is_known: impl Fn(&str) -> bool) {
        self.userinfo.retain(|name, _| is_known(name));
        self.id_token.retain(|name, _| is_known(name));
    }
}
