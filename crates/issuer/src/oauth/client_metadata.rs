//! The metadata that a client registers (OpenID Connect Dynamic Client Registration §2, RFC 7591 §2). Members that every request
//! needs have columns of their own; these here are stored together as one JSON value.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::oauth::application_type::ApplicationType;
use crate::oauth::fetched_url::may_be_fetched;
use crate::oauth::plain_text::is_plain_text;
use crate::oauth::redirect_uri;

/// The members under their registered names. Unknown members are ignored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the specification defines the members")]
pub struct ClientMetadata {
    /// `None` only before the client is checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_type: Option<ApplicationType>,
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
    /// OpenID Connect Back-Channel Logout 1.0 §2.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// A logout token always has `sid`, so this changes nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub backchannel_logout_session_required: bool,
    /// OpenID Connect Front-Channel Logout 1.0 §2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub frontchannel_logout_session_required: bool,
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

/// The names of the members.
pub const MEMBERS: [&str; 21] = [
    "application_type",
    "contacts",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "initiate_login_uri",
    "sector_identifier_uri",
    "jwks_uri",
    "jwks",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "backchannel_logout_session_required",
    "frontchannel_logout_uri",
    "frontchannel_logout_session_required",
    "default_max_age",
    "require_auth_time",
    "default_acr_values",
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "token_endpoint_auth_signing_alg",
];

/// A member has a value that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member}: expected {expected}")]
#[expect(missing_docs, reason = "the names say it")]
pub struct MetadataError {
    pub member: &'static str,
    /// A description of the allowed values, which follows the word "expected" in messages.
    pub expected: &'static str,
    /// The index of the item that is wrong, if the member is a list of which one item is.
    pub index: Option<usize>,
}

/// The greatest length of a text or URL that a client registers, in bytes.
pub const MAX_TEXT: usize = 2048;
/// The greatest number of items in a list that a client registers.
const MAX_ITEMS: usize = 20;

impl ClientMetadata {
    /// Leaves out what the issuer does not read of the client's keys. The answer to a registration says what is stored (RFC 7591 §3.2.1).
    pub fn shorten_keys(&mut self) {
        if let Some(jwks) = &mut self.jwks {
            without_unknown_members(jwks);
        }
    }

    /// Checks each member, and returns everything that is wrong, each item of a list too. `public` says that the client is public. URLs that the
    /// issuer fetches are those of [`may_be_fetched`], which `private_addresses` is meant for.
    pub fn errors(&self, public: bool, private_addresses: bool) -> Vec<MetadataError> {
        let mut errors = Errors::default();
        // Pages show these URLs as links, so schemes that run code, such as `javascript`, are refused.
        for (member, uri, expected) in [
            ("client_uri", &self.client_uri, "an http or https URL, such as https://app.example.com/about"),
            ("logo_uri", &self.logo_uri, "an http or https URL, such as https://app.example.com/logo.png"),
            ("policy_uri", &self.policy_uri, "an http or https URL, such as https://app.example.com/privacy"),
            ("tos_uri", &self.tos_uri, "an http or https URL, such as https://app.example.com/terms"),
        ] {
            errors.ensure(uri.as_deref().is_none_or(|uri| is_url(uri, &["https", "http"])), member, expected);
        }
        errors.ensure(
            self.initiate_login_uri.as_deref().is_none_or(|uri| is_url(uri, &["https"])),
            "initiate_login_uri",
            "an https URL, such as https://app.example.com/sign-in",
        );
        for (member, uri, expected) in [
            ("jwks_uri", &self.jwks_uri, "an https URL of the public internet, such as https://app.example.com/keys"),
            (
                "sector_identifier_uri",
                &self.sector_identifier_uri,
                "an https URL of the public internet, such as https://app.example.com/redirect-uris.json",
            ),
            (
                "backchannel_logout_uri",
                &self.backchannel_logout_uri,
                "an https URL of the public internet without a fragment, such as https://app.example.com/backchannel-logout",
            ),
        ] {
            let fits =
                |uri: &str| is_url(uri, &["https", "http"]) && Url::parse(uri).is_ok_and(|url| may_be_fetched(&url, private_addresses));
            errors.ensure(uri.as_deref().is_none_or(fits), member, expected);
        }
        errors.ensure(
            self.frontchannel_logout_uri.as_deref().is_none_or(|uri| is_url(uri, &["https", "http"])),
            "frontchannel_logout_uri",
            "an https URL without a fragment, such as https://app.example.com/frontchannel-logout",
        );
        errors.ensure(self.jwks.is_none() || self.jwks_uri.is_none(), "jwks", "either jwks or jwks_uri, not both");
        errors.ensure(
            self.jwks.as_ref().is_none_or(is_public_key_set),
            "jwks",
            "a JWK set of at most 20 public keys, {keys: [...]}, without private or symmetric ones",
        );
        errors.ensure(self.default_max_age.is_none_or(|age| age >= 0), "default_max_age", "a number of seconds, 0 or more");
        let is_plain = |text: &String| text.len() <= MAX_TEXT && is_plain_text(text);
        for (member, texts) in [("contacts", &self.contacts), ("default_acr_values", &self.default_acr_values)] {
            errors.ensure_each(texts, member, "at most 20 texts without control or invisible characters", is_plain);
        }
        let application = self.application_type.unwrap_or_default();
        let logout_fits = |uri: &String| uri.len() <= MAX_TEXT && redirect_uri::validate(uri, application, public).is_ok();
        let expected = "at most 20 URIs, each as allowed for redirect_uris";
        errors.ensure_each(&self.post_logout_redirect_uris, "post_logout_redirect_uris", expected, logout_fits);
        for (member, alg) in [
            ("id_token_signed_response_alg", &self.id_token_signed_response_alg),
            ("userinfo_signed_response_alg", &self.userinfo_signed_response_alg),
            ("token_endpoint_auth_signing_alg", &self.token_endpoint_auth_signing_alg),
        ] {
            errors.ensure(alg.as_deref().is_none_or(|alg| alg == "RS256"), member, "RS256");
        }
        errors.0
    }

    /// The JSON text that the database stores.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Errors(Vec<MetadataError>);

impl Errors {
    fn ensure(&mut self, holds: bool, member: &'static str, expected: &'static str) {
        if !holds {
            self.0.push(MetadataError { member, expected, index: None });
        }
    }

    /// Adds an error if there are too many items, or else one for each that does not hold.
    fn ensure_each(&mut self, items: &[String], member: &'static str, expected: &'static str, holds: impl Fn(&String) -> bool) {
        if items.len() > MAX_ITEMS {
            return self.ensure(false, member, expected);
        }
        let wrong = items.iter().enumerate().filter(|(_, item)| !holds(item));
        self.0.extend(wrong.map(|(index, _)| MetadataError { member, expected, index: Some(index) }));
    }
}

fn is_url(uri: &str, schemes: &[&str]) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    let plain = url.has_host() && url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    plain && schemes.contains(&url.scheme()) && uri.len() <= MAX_TEXT && uri.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The members of private and of symmetric keys (RFC 7518 §6.2.2, §6.3.2 and §6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The members of public keys (RFC 7517 §4, RFC 7518 §6) that are kept, if they are texts of at most [`MAX_MEMBER`] bytes. The issuer reads the set
/// at each request of the client, so that strangers must not make it long.
const PUBLIC: [&str; 9] = ["kty", "use", "alg", "kid", "n", "e", "crv", "x", "y"];

/// The longest member of a key that is kept, in bytes. The modulus of the largest keys that the issuer verifies with has 1,366.
const MAX_MEMBER: usize = 4096;

/// Takes from `jwks` all that is not a text among the members [`PUBLIC`] of its keys. Private members stay, so that the set is refused.
fn without_unknown_members(jwks: &mut Value) {
    let Some(set) = jwks.as_object_mut() else { return };
    set.retain(|name, _| name == "keys");
    for key in set.get_mut("keys").and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
        let is_short = |value: &Value| value.as_str().is_some_and(|text| text.len() <= MAX_MEMBER);
        key.retain(|name, value| PRIVATE.contains(&name.as_str()) || PUBLIC.contains(&name.as_str()) && is_short(value));
    }
}

/// Returns whether `jwks` is a set of public keys. Private and symmetric keys are refused, because a client that sends its private
/// key here has disclosed it.
fn is_public_key_set(jwks: &Value) -> bool {
    let is_public = |key: &Value| key["kty"].is_string() && PRIVATE.iter().all(|secret| key[secret].is_null());
    jwks["keys"].as_array().is_some_and(|keys| keys.len() <= MAX_ITEMS && keys.iter().all(is_public))
}

/// Says what `jwks` holds, without the value of any key, because a client may have sent its private keys.
pub fn in_words(jwks: &Value) -> String {
    let Some(keys) = jwks["keys"].as_array() else {
        return if jwks.is_object() { "an object without a list of keys" } else { "no object" }.to_owned();
    };
    if keys.len() > MAX_ITEMS {
        return format!("{} keys", keys.len());
    }
    if keys.iter().any(|key| PRIVATE.iter().any(|secret| !key[secret].is_null())) {
        return "a private or symmetric key".to_owned();
    }
    let kind = |key: &Value| match key["kty"].as_str() {
        Some(kty @ ("RSA" | "EC" | "OKP")) => format!("{kty} {} kid", if key["kid"].is_string() { "with a" } else { "without a" }),
        Some(_) => "one of another kty".to_owned(),
        None => "one without kty".to_owned(),
    };
    if keys.is_empty() { "no key".to_owned() } else { format!("keys: {}", keys.iter().map(kind).collect::<Vec<_>>().join(", ")) }
}

/// The greatest length of a name that people see, in characters.
pub const MAX_NAME: usize = 100;
