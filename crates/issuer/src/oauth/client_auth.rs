//! The credentials by which a client authenticates (RFC 6749 §2.3, RFC 7523 §2.2): `client_secret_basic`, `client_secret_post`,
//! `private_key_jwt` or `none`. A request may use only one of these methods.

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::SecretString;

use crate::oauth::authorization_header::has_credentials;
use crate::oauth::form::{Form, decode};
use crate::oauth::plain_text::as_found;

/// The client sends its id and secret in the `Authorization` header (RFC 6749 §2.3.1).
pub const BASIC: &str = "client_secret_basic";
/// The client sends its id and secret in the body (RFC 6749 §2.3.1).
pub const POST: &str = "client_secret_post";
/// The client sends an assertion that it signed with its private key (RFC 7523 §2.2).
pub const PRIVATE_KEY_JWT: &str = "private_key_jwt";
/// A public client sends its id and nothing else.
pub const NONE: &str = "none";

/// The values of `token_endpoint_auth_methods_supported` in the discovery document.
pub const METHODS: [&str; 4] = [BASIC, POST, PRIVATE_KEY_JWT, NONE];

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Returns whether `text` has the length and the characters of a client id.
pub fn can_be_client_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// The client credentials of a request.
#[derive(Debug)]
pub enum ClientCredentials {
    /// The request names no client.
    Absent,
    /// A client id without a secret, as a public client sends it.
    Id(String),
    /// A client id, a secret, and the method by which the client sent them.
    Secret(String, SecretString, &'static str),
    /// The `client_id` parameter, if there is one, and a signed assertion (RFC 7523 §2.2).
    Assertion(Option<String>, SecretString),
}

/// The reason why the client credentials of a request cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientAuthError {
    /// The request uses more than one method, or two client ids that differ.
    #[error(
        "client authentication: expected one method with one client_id; found several of the Authorization header, client_secret and \
         client_assertion, or two client ids"
    )]
    SeveralMethods,
    /// The `Authorization` header is not HTTP Basic with a form-encoded id and secret.
    #[error("Authorization: expected Basic and the base64 of client_id:client_secret, such as Basic c2hvcDpzZWNyZXQ=; found {0}")]
    Malformed(&'static str),
    /// The assertion is of this other type, or has none, or there is a type without an assertion.
    #[error("client_assertion_type: expected {ASSERTION_TYPE}, together with a client_assertion; found {0}")]
    AssertionType(String),
    /// The request has a secret but no client id.
    #[error("client_id: expected beside client_secret; found none")]
    MissingId,
}

impl ClientCredentials {
    /// Reads the credentials from the values of all `Authorization` headers and from the body.
    pub fn parse<'a>(authorization: impl Iterator<Item = &'a [u8]>, form: &Form) -> Result<Self, ClientAuthError> {
        let mut authorization = authorization.filter(|value| has_credentials(value));
        let (header, second) = (authorization.next(), authorization.next());
        if second.is_some() {
            return Err(ClientAuthError::SeveralMethods);
        }
        if let Some(assertion) = form.secret("client_assertion") {
            if header.is_some() || form.get("client_secret").is_some() {
                return Err(ClientAuthError::SeveralMethods);
            }
            let kind = form.get("client_assertion_type");
            if kind != Some(ASSERTION_TYPE) {
                return Err(ClientAuthError::AssertionType(kind.map_or_else(|| "no type".to_owned(), as_found)));
            }
            return Ok(Self::Assertion(form.get("client_id").map(str::to_owned), assertion));
        }
        if form.get("client_assertion_type").is_some() {
            return Err(ClientAuthError::AssertionType("no client_assertion".to_owned()));
        }
        match (header, form.get("client_id"), form.secret("client_secret")) {
            (Some(_), _, Some(_)) => Err(ClientAuthError::SeveralMethods),
            (Some(header), body_id, None) => {
                let (id, secret) = basic(header).ok_or_else(|| ClientAuthError::Malformed(kind_of(header)))?;
                if body_id.is_some_and(|body_id| body_id != id) {
                    return Err(ClientAuthError::SeveralMethods);
                }
                // A client may leave out an empty secret (RFC 6749 §2.3.1), so an empty one counts as none.
                if secret.is_empty() { Ok(Self::Id(id)) } else { Ok(Self::Secret(id, SecretString::from(secret), BASIC)) }
            }
            (None, Some(id), Some(secret)) => Ok(Self::Secret(id.to_owned(), secret, POST)),
            (None, None, Some(_)) => Err(ClientAuthError::MissingId),
            (None, Some(id), None) => Ok(Self::Id(id.to_owned())),
            (None, None, None) => Ok(Self::Absent),
        }
    }
}

/// Says what an `Authorization` header is that is not HTTP Basic as expected. What stands in it is never said, because it may be a secret.
fn kind_of(header: &[u8]) -> &'static str {
    let scheme = header.split(|byte| *byte == b' ').next().unwrap_or_default().to_ascii_lowercase();
    match scheme.as_slice() {
        b"basic" => "Basic and something else",
        b"bearer" => "Bearer",
        b"dpop" => "DPoP",
        b"digest" => "Digest",
        _ => "another scheme",
    }
}

fn basic(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let (id, secret) = (decode(id).ok()?, decode(secret).ok()?);
    (!id.is_empty()).then_some((id, secret))
}
