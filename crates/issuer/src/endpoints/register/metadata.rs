//! Reads the metadata that a client registers (RFC 7591 §2), and reduces it to what this issuer supports, as RFC 7591 §2 and §3.2.1 allow.
//! The answer states what was registered. Nothing is replaced by something weaker, because a client may not read the answer: such a
//! request is refused, and the error names the member.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::admin::Fault;
use crate::admin::new_client::{ClientDraft, SELF_REGISTERED_GRANTS};
use crate::grants::Grant;
use crate::oauth::authorization_request::RESPONSE_TYPES;
use crate::oauth::client_auth::{BASIC, METHODS, NONE, PRIVATE_KEY_JWT};
use crate::oauth::client_metadata::{self, ClientMetadata};
use crate::oauth::plain_text::as_found;
use crate::oauth::scope::words;

/// The name that pages show for a client that registers without a name.
const NAMELESS: &str = "An app without a name";

/// A member, a test for the values of it that ask for nothing, and what is expected in place of other values.
type Protection = (&'static str, fn(&Value) -> bool, &'static str);

/// The members that ask for a protection that this issuer lacks. A registration without the protection would be weaker than what the
/// client asked for.
const PROTECTIONS: &[Protection] = &[
    ("subject_type", |kind| kind == "public", "public"),
    ("request_object_signing_alg", |alg| alg == "none", "none, because request objects are not supported"),
    ("require_signed_request_object", is_false, "false, because request objects are not supported"),
    ("require_pushed_authorization_requests", is_false, "false, because pushed authorization requests are not supported"),
    ("dpop_bound_access_tokens", is_false, "false, because tokens that are bound to a key are not supported"),
    ("tls_client_certificate_bound_access_tokens", is_false, "false, because tokens that are bound to a key are not supported"),
    ("id_token_encrypted_response_alg", never, "no such member, because encryption is not supported"),
    ("id_token_encrypted_response_enc", never, "no such member, because encryption is not supported"),
    ("userinfo_encrypted_response_alg", never, "no such member, because encryption is not supported"),
    ("userinfo_encrypted_response_enc", never, "no such member, because encryption is not supported"),
    ("request_object_encryption_alg", never, "no such member, because request objects are not supported"),
    ("request_object_encryption_enc", never, "no such member, because request objects are not supported"),
    ("authorization_signed_response_alg", never, "no such member, because signed authorization responses are not supported"),
    ("authorization_encrypted_response_alg", never, "no such member, because encryption is not supported"),
    ("authorization_encrypted_response_enc", never, "no such member, because encryption is not supported"),
    ("introspection_signed_response_alg", never, "no such member, because signed introspection responses are not supported"),
    ("introspection_encrypted_response_alg", never, "no such member, because encryption is not supported"),
    ("introspection_encrypted_response_enc", never, "no such member, because encryption is not supported"),
];

/// The members that can have a wrong type, beside those of [`ClientMetadata`].
const MEMBERS: [&str; 6] = ["redirect_uris", "client_name", "grant_types", "response_types", "token_endpoint_auth_method", "scope"];

/// The authentication methods that prove possession of a private key and that this issuer lacks. A secret would be weaker.
const ASYMMETRIC: [&str; 6] =
    ["tls_client_auth", "self_signed_tls_client_auth", "attest_jwt_client_auth", "spiffe_jwt", "spiffe_x509", "http_signature"];

fn is_false(value: &Value) -> bool {
    value == false
}

fn never(_: &Value) -> bool {
    false
}

/// The members that this issuer uses. Unknown members are ignored.
#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    redirect_uris: Vec<String>,
    client_name: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    #[serde(default)]
    scope: String,
    #[serde(flatten)]
    metadata: ClientMetadata,
}

/// Reads the body of a registration. Fails with every member at fault, or with the field `body` if it is no JSON object.
pub fn read(body: &[u8]) -> Result<ClientDraft, Vec<Fault>> {
    let expected = |error: serde_json::Error| {
        let found = match error {
            _ if body.is_empty() => "an empty body".to_owned(),
            error if error.is_eof() => "a text that ends too early".to_owned(),
            error => format!("something else ({error})"),
        };
        vec![Fault::new("body", "a JSON object of client metadata").found(found)]
    };
    let mut members: Map<String, Value> = serde_json::from_slice(body).map_err(expected)?;
    // An explicit null means the same as an absent member (RFC 7591 §2). Clients also send empty texts and lists where they have
    // no value.
    members.retain(|name, value| {
        let is_empty_list = ["grant_types", "response_types"].contains(&name.as_str()) && value.as_array().is_some_and(Vec::is_empty);
        !value.is_null() && value != "" && !is_empty_list
    });
    let brings_keys = members.keys().any(|name| name == "jwks" || name == "jwks_uri" || name.starts_with("tls_client_auth_"));
    let mut faults: Vec<Fault> = unsupported_protections(&members).collect();
    if members.get("token_endpoint_auth_method").is_none_or(|method| method != PRIVATE_KEY_JWT) {
        // The algorithm belongs to methods with an assertion, which the client will not use.
        members.remove("token_endpoint_auth_signing_alg");
    }
    // serde does not say which member has a wrong type, so each is read alone first.
    let of_wrong_type: Vec<Fault> = members.iter().filter_map(|(name, value)| wrong_type(name, value)).collect();
    if !of_wrong_type.is_empty() {
        faults.extend(of_wrong_type);
        return Err(faults);
    }
    let registration: Registration = serde_json::from_value(members.into()).map_err(expected)?;
    let asked = registration.token_endpoint_auth_method.as_deref().unwrap_or(BASIC).trim();
    let method = auth_method(asked, brings_keys).map_err(|fault| faults.push(fault)).unwrap_or_default();
    let grant_types = grant_types(registration.grant_types.as_deref()).map_err(|fault| faults.push(fault)).unwrap_or_default();
    faults.extend(check_response_types(registration.response_types.as_deref()).err());
    if !faults.is_empty() {
        return Err(faults);
    }
    let scope: Vec<String> = words(&registration.scope).map(str::to_owned).collect();
    Ok(ClientDraft {
        client_name: registration.client_name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| NAMELESS.to_owned()),
        grant_types,
        redirect_uris: registration.redirect_uris,
        scope: (!scope.is_empty()).then_some(scope),
        public: method == NONE,
        token_endpoint_auth_method: Some(method.to_owned()),
        metadata: registration.metadata,
        ..ClientDraft::default()
    })
}

fn unsupported_protections(members: &Map<String, Value>) -> impl Iterator<Item = Fault> {
    PROTECTIONS.iter().filter_map(|(member, asks_for_nothing, expected)| {
        let value = members.get(*member).filter(|value| !asks_for_nothing(value))?;
        let found = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(Fault::new(member, *expected).found(found))
    })
}

/// Returns the fault of a member whose value has a type that it may not have.
fn wrong_type(name: &str, value: &Value) -> Option<Fault> {
    let alone = Map::from_iter([(name.to_owned(), value.clone())]);
    let error = serde_json::from_value::<Registration>(alone.into()).err()?.to_string();
    let (_, expected) = error.split_once("expected ")?;
    let expected = match expected {
        "a sequence" => "a list of texts",
        "a string" => "a text",
        "a boolean" => "true or false",
        "i64" => "a whole number",
        other => &other.replace('`', ""),
    };
    // Names of members that this issuer knows are few, so that a message is not made of what was sent.
    let field = MEMBERS.into_iter().chain(client_metadata::MEMBERS).find(|known| *known == name)?;
    let fault = Fault::new(field, expected);
    Some(match value {
        // A client may have sent its private keys.
        Value::Array(_) if field.starts_with("jwks") => fault.found("a list"),
        Value::String(_) if field == "jwks" => fault.found("a text"),
        Value::Object(_) => fault.found("an object"),
        Value::String(text) => fault.found(text),
        other => fault.found(other),
    })
}

/// Returns the grant types of `asked` that a client may register itself for; `authorization_code` if it names none. Refresh tokens come of
/// authorization codes, so that grant is added to theirs. Fails if nothing of what was asked for is left.
fn grant_types(asked: Option<&[String]>) -> Result<Vec<String>, Fault> {
    let code = Grant::AuthorizationCode.name();
    let Some(asked) = asked else { return Ok(vec![code.to_owned()]) };
    let allowed = SELF_REGISTERED_GRANTS.map(Grant::name);
    let mut kept: Vec<String> = asked.iter().filter(|name| allowed.contains(&name.as_str())).cloned().collect();
    if kept.is_empty() {
        return Err(Fault::new("grant_types", format!("{} among them; found {}", allowed.join(" or "), listed(asked))));
    }
    if !kept.iter().any(|name| name == code) {
        kept.insert(0, code.to_owned());
    }
    Ok(kept)
}

/// Fails if `asked` names response types and none of them is supported. The others are dropped.
fn check_response_types(asked: Option<&[String]>) -> Result<(), Fault> {
    let is_supported = |name: &String| RESPONSE_TYPES.contains(&name.as_str());
    match asked.filter(|asked| !asked.iter().any(is_supported)) {
        None => Ok(()),
        Some(asked) => Err(Fault::new("response_types", format!("{} among them; found {}", RESPONSE_TYPES.join(" or "), listed(asked)))),
    }
}

/// Returns the names in a form for messages.
fn listed(names: &[String]) -> String {
    if names.is_empty() { "an empty list".to_owned() } else { as_found(&names.join(", ")) }
}

/// Returns the method by which a client will authenticate that asks for the method `asked`. A method that is not supported is replaced by
/// a secret, which the client gets in the answer, unless it may be one that proves possession of a private key.
fn auth_method(asked: &str, brings_keys: bool) -> Result<&'static str, Fault> {
    if let Some(known) = METHODS.into_iter().find(|known| *known == asked) {
        return Ok(known);
    }
    let is_by_secret = asked == "client_secret_jwt" || !brings_keys && !ASYMMETRIC.contains(&asked);
    if is_by_secret {
        return Ok(BASIC);
    }
    let expected = format!("one of {}, because a secret would be weaker than what was asked for", METHODS.join(", "));
    Err(Fault::new("token_endpoint_auth_method", expected).found(asked))
}
