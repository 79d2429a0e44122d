//! Sends the authorization response to the client (RFC 6749 §4.1.2, RFC 9207, OAuth 2.0 Form Post Response Mode).

use askama::Template;
use axum::response::Response;

use crate::app::App;
use crate::oauth::authorization_request::{ResponseMode, ResponseTarget};
use crate::oauth::error::ErrorResponse;
use crate::store::clients::Client;
use crate::web::error::page::PageError;
use crate::web::error::refusal::Refusal;
use crate::web::html::{Csp, Hidden, html};
use crate::web::respond::redirect;

#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPost<'a> {
    base: &'a str,
    action: &'a str,
    fields: Vec<Hidden>,
}

/// Sends the authorization code to the client, with the `session_state` of the browser if the client wants it.
pub fn success(app: &App, target: &ResponseTarget, code: &str, session_state: Option<&str>) -> Result<Response, PageError> {
    match session_state {
        Some(state) => answer(app, target, &[("code", code), ("session_state", state)]),
        None => answer(app, target, &[("code", code)]),
    }
}

/// Sends `error` to the client `client`, which gets no code.
pub fn refusal(app: &App, client: &Client, target: &ResponseTarget, error: &ErrorResponse) -> Result<Response, PageError> {
    app.refusals.note(app.now(), &client.id, &error.error, &error.description, Some(&target.redirect_uri));
    let mut response = answer(app, target, &[("error", &error.error), ("error_description", &error.description)])?;
    response.extensions_mut().insert(Refusal::new(&error.error, error.description.as_str()).of_client(&client.id));
    Ok(response)
}

fn answer(app: &App, target: &ResponseTarget, parameters: &[(&str, &str)]) -> Result<Response, PageError> {
    // `iss` tells a client that uses several issuers which of them has answered (RFC 9207).
    let always = target.state.iter().map(|state| ("state", state.as_str())).chain([("iss", app.settings.issuer.as_str())]);
    let parameters = parameters.iter().copied().chain(always);
    match target.response_mode {
        ResponseMode::Query => redirect(&target.redirect_uri, parameters),
        ResponseMode::FormPost => {
            let fields = parameters.map(|(name, value)| Hidden::new(name, value)).collect();
            let page = FormPost { base: app.settings.issuer.path(), action: &target.redirect_uri, fields };
            html(&page, Csp::FormPost)
        }
    }
}
