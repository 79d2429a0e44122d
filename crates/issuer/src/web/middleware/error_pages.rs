//! Turns each [`PageError`] into a page.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::web::error::page::PageError;
use crate::web::html::{Csp, Page, html};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    title: &'static str,
    message: String,
    detail: String,
}

/// Makes a page of every [`PageError`].
pub async fn error_pages(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let is_blank = response.status().is_server_error() && !response.headers().contains_key(header::CONTENT_TYPE);
    let error = response.extensions_mut().remove::<PageError>();
    // A blank failure comes from the layer that keeps the cookie.
    let error = error.or_else(|| is_blank.then(|| PageError::server_error("see above")));
    let Some(PageError { status, title, message, detail, retry_after }) = error else { return response };
    let page = ErrorPage { page: Page::without_forms(&app), title, message, detail };
    let mut shown = html(&page, Csp::Own).unwrap_or_else(|error| error.status.into_response());
    *shown.status_mut() = status;
    if let Some(seconds) = retry_after {
        shown.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // Cookies that were set on the way stay set, and a 405 goes on saying what is allowed.
    for name in [header::SET_COOKIE, header::ALLOW] {
        for value in response.headers().get_all(&name) {
            shown.headers_mut().append(name.clone(), value.clone());
        }
    }
    shown
}
