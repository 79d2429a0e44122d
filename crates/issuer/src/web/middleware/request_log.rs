//! Writes one log line for each request, with its method, path, status and id, and for a refused one with the error code, the client and the
//! reason. It never logs the query, the body or a header, because they may hold secrets; only `client_id` is read from the query.

use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use tracing::Level;

use crate::oauth::form::Form;
use crate::web::client_ip::ClientIp;
use crate::web::error::refusal::Refusal;

/// Holds what the line says about the request.
pub(super) struct Line {
    method: Method,
    uri: String,
    client: Option<ClientIp>,
}

impl Line {
    /// Notes what the line will say. Returns `None` if no line is to be written.
    pub(super) fn of(request: &Request) -> Option<Self> {
        tracing::enabled!(Level::INFO).then(|| Self {
            method: request.method().clone(),
            // A copy, because a clone would keep the connection's buffer of 8 KiB for as long as the request waits.
            uri: request.uri().to_string(),
            client: request.extensions().get().copied(),
        })
    }

    /// Writes the line, at `info` if the request was refused, by a status of 400 or more or by a redirect with an error, otherwise at `debug`.
    pub(super) fn write(self, response: &mut Response) {
        let Self { method, uri, client } = self;
        let request_id = client.as_ref().map(ClientIp::request_id).unwrap_or_default();
        let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
        let status = response.status().as_u16();
        match response.extensions_mut().remove::<Refusal>() {
            Some(refusal) => {
                let in_query = Form::collect(query.as_bytes()).ok();
                let in_query = in_query.as_ref().and_then(|query| query.get("client_id")).unwrap_or_default();
                let Refusal { error, client, reason } = refusal.of_client(in_query);
                tracing::info!(%method, path, status, request_id, error, client, reason);
            }
            None if status >= 400 => tracing::info!(%method, path, status, request_id),
            None => tracing::debug!(%method, path, status, request_id),
        }
    }
}
