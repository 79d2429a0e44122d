//! The limits of a request: the time until it is answered, and the length and speed of its body.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, Request};
use tower_http::timeout::TimeoutBody;

use crate::oauth::error::{Code, OAuthError};

/// The longest time until a request is answered.
pub(super) const TIME: Duration = Duration::from_secs(30);
/// The longest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// The longest pause between two parts of a body.
const BODY_PAUSE: Duration = Duration::from_secs(10);

/// The answer to a request that takes longer than [`TIME`].
pub(super) fn took_too_long() -> OAuthError {
    OAuthError::new(Code::Busy, "the server took too long; try again")
}

/// Limits the body of `request`.
pub(super) fn of_body(mut request: Request) -> Request {
    DefaultBodyLimit::max(MAX_BODY).apply(&mut request);
    if request.body().is_end_stream() {
        return request;
    }
    request.map(|body| Body::new(TimeoutBody::new(BODY_PAUSE, body)))
}
