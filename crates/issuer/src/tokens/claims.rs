//! The claims of access tokens (RFC 9068 §2.2) and ID tokens (OpenID Connect Core §2), and the handle of an authorization.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::UnixSeconds;
use crate::store::authorizations::AuthorizationRow;

/// The claims about how and when a user signed in (RFC 9068 §2.2.1).
#[derive(Debug, Clone, Serialize)]
pub struct AuthenticationClaims<'a> {
    /// Unix seconds of the last time that the user passed a method.
    pub auth_time: UnixSeconds,
    /// The authentication context class that the user reached.
    pub acr: &'a str,
    /// The methods that the user passed (RFC 8176).
    pub amr: Vec<&'a str>,
    /// `None` if the user signed in without a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
}

impl<'a> AuthenticationClaims<'a> {
    /// Reads the claims from the row of an authorization.
    pub fn of(row: &'a AuthorizationRow) -> Self {
        Self { auth_time: row.auth_time, acr: &row.acr, amr: row.amr.split(' ').collect(), sid: row.sid.as_deref() }
    }
}

/// The `aud` claim: a string, or an array if there are several values (RFC 7519 §4.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    /// Returns the audience if there is exactly one.
    pub fn only(&self) -> Option<&str> {
        match self {
            Self::One(one) => Some(one),
            Self::Many(many) => many.first().filter(|_| many.len() == 1).map(String::as_str),
        }
    }

    /// Returns whether `identifier` is one of the audiences.
    pub fn contains(&self, identifier: &str) -> bool {
        match self {
            Self::One(one) => one == identifier,
            Self::Many(many) => many.iter().any(|one| one == identifier),
        }
    }
}

impl From<Vec<String>> for Audience {
    fn from(mut identifiers: Vec<String>) -> Self {
        match (identifiers.pop(), identifiers.is_empty()) {
            (Some(only), true) => Self::One(only),
            (last, _) => Self::Many(identifiers.into_iter().chain(last).collect()),
        }
    }
}

/// The claims of an access token (RFC 9068 §2.2).
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are those of the specification")]
pub struct AccessClaims<'a> {
    pub iss: &'a str,
    /// The user's UUID, or the client's id if the client acts for itself.
    pub sub: String,
    /// The identifiers of the resources that accept the token.
    pub aud: Audience,
    pub exp: UnixSeconds,
    pub iat: UnixSeconds,
    /// A random id.
    pub jti: String,
    /// The handle of the authorization, or of the client that acts for itself (Grant Management for OAuth 2.0). A revocation names it.
    pub grant_id: String,
    pub client_id: &'a str,
    /// The granted scopes, separated by spaces.
    pub scope: String,
    /// `None` if the client acts for itself.
    #[serde(flatten)]
    pub authentication: Option<AuthenticationClaims<'a>>,
    /// The claims that the resources add (§2.2.3.1).
    #[serde(flatten)]
    pub added: Map<String, Value>,
}

/// The claims of an ID token (OpenID Connect Core §2).
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are those of the specification")]
pub struct IdClaims<'a> {
    pub iss: &'a str,
    /// The UUID of the user.
    pub sub: String,
    /// The id of the client.
    pub aud: &'a str,
    pub exp: UnixSeconds,
    pub iat: UnixSeconds,
    /// The left half of the access token's SHA-256, in base64url (§3.1.3.6). `None` until the access token is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// The `nonce` of the authorization request. `None` if it had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    #[serde(flatten)]
    pub authentication: AuthenticationClaims<'a>,
    /// The claims about the user. None of them has the name of a claim of the protocol.
    #[serde(flatten)]
    pub user: Map<String, Value>,
}

/// Returns the value of the claim `grant_id` for the handle of an authorization or a client.
pub fn grant_id(handle: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(handle)
}

/// Returns the handle in the claim `grant_id`. `None` if it is not in the form of [`grant_id`].
pub fn handle(grant_id: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(grant_id).ok().filter(|handle| handle.len() == 16)
}
