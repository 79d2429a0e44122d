//! Answers 500 when a handler panics, so that the panic affects no other request.

use axum::http::Response;
use axum::response::IntoResponse;
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};

use crate::oauth::error::OAuthError;

/// Returns the layer that catches panics.
pub fn layer() -> CatchPanicLayer<ServerError> {
    CatchPanicLayer::custom(ServerError)
}

/// Turns a panic into `server_error`. The panic hook has already logged the message.
#[derive(Debug, Clone, Copy)]
pub struct ServerError;

impl ResponseForPanic for ServerError {
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, _panic: Box<dyn std::any::Any + Send + 'static>) -> Response<Self::ResponseBody> {
        OAuthError::server_error("a handler panicked").into_response()
    }
}
