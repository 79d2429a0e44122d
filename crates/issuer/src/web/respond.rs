//! Responses that several endpoints and pages share.

use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use crate::app::App;
use crate::oauth::error::{Code, OAuthError};
use crate::web::error::page::PageError;
use crate::web::form::RawForm;
use crate::web::html::{Csp, Hidden, Page, html, see_other};

/// The longest query that we redirect to, in bytes. Browsers and proxies handle URLs of this length.
const MAX_QUERY: usize = 8 * 1024;

/// Answers a request for a URL that does not exist: with a page for browsers, and with JSON for programs.
pub async fn not_found(headers: HeaderMap) -> Response {
    nothing_here(&headers)
}

/// Says that there is nothing: with a page for browsers, and with JSON for programs.
pub fn nothing_here(headers: &HeaderMap) -> Response {
    if wants_a_page(headers) {
        return PageError::not_found().into_response();
    }
    (StatusCode::NOT_FOUND, no_store(serde_json::json!({ "error": "not_found" }))).into_response()
}

/// Answers a request whose URL exists but does not take the method: with a page for browsers, and with JSON for programs.
pub async fn method_not_allowed(headers: HeaderMap) -> Response {
    if wants_a_page(&headers) {
        return PageError::method_not_allowed().into_response();
    }
    api_method_not_allowed().await
}

/// Answers a request whose URL only programs call but which does not take the method. Some programs say that they accept HTML, such as those
/// that use the HTTP client of Java, so the answer is JSON in any case.
pub async fn api_method_not_allowed() -> Response {
    OAuthError::new(Code::MethodNotAllowed, "this method is not allowed here; the header Allow lists those that are").into_response()
}

/// Refuses a request of an address that has too many at once, and asks the peer to close the connection.
pub fn overloaded(headers: &HeaderMap) -> Response {
    let mut response = if wants_a_page(headers) {
        PageError::busy().into_response()
    } else {
        OAuthError::new(Code::Busy, "the server has too many connections, or too many of your address; try again").into_response()
    };
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Returns `true` if the request accepts HTML, as browsers do when they open a page.
fn wants_a_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accepted| accepted.contains("text/html"))
}

/// Returns `body` as a JSON response that no cache may keep (RFC 6749 §5.1).
pub fn no_store(body: impl serde::Serialize) -> Response {
    uncached(axum::Json(body))
}

/// Returns `response` with the headers by which no cache may keep it.
pub fn uncached(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

#[derive(Template)]
#[template(path = "continue.html")]
struct ContinuePage {
    page: Page,
    action: &'static str,
    fields: Vec<Hidden>,
}

/// Redirects the browser to `path` with the form as the query. If the form is longer than [`MAX_QUERY`], shows a page with one button
/// instead, which sends the form again from a page of this issuer: browsers send the cookie with that.
pub fn as_get(app: &App, path: &'static str, RawForm(body): &RawForm) -> Result<Response, PageError> {
    let query = std::str::from_utf8(body).map_err(|_| PageError::bad_request("a parameter is not valid UTF-8 text"))?;
    if query.len() <= MAX_QUERY {
        return see_other(app, &format!("{path}?{query}"));
    }
    let fields = form_urlencoded::parse(body).map(|(name, value)| Hidden::new(&name, &value)).collect();
    let page = ContinuePage { page: Page::without_forms(app), action: path, fields };
    let mut response = html(&page, Csp::LeadsToClient)?;
    // With `no-referrer` browsers would send `Origin: null` with the form, so that its sender could not be seen.
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// Redirects the browser to `uri` with `parameters` added to its query. The status is 303, so that the browser does not post its form
/// again.
pub fn redirect<'p>(uri: &str, parameters: impl Iterator<Item = (&'p str, &'p str)>) -> Result<Response, PageError> {
    let location = HeaderValue::from_str(&with_parameters(uri, parameters)).map_err(PageError::server_error)?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// Returns `uri` with `parameters` added to its query, which is kept.
pub fn with_parameters<'p>(uri: &str, parameters: impl Iterator<Item = (&'p str, &'p str)>) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let separator = match (query.is_empty(), uri.contains('?'), uri.ends_with(['?', '&'])) {
        (true, ..) | (_, true, true) => "",
        (_, true, false) => "&",
        (_, false, _) => "?",
    };
    format!("{uri}{separator}{query}")
}
