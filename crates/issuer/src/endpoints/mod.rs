//! The protocol endpoints, one file each, and what they share in reading requests.

pub mod authorize;
mod client;
mod client_assertion;
pub mod discovery;
pub mod end_session;
pub mod health;
pub mod introspect;
pub mod jwks;
pub(crate) mod parameters;
pub mod register;
pub mod revoke;
pub mod token;
pub mod userinfo;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::{Code, OAuthError, PageError};

/// What every other URL answers: a page to people, JSON to programs.
pub async fn not_found(headers: HeaderMap) -> Response {
    if wants_a_page(&headers) {
        return PageError::not_found().into_response();
    }
    (StatusCode::NOT_FOUND, no_store(serde_json::json!({ "error": "not_found" }))).into_response()
}

/// What a URL of ours answers to a method that it does not take.
pub async fn method_not_allowed(headers: HeaderMap) -> Response {
    if wants_a_page(&headers) {
        return PageError::method_not_allowed().into_response();
    }
    OAuthError::new(Code::MethodNotAllowed, "this method is not allowed here").into_response()
}

/// Whether a browser asks, for a person to read.
fn wants_a_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accepted| accepted.contains("text/html"))
}

/// A JSON answer that no cache may keep (RFC 6749 §5.1).
fn no_store(body: impl serde::Serialize) -> Response {
    let mut response = axum::Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
