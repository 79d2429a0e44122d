//! The authorization response (RFC 6749 §4.1.2, RFC 9207, OAuth 2.0 Form Post Response Mode).

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use crate::app::App;
use crate::endpoints::authorize::pending::Refusal;
use crate::error::PageError;
use crate::oauth::authorization_request::{ReplyTo, ResponseMode};
use crate::pages::{self, Csp, Hidden};

#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPost<'a> {
    base: &'a str,
    action: &'a str,
    fields: Vec<Hidden>,
}

/// Gives the client its code.
pub fn success(app: &App, reply: &ReplyTo, code: &str) -> Result<Response, PageError> {
    answer(app, reply, &[("code", code)])
}

/// Tells the client why it gets none.
pub fn refusal(app: &App, reply: &ReplyTo, refusal: &Refusal) -> Result<Response, PageError> {
    answer(app, reply, &[("error", &refusal.error), ("error_description", &refusal.description)])
}

fn answer(app: &App, reply: &ReplyTo, parameters: &[(&str, &str)]) -> Result<Response, PageError> {
    // `iss` tells a client that uses several issuers which of them has answered.
    let always = reply.state.iter().map(|state| ("state", state.as_str())).chain([("iss", app.settings.issuer.as_str())]);
    let parameters = parameters.iter().copied().chain(always);
    match reply.mode {
        ResponseMode::Query => redirect(&reply.redirect_uri, parameters),
        ResponseMode::FormPost => {
            let fields = parameters.map(|(name, value)| Hidden::new(name, value)).collect();
            let page = FormPost { base: app.settings.issuer.path(), action: &reply.redirect_uri, fields };
            pages::html(&page, Csp::FormPost)
        }
    }
}

/// Sends the browser to `uri` with `parameters` in its query. 303, so that nothing that was posted here goes along.
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
