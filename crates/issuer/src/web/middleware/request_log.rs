//! Writes one log line for each request, with its method, path, status and id, and for a refused one with the error code, the client and the
//! reason. It never logs the query, the body or a header, because they may hold secrets; only `client_id` is read from the query.

use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use percent_encoding::percent_decode_str;
use tracing::Level;

use crate::oauth::form::Form;
use crate::oauth::plain_text::without_credentials;
use crate::web::client_ip::ClientIp;
use crate::web::error::refusal::{Caller, Refusal, name};

/// Returns the path of the target of a request, without the user and password of a URL that stands in it. A target may be a whole URL
/// (RFC 9112 §3.2.2), and a name in a path may be one, percent-encoded.
fn shown(target: &str) -> String {
    let decoded = percent_decode_str(target).decode_utf8_lossy();
    let safe = without_credentials(&decoded);
    if safe == decoded { target.to_owned() } else { safe }
}

/// Holds what the line says about the request.
pub(super) struct Line {
    method: Method,
    uri: String,
    client: Option<ClientIp>,
    caller: Caller,
}

impl Line {
    /// Notes what the line will say, and lets the handler of `request` note the client. Returns `None` if no line is to be written.
    pub(super) fn of(request: &mut Request) -> Option<Self> {
        if !tracing::enabled!(Level::INFO) {
            return None;
        }
        let caller = Caller::default();
        request.extensions_mut().insert(caller.clone());
        Some(Self {
            caller,
            method: request.method().clone(),
            // A copy, because a clone would keep the connection's buffer of 8 KiB for as long as the request waits.
            uri: request.uri().to_string(),
            client: request.extensions().get().copied(),
        })
    }

    /// Writes the line, at `info` if the request was refused, by a status of 400 or more or by a redirect with an error, otherwise at `debug`.
    pub(super) fn write(self, response: &mut Response) {
        let Self { method, uri, client, caller } = self;
        let request_id = client.as_ref().map(ClientIp::request_id).unwrap_or_default();
        let (target, query) = uri.split_once('?').unwrap_or((&uri, ""));
        let status = response.status().as_u16();
        let unnamed = response.status().is_client_error() || response.status().is_server_error();
        let refusal = response.extensions_mut().remove::<Refusal>().or_else(|| unnamed.then(Refusal::default));
        let Some(refusal) = refusal else {
            tracing::debug!(%method, path = shown(target), status, request_id);
            return;
        };
        let in_query = Form::collect(query.as_bytes()).ok();
        let in_query = in_query.as_ref().and_then(|query| query.get("client_id")).unwrap_or_default();
        let Refusal { error, client, reason } = refusal.of_client(caller.client()).of_client(in_query);
        let error = if error.is_empty() { name(response.status()) } else { error };
        tracing::info!(%method, path = shown(target), status, request_id, error, client, reason);
    }
}
