//! What happens around every request, in one layer: each layer of its own would cost an allocation, and a copy of the request for as long as
//! the request waits. `cors.rs` has the layers that only some routes have.

pub mod cors;
mod error_pages;
mod host;
mod limits;
mod path;
mod request_log;
mod security_headers;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::app::App;
use crate::oauth::error::OAuthError;
use crate::web::client_ip;
use crate::web::error::say_when_to_retry;
use crate::web::respond::overloaded;
use crate::web::slots::{Held, Overloaded};

/// Finds where the request comes from, refuses it or has it answered within its limits, renders errors as pages, adds `Retry-After` and the
/// security headers, and writes the log line.
pub async fn around(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let place = client_ip::identify(&app, &mut request);
    let line = request_log::Line::of(&mut request);
    let mut response = match (&place, host::check(&request)) {
        (Err(Overloaded), _) => overloaded(request.headers()),
        (Ok(_), Err(refused)) => refused.into_response(),
        (Ok(_), Ok(())) => {
            if let Some(refused) = path::unreadable(&app, &request) {
                refused
            } else {
                let answered = AssertUnwindSafe(next.run(limits::of_body(request))).catch_unwind();
                match timeout(limits::TIME, answered).await {
                    Ok(Ok(response)) => response,
                    // The panic hook has already logged the message.
                    Ok(Err(_)) => OAuthError::server_error("a handler panicked").into_response(),
                    Err(_) => limits::took_too_long().into_response(),
                }
            }
        }
    };
    if let Ok(Some(slot)) = place {
        response.extensions_mut().insert(Held::from(slot));
    }
    let mut response = error_pages::render(&app, response);
    say_when_to_retry(&mut response);
    security_headers::add(&mut response, app.settings.issuer.is_https());
    if let Some(line) = line {
        line.write(&mut response);
    }
    response
}
