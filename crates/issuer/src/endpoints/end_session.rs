//! The logout endpoint (OpenID Connect RP-Initiated Logout 1.0 §2).

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;

use crate::app::App;
use crate::browser::Browser;
use crate::interaction::sign_out::{LogoutRequest, read};
use crate::oauth::error::OAuthError;
use crate::oauth::form::Form;
use crate::pages::sign_out;
use crate::web::error::page::PageError;
use crate::web::form::RawForm;
use crate::web::html::Hidden;
use crate::web::respond::as_get;

/// `POST /end_session`: redirects to the same request by GET, because browsers do not send the cookie with a form that another site posts.
pub async fn post(State(app): State<Arc<App>>, form: Result<RawForm, OAuthError>) -> Result<Response, PageError> {
    as_get(&app, "/end_session", &form?)
}

/// `GET /end_session`: signs the user out, after asking them where that is needed.
pub async fn get(State(app): State<Arc<App>>, browser: Browser, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    let form = Form::parse(query.unwrap_or_default().as_bytes()).map_err(|error| PageError::bad_request(error.to_string()))?;
    let LogoutRequest { hint, client, target } = read(&app, &form).await?;
    let Some(signed_in) = browser.signed_in().await? else {
        // Without a hint nothing proves that a user was signed in, so the browser stays here. Otherwise a stranger could use this URL to
        // send users to another site.
        return sign_out::leave(&app, target.filter(|_| hint.is_some()).as_ref());
    };
    // A valid `id_token_hint` of this session proves that the client was given it, so no question is asked.
    if hint.as_ref().is_some_and(|hint| hint.sub == signed_in.user.id && hint.sid.as_ref() == Some(&signed_in.session.sid)) {
        browser.sign_out().await?;
        return sign_out::leave(&app, target.as_ref());
    }
    let mut fields: Vec<Hidden> = Vec::new();
    if let Some(client) = &client {
        fields.push(Hidden::new("client_id", &client.id));
    }
    for name in ["post_logout_redirect_uri", "state"] {
        fields.extend(form.get(name).map(|value| Hidden::new(name, value)));
    }
    sign_out::ask(&browser, &signed_in.user.username, client.as_ref().map(|client| client.client_name.as_str()), fields).await
}
