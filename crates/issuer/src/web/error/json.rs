//! Sends an [`OAuthError`] as JSON, in the form that the token endpoint uses (RFC 6749 §5.2).

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::oauth::error::{Code, OAuthError};
use crate::web::error::refusal::Refusal;
use crate::web::error::{DatabaseUnavailable, retry_after, status};

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        self.log();
        let body = Json(json!({ "error": self.code.as_str(), "error_description": self.safe_description() }));
        let mut response = (status(&self.code), body).into_response();
        response.extensions_mut().insert(Refusal::from(&self));
        if self.code == Code::Unavailable {
            response.extensions_mut().insert(DatabaseUnavailable);
        }
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        if let Some(seconds) = retry_after(&self.code) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::InvalidClient {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"signet\", charset=\"UTF-8\""));
        }
        response
    }
}
