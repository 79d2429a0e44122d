//! How a client authenticates (RFC 6749 §2.3, RFC 7523 §2.2): `client_secret_basic`, `client_secret_post`,
//! `private_key_jwt`, `none`; one method a request.

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::SecretString;

use crate::oauth::form::{Form, decode};

/// `client_secret_basic`
pub const BASIC: &str = "client_secret_basic";
/// `client_secret_post`
pub const POST: &str = "client_secret_post";
/// `private_key_jwt`
pub const PRIVATE_KEY_JWT: &str = "private_key_jwt";
/// `none`
pub const NONE: &str = "none";

/// `token_endpoint_auth_methods_supported`.
pub const METHODS: [&str; 4] = [BASIC, POST, PRIVATE_KEY_JWT, NONE];

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a request says of its client.
#[derive(Debug)]
pub enum ClientCredentials {
    /// Nothing at all.
    Absent,
    /// An id alone: a public client.
    Id(String),
    /// An id and a secret, by this method.
    Secret(String, SecretString, &'static str),
    /// A signed assertion (RFC 7523 §2.2), and the id if that stands beside it.
    Assertion(Option<String>, SecretString),
}

/// Credentials that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientAuthError {
    /// More than one method, or two ids that differ.
    #[error("more than one client authentication method")]
    SeveralMethods,
    /// An `Authorization` header that is not HTTP Basic with form-encoded parts.
    #[error("the Authorization header is not HTTP Basic")]
    Malformed,
    /// An assertion of another type, or a type without an assertion.
    #[error("client_assertion_type: expected {ASSERTION_TYPE} beside a client_assertion")]
    AssertionType,
    /// A secret without an id.
    #[error("client_id is missing")]
    MissingId,
}

impl ClientCredentials {
    /// Reads the credentials from the `Authorization` headers and the body.
    pub fn parse<'a>(mut authorization: impl Iterator<Item = &'a [u8]>, form: &Form) -> Result<Self, ClientAuthError> {
        let (header, second) = (authorization.next(), authorization.next());
        if second.is_some() {
            return Err(ClientAuthError::SeveralMethods);
        }
        if let Some(assertion) = form.secret("client_assertion") {
            if header.is_some() || form.get("client_secret").is_some() {
                return Err(ClientAuthError::SeveralMethods);
            }
            if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(ClientAuthError::AssertionType);
            }
            return Ok(Self::Assertion(form.get("client_id").map(str::to_owned), assertion));
        }
        if form.get("client_assertion_type").is_some() {
            return Err(ClientAuthError::AssertionType);
        }
        match (header, form.get("client_id"), form.secret("client_secret")) {
            (Some(_), _, Some(_)) => Err(ClientAuthError::SeveralMethods),
            (Some(header), body_id, None) => {
                let (id, secret) = basic(header).ok_or(ClientAuthError::Malformed)?;
                if body_id.is_some_and(|body_id| body_id != id) {
                    return Err(ClientAuthError::SeveralMethods);
                }
                // An empty secret says as little as none (§2.3.1).
                if secret.is_empty() { Ok(Self::Id(id)) } else { Ok(Self::Secret(id, SecretString::from(secret), BASIC)) }
            }
            (None, Some(id), Some(secret)) => Ok(Self::Secret(id.to_owned(), secret, POST)),
            (None, None, Some(_)) => Err(ClientAuthError::MissingId),
            (None, Some(id), None) => Ok(Self::Id(id.to_owned())),
            (None, None, None) => Ok(Self::Absent),
        }
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
