//! Sends an [`OAuthError`] as JSON, in the form that the token endpoint uses (RFC 6749 §5.2).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::oauth::error::{Code, OAuthError};

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        self.log();
        let body = Json(json!({ "error": self.code.as_str(), "error_description": self.safe_description() }));
        let mut response = (status(&self.code), body).into_response();
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

/// Returns the HTTP status that follows from an error code; 400 if no other is specified.
pub fn status(code: &Code) -> StatusCode {
    match code {
        Code::InvalidClient => StatusCode::UNAUTHORIZED,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooManyAttempts(_) => StatusCode::TOO_MANY_REQUESTS,
        Code::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        Code::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}
