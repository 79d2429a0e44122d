//! The last resort: a handler that panics answers 500 and takes nothing else down.

use axum::http::Response;
use axum::response::IntoResponse;
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};

use crate::oauth::error::OAuthError;

/// The layer.
pub fn layer() -> CatchPanicLayer<ServerError> {
    CatchPanicLayer::custom(ServerError)
}

/// Turns a panic into `server_error`. The message went to the log by the panic hook.
#[derive(Debug, Clone, Copy)]
pub struct ServerError;

impl ResponseForPanic for ServerError {
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, _panic: Box<dyn std::any::Any + Send + 'static>) -> Response<Self::ResponseBody> {
        OAuthError::server_error("a handler panicked").into_response()
    }
}
