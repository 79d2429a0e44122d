//! What a client says of itself (OpenID Connect Dynamic Client Registration §2, RFC 7591 §2), beyond what every request
//! needs. Stored as one JSON value.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// Where the client runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// On a server, or in a browser.
    #[default]
    Web,
    /// On a person's own device.
    Native,
}

/// The members, by their registered names. Unknown ones are ignored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct ClientMetadata {
    pub application_type: ApplicationType,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_auth_time: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
}

/// A member that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member}: expected {expected}")]
pub struct MetadataError {
    /// Which.
    pub member: &'static str,
    /// What was expected.
    pub expected: &'static str,
}

/// The longest of any text that a client registers, in bytes.
pub const MAX_TEXT: usize = 2048;

impl ClientMetadata {
    /// Checks each member.
    pub fn validate(&self) -> Result<(), MetadataError> {
        let shown =
            [("client_uri", &self.client_uri), ("logo_uri", &self.logo_uri), ("policy_uri", &self.policy_uri), ("tos_uri", &self.tos_uri)];
        for (member, uri) in shown {
            // Shown to people as a link, so no scheme that runs code.
            ensure(uri.as_deref().is_none_or(|uri| is_web_url(uri, false)), member, "an http or https URL")?;
        }
        let fetched = [
            ("jwks_uri", &self.jwks_uri),
            ("sector_identifier_uri", &self.sector_identifier_uri),
            ("initiate_login_uri", &self.initiate_login_uri),
        ];
        for (member, uri) in fetched {
            ensure(uri.as_deref().is_none_or(|uri| is_web_url(uri, true)), member, "an https URL")?;
        }
        ensure(self.jwks.is_none() || self.jwks_uri.is_none(), "jwks", "one of jwks and jwks_uri")?;
        ensure(self.jwks.as_ref().is_none_or(|jwks| jwks["keys"].is_array()), "jwks", "a JWK set")?;
        ensure(self.default_max_age.is_none_or(|age| age >= 0), "default_max_age", "seconds, 0 or more")?;
        let no_controls = |texts: &[String]| texts.iter().all(|text| text.len() <= MAX_TEXT && !text.chars().any(char::is_control));
        ensure(no_controls(&self.contacts), "contacts", "text without control characters")?;
        ensure(no_controls(&self.default_acr_values), "default_acr_values", "text without control characters")?;
        let logout_fits = |uri: &String| uri.len() <= MAX_TEXT && crate::oauth::redirect_uri::validate(uri, self.application_type).is_ok();
        ensure(self.post_logout_redirect_uris.iter().all(logout_fits), "post_logout_redirect_uris", "URIs as for redirect_uris")?;
        for (member, alg) in [
            ("id_token_signed_response_alg", &self.id_token_signed_response_alg),
            ("userinfo_signed_response_alg", &self.userinfo_signed_response_alg),
            ("token_endpoint_auth_signing_alg", &self.token_endpoint_auth_signing_alg),
        ] {
            ensure(alg.as_deref().is_none_or(|alg| alg == "RS256"), member, "RS256")?;
        }
        Ok(())
    }

    /// As it is stored.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn ensure(holds: bool, member: &'static str, expected: &'static str) -> Result<(), MetadataError> {
    if holds { Ok(()) } else { Err(MetadataError { member, expected }) }
}

fn is_web_url(uri: &str, only_https: bool) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    let scheme_fits = url.scheme() == "https" || url.scheme() == "http" && (!only_https || crate::oauth::issuer::is_loopback(&url));
    scheme_fits
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && uri.len() <= MAX_TEXT
        && url.fragment().is_none()
}
