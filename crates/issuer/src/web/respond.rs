//! Answers that several faces give.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use crate::app::App;
use crate::oauth::error::{Code, OAuthError};
use crate::web::error::page::PageError;
use crate::web::form::RawForm;
use crate::web::html::see_other;

/// The longest query that a request may be turned into, in bytes: what browsers and proxies take as a URL.
pub const MAX_QUERY: usize = 8 * 1024;

/// What every other URL answers: a page to people, JSON to programs.
pub async fn not_found(headers: HeaderMap) -> Response {
    if wants_a_page(&headers) {
        return PageError::not_found().into_response();
    }
    (StatusCode::NOT_FOUND, no_store(serde_json::json!({ "error": "not_found" }))).into_response()
}

/// What a URL of ours answers to a method that it does not take.
pub async fn method_not_allowed(headers: HeaderMap) -> Response {
    if wants_a_page(&headers) {
        return PageError::method_not_allowed().into_response();
    }
    OAuthError::new(Code::MethodNotAllowed, "this method is not allowed here").into_response()
}

/// Whether a browser asks, for a person to read.
fn wants_a_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accepted| accepted.contains("text/html"))
}

/// A JSON answer that no cache may keep (RFC 6749 §5.1).
pub fn no_store(body: impl serde::Serialize) -> Response {
    let mut response = axum::Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Sends the browser to `path` with the parameters of a form in the query.
pub fn as_get(app: &App, path: &str, RawForm(body): &RawForm) -> Result<Response, PageError> {
    let query = std::str::from_utf8(body).map_err(|_| PageError::bad_request("a parameter is not valid UTF-8 text"))?;
    if query.len() > MAX_QUERY {
        return Err(PageError::bad_request("the request is too long"));
    }
    see_other(app, &format!("{path}?{query}"))
}

/// Sends the browser to `uri` with `parameters` in its query. The status is 303, so that the browser posts nothing again.
pub fn redirect<'p>(uri: &str, parameters: impl Iterator<Item = (&'p str, &'p str)>) -> Result<Response, PageError> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let separator = match (query.is_empty(), uri.contains('?'), uri.ends_with(['?', '&'])) {
        (true, ..) | (_, true, true) => "",
        (_, true, false) => "&",
        (_, false, _) => "?",
    };
    let location = HeaderValue::from_str(&format!("{uri}{separator}{query}")).map_err(PageError::server_error)?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
