//! The frame by which a page of a client learns that a person has signed out, or that somebody else has signed in (OpenID Connect Session
//! Management 1.0 §3.2). Its script compares a `session_state` with the cookie of [`crate::browser::state`], without a request.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;

use crate::app::App;
use crate::browser::state::cookie_name;
use crate::oauth::redirect_uri::frame_source;
use crate::oauth::scope::words;
use crate::store::framing;
use crate::web::error::page::PageError;
use crate::web::html::html_in_frame;

/// The most origins that a policy lists, so that the header stays below what proxies take.
const MOST_ORIGINS: usize = 50;
/// The most clients whose origins are read.
const MOST_CLIENTS: u64 = 1000;

#[derive(Template)]
#[template(path = "session/check.html")]
struct Frame {
    cookie: String,
}

/// `GET /check_session`: returns the page for the frame. Only pages of clients that asked for it may show it.
pub async fn frame(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, PageError> {
    let clients = framing::redirect_uris(app.store.reader(), MOST_CLIENTS).await?;
    let sources: BTreeSet<String> = clients.iter().flat_map(|uris| words(uris)).filter_map(frame_source).collect();
    let page = Frame { cookie: cookie_name(app.settings.issuer.is_https()) };
    html_in_frame(&page, &ancestors(sources, &headers))
}

/// Returns those of `sources` that the policy lists: all, or, if they are too many, the one of the page that the request comes from.
fn ancestors(sources: BTreeSet<String>, headers: &HeaderMap) -> Vec<String> {
    if sources.len() <= MOST_ORIGINS {
        return sources.into_iter().collect();
    }
    let page = headers.get(header::REFERER).and_then(|page| page.to_str().ok()).and_then(frame_source);
    page.into_iter().filter(|page| sources.contains(page)).collect()
}
