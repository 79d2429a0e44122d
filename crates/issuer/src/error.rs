//! Errors as OAuth writes them: JSON at the token endpoint (RFC 6749 §5.2), bearer challenges at protected resources
//! (RFC 6750 §3). The source of an error is logged, never sent.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// What went wrong. The HTTP status follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// A malformed request.
    InvalidRequest,
    /// Client authentication failed.
    InvalidClient,
    /// Wrong credentials, or a grant that is no longer (or never was) good.
    InvalidGrant,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// The grant is not known here.
    UnsupportedGrantType,
    /// Nothing of the asked scope can be granted.
    InvalidScope,
    /// The asked resource is not known, or not for this client (RFC 8707 §2).
    InvalidTarget,
    /// The endpoint does not take this HTTP method.
    MethodNotAllowed,
    /// The body is longer than any honest request.
    TooLarge,
    /// Too many attempts; seconds until the next may be made.
    TooManyAttempts(u64),
    /// The server is busy; seconds after which to try again.
    Busy(u64),
    /// Something failed here.
    ServerError,
}

impl Code {
    fn status(&self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyAttempts(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn as_str(&self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::MethodNotAllowed | Self::TooLarge => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::TooManyAttempts(_) | Self::Busy(_) => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }
}

/// An error of the token, revocation or introspection endpoint.
#[derive(Debug, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct OAuthError {
    /// What went wrong.
    pub code: Code,
    /// Help for the client's developer, in printable ASCII without `"` and `\`.
    pub description: String,
    /// For the log alone.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl OAuthError {
    /// An error that has no cause but the request.
    pub fn new(code: Code, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), source: None }
    }

    /// `invalid_request` with what was expected.
    pub fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, description)
    }

    /// The one answer to credentials and grants that are no good: it never says why.
    pub fn invalid_grant() -> Self {
        Self::new(Code::InvalidGrant, "the credentials or the grant are invalid, expired or revoked")
    }

    /// A failure on our side.
    pub fn server_error(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { code: Code::ServerError, description: "the server could not answer; try again".to_owned(), source: Some(source.into()) }
    }

    fn log(&self) {
        if let Some(source) = &self.source {
            tracing::error!(error = %source, "request failed");
        }
    }
}

/// Any storage error fails the request: never a token, and never a success that was not.
impl From<crate::store::StoreError> for OAuthError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::server_error(error)
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        self.log();
        let description: String =
            self.description.chars().map(|c| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\') { c } else { '?' }).collect();
        let body = Json(json!({ "error": self.code.as_str(), "error_description": description }));
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        match self.code {
            Code::TooManyAttempts(seconds) | Code::Busy(seconds) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Code::InvalidClient => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"signet\", charset=\"UTF-8\""));
            }
            _ => {}
        }
        response
    }
}

/// A refusal of a bearer-protected endpoint.
#[derive(Debug)]
pub enum BearerError {
    /// No credentials came.
    NoCredentials,
    /// The request carries the token in two places, or is malformed otherwise.
    InvalidRequest(&'static str),
    /// The token is no good here.
    InvalidToken,
    /// The token lacks the scope.
    InsufficientScope,
    /// Anything that is no fault of the token.
    Other(OAuthError),
}

impl From<crate::store::StoreError> for BearerError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl BearerError {
    /// The answer, in the name of `realm` and with the scope that is needed.
    pub fn into_response(self, realm: &str, scope: &str) -> Response {
        let (status, code, description) = match self {
            Self::Other(error) => return error.into_response(),
            Self::NoCredentials => (StatusCode::UNAUTHORIZED, None, ""),
            Self::InvalidRequest(description) => (StatusCode::BAD_REQUEST, Some("invalid_request"), description),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, Some("invalid_token"), "the access token is invalid, expired or revoked"),
            Self::InsufficientScope => (StatusCode::FORBIDDEN, Some("insufficient_scope"), "the access token lacks a scope"),
        };
        let mut challenge = format!("Bearer realm=\"{realm}\"");
        if let Some(code) = code {
            challenge += &format!(", error=\"{code}\", error_description=\"{description}\"");
        }
        if matches!(self, Self::NoCredentials | Self::InsufficientScope) {
            challenge += &format!(", scope=\"{scope}\"");
        }
        let mut response = match code {
            Some(code) => (status, Json(json!({ "error": code, "error_description": description }))).into_response(),
            None => status.into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
