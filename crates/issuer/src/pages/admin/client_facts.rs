//! The settings of a client that only some clients have, on its page: addresses, keys, and what it wants to be told.

use serde_json::{Value, json};

use crate::admin::clients::ClientView;
use crate::oauth::client_metadata::ClientMetadata;
use crate::pages::admin::view::{Cell, Section};

/// The members of the metadata, by their registered names, each with its label.
const LABELS: [(&str, &str); 21] = [
    ("post_logout_redirect_uris", "Redirect URIs after signing out"),
    ("backchannel_logout_uri", "Told of sign-outs at (back-channel)"),
    ("backchannel_logout_session_required", "The sign-out names the session (back-channel)"),
    ("frontchannel_logout_uri", "Told of sign-outs by a frame at (front-channel)"),
    ("frontchannel_logout_session_required", "The sign-out names the session (front-channel)"),
    ("initiate_login_uri", "Begins a sign-in at"),
    ("client_uri", "Home page"),
    ("policy_uri", "Privacy policy"),
    ("tos_uri", "Terms of use"),
    ("logo_uri", "Logo"),
    ("contacts", "Contacts"),
    ("jwks_uri", "Public keys at"),
    ("jwks", "Public keys"),
    ("application_type", "Kind of application"),
    ("sector_identifier_uri", "Sector identifier"),
    ("default_max_age", "A sign-in may be this old, in seconds"),
    ("require_auth_time", "ID tokens tell the time of the sign-in"),
    ("default_acr_values", "Authentication classes (acr) that it asks for"),
    ("id_token_signed_response_alg", "ID tokens are signed by"),
    ("userinfo_signed_response_alg", "UserInfo is signed by"),
    ("token_endpoint_auth_signing_alg", "Its proofs are signed by"),
];

/// Returns the section with those of these settings that are set.
pub(super) fn section(client: &ClientView) -> Section {
    let mut facts: Vec<(&'static str, Vec<Cell>)> = Vec::new();
    facts.extend(client.token_endpoint_auth_method.clone().map(|method| ("It proves who it is by", Cell::text(method))));
    facts.extend(metadata(&client.metadata).into_iter().map(|(label, text)| (label, Cell::text(text))));
    facts.extend(client.session_management.then(|| ("Watches by a frame", Cell::text("whether people are still signed in"))));
    facts.extend(client.signals_of_all_users.then(|| ("Its streams of Shared Signals tell", Cell::text("of all users"))));
    Section { title: "Other settings", lead: "What is not named here is not set.".to_owned(), facts, ..Section::default() }
}

/// Returns the members that are set, with their labels and values.
fn metadata(metadata: &ClientMetadata) -> Vec<(&'static str, String)> {
    let members = json!(metadata);
    let set = |(name, label): (&str, &'static str)| Some((label, in_words(name, members.get(name)?)));
    LABELS.into_iter().filter_map(set).collect()
}

fn in_words(name: &str, value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(|item| in_words(name, item)).collect::<Vec<_>>().join("\n"),
        keys if name == "jwks" => {
            let keys = keys.get("keys").and_then(Value::as_array).into_iter().flatten();
            keys.map(|key| key.get("kid").and_then(Value::as_str).unwrap_or("a key without kid").to_owned()).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}
