//! Limits the time that the server spends on a request.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::oauth::error::{Code, OAuthError};

const LIMIT: Duration = Duration::from_secs(30);

/// Answers 503 with `Retry-After` if the request takes longer than 30 seconds.
pub async fn time_limit(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => OAuthError::new(Code::Busy, "the server took too long; try again").into_response(),
    }
}
