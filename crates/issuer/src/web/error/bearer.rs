//! Errors of bearer-protected endpoints, sent as a challenge in `WWW-Authenticate` (RFC 6750 §3).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::oauth::error::OAuthError;
use crate::tokens::lookup::Invalid;
use crate::web::error::refusal::Refusal;

/// The reason why a bearer-protected endpoint refuses a request.
#[derive(Debug)]
pub enum BearerError {
    /// The request carries no token. The text becomes the `error_description`.
    NoCredentials(&'static str),
    /// The request is malformed, for example because it carries two tokens. The text becomes the `error_description`.
    InvalidRequest(&'static str),
    /// The token is forged, expired or revoked, or it was issued for another resource. Only the log says which.
    InvalidToken(Invalid),
    /// The token, which was given to the client with this id, lacks a scope that the endpoint requires.
    InsufficientScope(String),
    /// The request failed for another reason, such as a storage error.
    Other(OAuthError),
}

impl From<crate::store::StoreError> for BearerError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl From<Invalid> for BearerError {
    fn from(invalid: Invalid) -> Self {
        Self::InvalidToken(invalid)
    }
}

impl From<crate::keys::KeyError> for BearerError {
    fn from(error: crate::keys::KeyError) -> Self {
        Self::Other(error.into())
    }
}

impl BearerError {
    /// Returns the response. Its challenge names `realm` and, unless it is empty, the `scope` that the endpoint requires.
    pub fn into_response(self, realm: &str, scope: &str) -> Response {
        // The challenge to a request without a token names no error (RFC 6750 §3.1). The body does, because programs read it.
        let has_token = !matches!(self, Self::NoCredentials(_));
        let lacks_scope = matches!(self, Self::NoCredentials(_) | Self::InsufficientScope(_));
        let (status, code, description, logged) = match self {
            Self::Other(error) => return error.into_response(),
            Self::NoCredentials(description) => (StatusCode::UNAUTHORIZED, "invalid_token", description.to_owned(), None),
            Self::InvalidRequest(description) => (StatusCode::BAD_REQUEST, "invalid_request", description.to_owned(), None),
            Self::InvalidToken(Invalid { client, reason }) => {
                let description = "the access token is invalid, expired or revoked".to_owned();
                (StatusCode::UNAUTHORIZED, "invalid_token", description, Some((client, reason.to_owned())))
            }
            Self::InsufficientScope(client) => {
                let description = format!("the access token lacks the scope {scope}");
                (StatusCode::FORBIDDEN, "insufficient_scope", description.clone(), Some((client, description)))
            }
        };
        let mut challenge = format!("Bearer realm=\"{realm}\"");
        if has_token {
            challenge += &format!(", error=\"{code}\", error_description=\"{description}\"");
        }
        if lacks_scope && !scope.is_empty() {
            challenge += &format!(", scope=\"{scope}\"");
        }
        let mut response = (status, Json(json!({ "error": code, "error_description": description }))).into_response();
        let (client, reason) = logged.unwrap_or_else(|| (String::new(), description));
        response.extensions_mut().insert(Refusal::new(code, reason).of_client(&client));
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
