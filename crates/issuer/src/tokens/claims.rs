//! The claims of access tokens (RFC 9068 §2.2) and ID tokens (OpenID Connect Core §2), and token ids.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::{Clock, UnixSeconds};
use crate::store::authorizations::AuthorizationRow;

/// How and when a user signed in.
#[derive(Debug, Clone, Serialize)]
pub struct AuthenticationClaims<'a> {
    /// When, in Unix seconds.
    pub auth_time: UnixSeconds,
    /// How strongly.
    pub acr: &'a str,
    /// By which means.
    pub amr: Vec<&'a str>,
    /// In which browser session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
}

impl<'a> AuthenticationClaims<'a> {
    /// The sign-in behind an authorization.
    pub fn of(row: &'a AuthorizationRow) -> Self {
        Self { auth_time: row.auth_time, acr: &row.acr, amr: row.amr.split(' ').collect(), sid: row.sid.as_deref() }
    }
}

/// A string, or an array where there are several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One audience.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    /// The audience, if there is but one.
    pub fn only(&self) -> Option<&str> {
        match self {
            Self::One(one) => Some(one),
            Self::Many(many) => many.first().filter(|_| many.len() == 1).map(String::as_str),
        }
    }

    /// Whether `identifier` is among them.
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

/// An access token's claims.
#[derive(Debug, Serialize)]
pub struct AccessClaims<'a> {
    /// The issuer.
    pub iss: &'a str,
    /// The user's id, or the client's.
    pub sub: &'a str,
    /// The resources that it is for.
    pub aud: Audience,
    /// End of life, in Unix seconds.
    pub exp: UnixSeconds,
    /// When it was signed, in Unix seconds.
    pub iat: UnixSeconds,
    /// Its own id.
    pub jti: String,
    /// The client that got it.
    pub client_id: &'a str,
    /// What it permits.
    pub scope: String,
    /// Where a user signed in.
    #[serde(flatten)]
    pub authentication: Option<AuthenticationClaims<'a>>,
}

/// An ID token's claims.
#[derive(Debug, Serialize)]
pub struct IdClaims<'a> {
    /// The issuer.
    pub iss: &'a str,
    /// The user's id.
    pub sub: &'a str,
    /// The client.
    pub aud: &'a str,
    /// End of life, in Unix seconds.
    pub exp: UnixSeconds,
    /// When it was signed, in Unix seconds.
    pub iat: UnixSeconds,
    /// Left half of the access token's SHA-256 (§3.1.3.6).
    pub at_hash: String,
    /// What the client sent with its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// How the user signed in.
    #[serde(flatten)]
    pub authentication: AuthenticationClaims<'a>,
    /// Claims that the client requested for one by one.
    #[serde(flatten)]
    pub requested: serde_json::Map<String, serde_json::Value>,
}

/// The id of a new token. That of a user's token begins with its authorization, by which UserInfo, introspection and
/// revocation find it again.
pub fn token_id(authorization: Option<Uuid>, clock: &dyn Clock) -> String {
    let mut bytes = authorization.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
    bytes.extend(clock.random_bytes::<12>());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The authorization that a token id begins with.
pub fn authorization_of(token_id: &str) -> Option<Uuid> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token_id).ok()?;
    (bytes.len() == 28).then(|| Uuid::from_slice(&bytes[..16]).ok()).flatten()
}
