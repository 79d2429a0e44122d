//! Writes one log line for each request, with its method, path, status and id. It never logs the query, the body or a header, because
//! they may hold secrets.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Level;

use crate::web::client_ip::ClientIp;

/// Logs a request at `info` if its status is 400 or more, otherwise at `debug`.
pub async fn request_log(request: Request, next: Next) -> Response {
    if !tracing::enabled!(Level::INFO) {
        return next.run(request).await;
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let request_id = request.extensions().get::<ClientIp>().map(ClientIp::request_id).unwrap_or_default();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    if status < 400 {
        tracing::debug!(%method, path, status, request_id);
    } else {
        tracing::info!(%method, path, status, request_id);
    }
    response
}
