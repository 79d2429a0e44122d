//! Renders each [`PageError`] as an HTML page.

use askama::Template;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::web::error::DatabaseUnavailable;
use crate::web::error::page::{Link, PageError, Typed};
use crate::web::error::refusal::Refusal;
use crate::web::html::{Csp, Page, html};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    title: &'static str,
    message: String,
    detail: String,
    links: Vec<Shown>,
    typed: Option<Typed>,
}

/// A link in the form in which the template shows it.
struct Shown {
    href: String,
    text: String,
}

/// Returns `response`, or the page for it if it carries a [`PageError`]. A blank 5xx response becomes a page too.
pub(super) fn render(app: &App, mut response: Response) -> Response {
    if response.extensions().get::<DatabaseUnavailable>().is_some() {
        app.store.distrust(app.clock.monotonic());
    }
    let is_blank = response.status().is_server_error() && !response.headers().contains_key(header::CONTENT_TYPE);
    let error = response.extensions_mut().remove::<PageError>();
    // The session layer logs its failures and answers them with a blank response.
    let error = error.or_else(|| is_blank.then(PageError::failed));
    let Some(PageError { status, title, message, detail, mut links, retry_after, .. }) = error else { return response };
    if links.is_empty() {
        links.push(Link::Own("/account".to_owned(), "Go to your account".to_owned()));
    }
    let page = Page::without_forms(app);
    let shown = |link| match link {
        Link::Own(path, text) => Shown { href: format!("{}{path}", page.base), text },
        Link::Site(href, text) => Shown { href, text },
    };
    let links = links.into_iter().map(shown).collect();
    let typed = response.extensions_mut().remove::<Typed>();
    let page = ErrorPage { page: page.clone(), title, message, detail, links, typed };
    let mut shown = html(&page, Csp::Own).unwrap_or_else(|error| error.status.into_response());
    *shown.status_mut() = status;
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        shown.extensions_mut().insert(refusal);
    }
    if let Some(seconds) = retry_after {
        shown.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // Keep the cookies that inner layers have set, and the `Allow` header that a 405 must have.
    for name in [header::SET_COOKIE, header::ALLOW, header::CONNECTION] {
        for value in response.headers().get_all(&name) {
            shown.headers_mut().append(name.clone(), value.clone());
        }
    }
    shown
}
