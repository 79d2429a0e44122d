//! Logging out on a client's wish (OpenID Connect RP-Initiated Logout 1.0).

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;

use crate::app::App;
use crate::endpoints::authorize::{answer, as_get};
use crate::endpoints::parameters::RawForm;
use crate::error::{OAuthError, PageError};
use crate::oauth::form::Form;
use crate::pages::browser::Browser;
use crate::pages::{Hidden, sign_out};
use crate::store::clients::Client;
use crate::tokens::hint::{self, Hint};

/// Where the browser goes afterwards.
#[derive(Debug)]
pub struct Target {
    uri: String,
    state: Option<String>,
}

/// `POST /end_session`: the cookie comes only with GET, so the browser is sent to ask again with that.
pub async fn post(State(app): State<Arc<App>>, form: Result<RawForm, OAuthError>) -> Result<Response, PageError> {
    as_get(&app, "/end_session", &form?)
}

/// `GET /end_session`
pub async fn get(State(app): State<Arc<App>>, browser: Browser, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    let form = Form::parse(query.unwrap_or_default().as_bytes()).map_err(|error| PageError::bad_request(error.to_string()))?;
    let hint = read_hint(&app, &form).await?;
    let client = client(&app, &form, hint.as_ref()).await?;
    let target = target(&form, client.as_ref())?;
    let Some(signed_in) = browser.signed_in().await? else {
        // Without a hint nobody proves that there is anything to come back from: strangers cannot send people on.
        return leave(&app, target.filter(|_| hint.is_some()));
    };
    // Who can show the person's own ID token was given it by them.
    if hint.as_ref().is_some_and(|hint| hint.sub == signed_in.user.id && hint.sid.as_ref() == Some(&signed_in.session.sid)) {
        browser.sign_out().await?;
        return leave(&app, target);
    }
    let mut fields: Vec<Hidden> = Vec::new();
    if let Some(client) = &client {
        fields.push(Hidden::new("client_id", &client.id));
    }
    for name in ["post_logout_redirect_uri", "state"] {
        fields.extend(form.get(name).map(|value| Hidden::new(name, value)));
    }
    sign_out::ask(&app, &browser, &signed_in.user.username, client.as_ref().map(|client| client.name.as_str()), fields).await
}

/// Where the browser goes after the sign-out that `form` asks for.
pub async fn target_of(app: &App, form: &Form) -> Result<Option<Target>, PageError> {
    let client = client(app, form, None).await?;
    target(form, client.as_ref())
}

/// Sends the browser where it was to go, or says that nobody is signed in any more.
pub fn leave(app: &App, target: Option<Target>) -> Result<Response, PageError> {
    match target {
        Some(Target { uri, state }) => answer::redirect(&uri, state.iter().map(|state| ("state", state.as_str()))),
        None => sign_out::done(app),
    }
}

async fn read_hint(app: &App, form: &Form) -> Result<Option<Hint>, PageError> {
    let Some(token) = form.get("id_token_hint") else { return Ok(None) };
    let hint = hint::read(app, token).await.map_err(PageError::server_error)?;
    hint.map(Some).ok_or_else(|| PageError::bad_request("id_token_hint: expected an ID token of this issuer"))
}

/// The client that `client_id` names, or that the hint was given to.
async fn client(app: &App, form: &Form, hint: Option<&Hint>) -> Result<Option<Client>, PageError> {
    let named = form.get("client_id");
    if let (Some(named), Some(hint)) = (named, hint)
        && !hint.aud.contains(named)
    {
        return Err(PageError::bad_request("client_id: the id_token_hint was given to another client"));
    }
    let Some(id) = named.or(hint.and_then(|hint| hint.aud.only())) else { return Ok(None) };
    let client = app.store.client(id).await?.filter(|client| client.enabled);
    client.map(Some).ok_or_else(|| PageError::bad_request("client_id: no such client"))
}

/// `post_logout_redirect_uri`, which must be registered exactly. Where no client is named nobody is sent anywhere (§3).
fn target(form: &Form, client: Option<&Client>) -> Result<Option<Target>, PageError> {
    let (Some(uri), Some(client)) = (form.get("post_logout_redirect_uri"), client) else { return Ok(None) };
    if client.metadata()?.post_logout_redirect_uris.iter().any(|registered| registered == uri) {
        Ok(Some(Target { uri: uri.to_owned(), state: form.get("state").map(str::to_owned) }))
    } else {
        Err(PageError::bad_request("post_logout_redirect_uri: it is not registered for this client"))
    }
}
