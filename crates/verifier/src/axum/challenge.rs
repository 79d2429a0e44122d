//! The refusals of the guarded router, as HTTP answers with a `WWW-Authenticate` challenge (RFC 6750 §3).

use ::axum::http::{HeaderValue, StatusCode, header};
use ::axum::response::{IntoResponse, Response};

use super::Requirement;
use crate::Error;

/// The reason why a request is refused. It converts into the HTTP answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Challenge {
    /// The request has no bearer token. The answer is 401 with a challenge that names the scopes and no error code.
    NoCredentials {
        /// The audience of the service.
        realm: String,
        /// The requirement of the route, combined with the handler's own where [`super::Auth`] refuses.
        required: Requirement,
    },
    /// The request has more than one `Authorization` header. The answer is 400 `invalid_request`.
    AmbiguousCredentials {
        /// The audience of the service.
        realm: String,
    },
    /// The verifier did not accept the token. The answer is 401 `invalid_token`, or 503 with `Retry-After` if the issuer's keys
    /// are out of reach.
    Token {
        /// The audience of the service.
        realm: String,
        /// The verifier's reason. It is logged at debug level, and the client learns only the status and the error code.
        error: Error,
    },
    /// The token lacks a required scope. The answer is 403 `insufficient_scope` and names all scopes that are needed.
    InsufficientScope {
        /// The audience of the service.
        realm: String,
        /// The requirement of the route, combined with the handler's own where [`super::Auth`] refuses.
        required: Requirement,
    },
    /// A handler uses [`super::Auth`] outside [`super::Guarded`], or with a claims type other than the verifier's. This is a
    /// fault of the service, so the answer is 500.
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
                tracing::error!("Auth is used in a handler outside Guarded, or with a claims type other than the verifier's");
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
    // The service configures its audience, which is the realm. If the audience contains characters that a header cannot carry,
    // send a challenge without parameters instead of failing.
    let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("Bearer"));
    let body = error.map(|(code, description)| format!(r#"{{"error":"{code}","error_description":"{description}"}}"#));
    let mut response = (status, [(header::WWW_AUTHENTICATE, value)]).into_response();
    if let Some(body) = body {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = body.into();
    }
    response
}
