//! Renders each [`PageError`] as an HTML page.

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

/// Replaces each response that carries a [`PageError`] with the page for it. A blank 5xx response becomes a page too.
pub async fn error_pages(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let is_blank = response.status().is_server_error() && !response.headers().contains_key(header::CONTENT_TYPE);
    let error = response.extensions_mut().remove::<PageError>();
    // The session layer logs its failures and answers them with a blank response.
    let error = error.or_else(|| is_blank.then(|| PageError::server_error("the cause was logged before")));
    let Some(PageError { status, title, message, detail, retry_after }) = error else { return response };
    let page = ErrorPage { page: Page::without_forms(&app), title, message, detail };
    let mut shown = html(&page, Csp::Own).unwrap_or_else(|error| error.status.into_response());
    *shown.status_mut() = status;
    if let Some(seconds) = retry_after {
        shown.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // Keep the cookies that inner layers have set, and the `Allow` header that a 405 must have.
    for name in [header::SET_COOKIE, header::ALLOW] {
        for value in response.headers().get_all(&name) {
            shown.headers_mut().append(name.clone(), value.clone());
        }
    }
    shown
}
