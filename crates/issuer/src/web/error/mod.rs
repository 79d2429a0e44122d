//! The forms in which an error is sent: JSON, a bearer challenge or a page. This file has what they share: the status and
//! `Retry-After` that follow from an error code.

pub mod bearer;
pub mod json;
pub mod page;
pub mod problem;
pub mod refusal;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::oauth::error::{Code, OAuthError};
use crate::web::error::refusal::Refusal;

/// `Retry-After` of the answer to a request that found the server busy, in seconds.
const BUSY_RETRY_AFTER: u64 = 1;

/// `Retry-After` of the answer to a request that found the database unavailable, in seconds. A failover takes some.
const UNAVAILABLE_RETRY_AFTER: u64 = 5;

/// The extension of a response whose request found the database unavailable.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseUnavailable;

/// Returns the HTTP status that follows from an error code; 400 if no other is specified.
pub fn status(code: &Code) -> StatusCode {
    match code {
        Code::InvalidClient => StatusCode::UNAUTHORIZED,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooManyAttempts(_) => StatusCode::TOO_MANY_REQUESTS,
        Code::Busy | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Adds `Retry-After` to a 503 that lacks it, such as that of readiness or of a form, so that every client and every proxy knows when to ask
/// again.
pub fn say_when_to_retry(response: &mut Response) {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(HeaderValue::from(UNAVAILABLE_RETRY_AFTER));
    }
}

/// Gives `response`, a page that shows `error` in its own words, the status and the `Retry-After` that follow from it, and tells the log line.
pub fn with_error(mut response: Response, error: &OAuthError) -> Response {
    *response.status_mut() = status(&error.code);
    if let Some(seconds) = retry_after(&error.code) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.extensions_mut().insert(Refusal::from(error));
    response
}

/// Returns the seconds after which the same request may succeed; `None` if waiting does not help.
fn retry_after(code: &Code) -> Option<u64> {
    match code {
        Code::TooManyAttempts(seconds) => Some(*seconds),
        Code::Busy => Some(BUSY_RETRY_AFTER),
        Code::Unavailable => Some(UNAVAILABLE_RETRY_AFTER),
        _ => None,
    }
}
