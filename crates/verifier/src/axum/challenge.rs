//! Refusals as RFC 6750 §3 writes them.

use ::axum::http::{HeaderValue, StatusCode, header};
use ::axum::response::{IntoResponse, Response};

use super::Requirement;
use crate::Error;

/// Why a request is not let through. It becomes the answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Challenge {
    /// No credentials: 401 with a bare challenge that names the scopes.
    NoCredentials {
        /// The service's audience.
        realm: String,
        /// What the route asks for.
        required: Requirement,
    },
    /// More than one `Authorization` header: 400.
    AmbiguousCredentials {
        /// The service's audience.
        realm: String,
    },
    /// The verifier's answer: 401 `invalid_token` or 503.
    Token {
        /// The service's audience.
        realm: String,
        /// Why.
        error: Error,
    },
    /// The token lacks a scope: 403 that names all that are needed.
    InsufficientScope {
        /// The service's audience.
        realm: String,
        /// What the route asks for.
        required: Requirement,
    },
    /// [`super::Auth`] in a handler that no [`super::Guarded`] stands before, or with other claims than its verifier
    /// reads: 500, a fault of the service.
    Unguarded,
}

impl IntoResponse for Challenge {
    fn into_response(self) -> Response {
        match self {
            Self::NoCredentials { realm, required } => challenge(StatusCode::UNAUTHORIZED, &realm, None, &required.sufficient()),
            Self::AmbiguousCredentials { realm } => {
                challenge(StatusCode::BAD_REQUEST, &realm, Some(("invalid_request", "more than one Authorization header")), "")
            }
            Self::Token { error: Error::Unavailable { retry_after }, .. } => {
                let seconds = HeaderValue::from(retry_after.as_secs().max(1));
                let body = r#"{"error":"temporarily_unavailable","error_description":"tokens cannot be verified now"}"#;
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    [(header::RETRY_AFTER, seconds), (header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
                    body,
                )
                    .into_response()
            }
            Self::Token { realm, error: Error::Refused(refusal) } => {
                tracing::debug!(%refusal, "token refused");
                challenge(StatusCode::UNAUTHORIZED, &realm, Some(("invalid_token", "the access token is not valid here")), "")
            }
            Self::InsufficientScope { realm, required } => challenge(
                StatusCode::FORBIDDEN,
                &realm,
                Some(("insufficient_scope", "the access token lacks a scope")),
                &required.sufficient(),
            ),
            Self::Unguarded => {
                tracing::error!("Auth is used in a handler outside Guarded, or with other claims than the verifier's");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

fn challenge(status: StatusCode, realm: &str, error: Option<(&str, &str)>, scope: &str) -> Response {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut value = format!("Bearer realm=\"{}\"", quoted(realm));
    if let Some((code, description)) = error {
        value += &format!(", error=\"{code}\", error_description=\"{description}\"");
    }
    if !scope.is_empty() {
        value += &format!(", scope=\"{scope}\"");
    }
    // An audience is configured by the service; one that fits no header still gets an answer, without its realm.
    let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("Bearer"));
    let body = error.map(|(code, description)| format!(r#"{{"error":"{code}","error_description":"{description}"}}"#));
    let mut response = (status, [(header::WWW_AUTHENTICATE, value)]).into_response();
    if let Some(body) = body {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = body.into();
    }
    response
}
