//! The logout endpoint (OpenID Connect RP-Initiated Logout 1.0 §2). The server of a confidential client can end a session here, too.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::accounts::session;
use crate::app::App;
use crate::audit::{Actor, Face, Who};
use crate::browser::Browser;
use crate::clients::authentication;
use crate::interaction::sign_out::{LogoutRequest, read};
use crate::oauth::authorization_header::has_credentials;
use crate::oauth::client_auth::ClientCredentials;
use crate::oauth::error::OAuthError;
use crate::oauth::form::Form;
use crate::pages::sign_out;
use crate::store::sessions;
use crate::tokens::hint;
use crate::web::error::page::PageError;
use crate::web::error::refusal::Refusal;
use crate::web::form::{RawForm, SentForm, blame};
use crate::web::origin::Sender;
use crate::web::respond::{as_get, no_store};

/// `POST /end_session`: ends the session of `id_token_hint` for a client that authenticates. Any other request is made again by GET, because
/// browsers do not send the cookie with a form that another site posts. A caller that sends the credentials of a client is a program, so that
/// every answer to it is JSON, even if its request is no form.
pub async fn post(
    State(app): State<Arc<App>>,
    browser: Browser,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<SentForm, OAuthError>,
) -> Result<Response, PageError> {
    let authorization = || headers.get_all(header::AUTHORIZATION).iter().map(header::HeaderValue::as_bytes);
    let names = |text: &[u8]| names_credentials(text) || query.as_deref().is_some_and(|query| names_credentials(query.as_bytes()));
    let by_program = |body: &[u8]| authorization().any(has_credentials) || names(body);
    let read = match body {
        Ok(SentForm { body, fault: Some(error) }) => Err((error, by_program(&body))),
        Ok(SentForm { body, fault: None }) => match Form::parse(&body) {
            Ok(form) => Ok((RawForm(body), form)),
            Err(error) => Err((OAuthError::invalid_request(error.to_string()), by_program(&body))),
        },
        Err(error) => Err((error, by_program(b""))),
    };
    let (raw, form) = match read {
        Ok(read) => read,
        Err((error, true)) => return Ok(blame(error, authorization(), &Form::default()).into_response()),
        // A form that cannot be read is no reason to keep a person signed in.
        Err((error, false)) => return begin_without(&app, &browser, &error).await,
    };
    match ClientCredentials::parse(authorization(), &form) {
        Ok(ClientCredentials::Absent | ClientCredentials::Id(_)) if browser.sender() == Sender::Own => begin(&app, &browser, &form).await,
        Ok(ClientCredentials::Absent | ClientCredentials::Id(_)) => as_get(&app, "/end_session", &raw),
        // The caller is a program, so errors are JSON.
        _ => Ok(match by_client(&app, &browser, authorization(), &form).await {
            Ok(response) => response,
            Err(error) => blame(error, authorization(), &form).into_response(),
        }),
    }
}

/// Returns whether `text`, which is a query or a body that is no form, names a parameter by which clients authenticate, as JSON does too.
fn names_credentials(text: &[u8]) -> bool {
    [&b"client_secret"[..], b"client_assertion"].iter().any(|name| text.windows(name.len()).any(|part| part == *name))
}

/// Ends the session in which the ID token was given, for the client that it was issued to. The answer says whether the session was alive.
async fn by_client<'h>(
    app: &App,
    browser: &Browser,
    authorization: impl Iterator<Item = &'h [u8]>,
    form: &Form,
) -> Result<Response, OAuthError> {
    let client = authentication::authenticate(app, authorization, form, browser.request()).await?;
    let token = form.get("id_token_hint").ok_or_else(|| OAuthError::invalid_request("id_token_hint: expected an ID token; found none"))?;
    let own = hint::read(app, token).await?.filter(|hint| hint.aud.contains(&client.id));
    let hint = own.ok_or_else(|| OAuthError::invalid_request("id_token_hint: expected an ID token that was issued to this client"))?;
    let sid = hint.sid.ok_or_else(|| OAuthError::invalid_request("id_token_hint: it was given without a session"))?;
    let actor = Actor::remote(Who::Client(client.id), Face::EndSession, browser.request());
    let ended = session::end(app, &actor, &sid, hint.sub, "client").await?;
    Ok(no_store(json!({ "session_ended": ended })))
}

/// `GET /end_session`: signs the user out, after asking them where that is needed.
pub async fn get(State(app): State<Arc<App>>, browser: Browser, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    // A query that cannot be parsed is no reason to keep a person signed in.
    match Form::parse(query.unwrap_or_default().as_bytes()) {
        Ok(form) => begin(&app, &browser, &form).await,
        Err(error) => begin_without(&app, &browser, &OAuthError::invalid_request(error.to_string())).await,
    }
}

/// Signs the user out although the parameters could not be read because of `error`, which the log tells.
async fn begin_without(app: &App, browser: &Browser, error: &OAuthError) -> Result<Response, PageError> {
    let mut response = begin(app, browser, &Form::default()).await?;
    response.extensions_mut().insert(Refusal::from(error));
    Ok(response)
}

async fn begin(app: &App, browser: &Browser, form: &Form) -> Result<Response, PageError> {
    let mut request = read(app, form).await?;
    let refusal = request.refusal.take();
    let mut response = answer(app, browser, form, &request).await?;
    if let Some(refusal) = refusal {
        response.extensions_mut().insert(refusal);
    }
    Ok(response)
}

async fn answer(app: &App, browser: &Browser, form: &Form, request: &LogoutRequest) -> Result<Response, PageError> {
    let LogoutRequest { hint, target, .. } = request;
    let Some((sid, user)) = browser.going_on().await? else {
        let sid = hint.as_ref().and_then(|hint| hint.sid.as_deref());
        if let Some(sid) = sid
            && sessions::live(app.store.reader(), sid, app.now()).await?.is_some()
        {
            return sign_out::nobody(app, None, true);
        }
        // A second click in the app has dropped the answer to the first one.
        if let Some(sid) = sid
            && let Some(answer) = sign_out::again_in(app, browser, sid, target.as_ref()).await?
        {
            return Ok(answer);
        }
        // Without a hint nothing proves that a user was signed in, so the browser stays here. Otherwise a stranger could use this URL to
        // send users to another site.
        return match target {
            Some(target) if hint.is_some() => target.redirect(),
            _ => sign_out::nobody(app, None, false),
        };
    };
    // A valid `id_token_hint` of this session proves that the client was given it, so no question is asked.
    if hint.as_ref().is_some_and(|hint| hint.sub == user && hint.sid.as_ref() == Some(&sid)) {
        return sign_out::end(app, browser, Some(user), form, request).await;
    }
    sign_out::ask(browser, form, request, false).await
}
