//! Choosing another password. Asks for the current one, whoever is signed in.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::{ExposeSecret, SecretString};

use crate::accounts::methods::password;
use crate::accounts::policy;
use crate::accounts::session::{self, SignedIn};
use crate::accounts::sign_in::{self, SignInError};
use crate::app::App;
use crate::audit::{self, Event};
use crate::browser::Browser;
use crate::browser::csrf::OwnForm;
use crate::interaction::waiting;
use crate::oauth::form::Form;
use crate::store::users::User;
use crate::store::{commit, sessions, users};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, Page, html, see_other};

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordPage {
    page: Page,
    section: &'static str,
    username: String,
    forced: bool,
    request: String,
    error: String,
    current_error: &'static str,
    new_error: String,
    other_sessions: usize,
    saved: bool,
}

/// What is wrong, and with which field.
#[derive(Debug, Default)]
struct Faults {
    all: String,
    current: &'static str,
    new: String,
}

async fn page(
    app: &App,
    browser: &Browser,
    signed_in: &SignedIn,
    request: &str,
    faults: Faults,
    saved: bool,
) -> Result<Response, PageError> {
    let user = &signed_in.user;
    let page = PasswordPage {
        page: browser.page().await?,
        section: "password",
        username: user.username.clone(),
        forced: user.password_generated_at.is_some(),
        request: request.to_owned(),
        error: faults.all,
        current_error: faults.current,
        new_error: faults.new,
        other_sessions: sessions::of_user(app.store.reader(), user.id, app.now()).await?.len().saturating_sub(1),
        saved,
    };
    // It may lead on to a client, where a request waits.
    html(&page, if request.is_empty() { Csp::Own } else { Csp::LeadsToClient })
}

/// `GET /account/password`
pub async fn show(State(app): State<Arc<App>>, browser: Browser, query: PageQuery) -> Result<Response, PageError> {
    let Some(signed_in) = browser.signed_in().await? else { return see_other(&app, "/sign-in") };
    page(&app, &browser, &signed_in, query.request_or_none(), Faults::default(), query.done() == "saved").await
}

/// `POST /account/password`
pub async fn submit(State(app): State<Arc<App>>, own: OwnForm) -> Result<Response, PageError> {
    let OwnForm { browser, form } = own;
    let Some(signed_in) = browser.signed_in().await? else { return see_other(&app, "/sign-in") };
    let request = form.get("request").unwrap_or_default();
    if let Err(faults) = change(&app, &browser, &signed_in, &form).await? {
        let mut response = page(&app, &browser, &signed_in, request, faults, false).await?;
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    }
    browser.renew().await?;
    if !request.is_empty() && waiting::find(&app, &browser, request).await?.is_some() {
        return waiting::resume(&app, request);
    }
    see_other(&app, "/account/password?done=saved")
}

async fn change(app: &App, browser: &Browser, signed_in: &SignedIn, form: &Form) -> Result<Result<(), Faults>, PageError> {
    let SignedIn { session, user } = signed_in;
    let (current, new) = match typed(form, user) {
        Ok(typed) => typed,
        Err(faults) => return Ok(Err(faults)),
    };
    let proof = match sign_in::check(app, &user.username, current, browser.device().address, app.now()).await {
        Ok(proof) => proof,
        Err(SignInError::Store(error)) => return Err(error.into()),
        Err(SignInError::Wrong) => return Ok(Err(Faults { current: "This is not your current password.", ..Faults::default() })),
        Err(error) => return Ok(Err(Faults { all: format!("Nothing was changed: {error}."), ..Faults::default() })),
    };
    let Ok(hash) = password::hash(app, new).await else {
        return Ok(Err(Faults { all: "Nothing was changed: too many sign-ins at once. Try again.".to_owned(), ..Faults::default() }));
    };
    let (proven, settlement) = proof.into_parts();
    let now = app.now();
    let transaction = app.store.begin().await?;
    settlement.settle(&transaction, &proven).await?;
    let stored = settlement.stored_hash();
    if !users::change_password(&transaction, user.id, stored, &hash, now).await? {
        return Ok(Err(Faults { all: "Your password was changed somewhere else meanwhile.".to_owned(), ..Faults::default() }));
    }
    if form.get("end_others") == Some("yes") {
        session::end_elsewhere(&transaction, user.id, &session.sid, "password change", now).await?;
    }
    audit::record(&transaction, now, Event::PasswordChanged { user: user.id }).await?;
    commit(transaction).await?;
    Ok(Ok(()))
}

/// The current and the new password, as far as they can be judged without hashing.
fn typed(form: &Form, user: &User) -> Result<(SecretString, SecretString), Faults> {
    let secret = |name: &str| form.secret(name).unwrap_or_else(|| SecretString::from(""));
    let (current, new, repeated) = (secret("current_password"), secret("new_password"), secret("repeat_password"));
    let fault = |text: &str| Err(Faults { new: text.to_owned(), ..Faults::default() });
    if current.expose_secret().is_empty() {
        return Err(Faults { current: "Type your current password.", ..Faults::default() });
    }
    if new.expose_secret() != repeated.expose_secret() {
        return fault("The two new passwords differ.");
    }
    if new.expose_secret() == current.expose_secret() {
        return fault("Choose a password that differs from your current one.");
    }
    let about: Vec<&str> = [Some(user.username.as_str()), user.email.as_deref(), user.name.as_deref()].into_iter().flatten().collect();
    match policy::check(new.expose_secret(), &about) {
        Ok(()) => Ok((current, new)),
        Err(policy::PolicyError::Length) => fault("Choose a password of 8 to 256 characters."),
        Err(policy::PolicyError::Nul) => fault("Choose a password of characters that can be typed."),
        Err(policy::PolicyError::Guessable) => {
            fault("This password is too easy to guess. Choose one that is no common word, name, date or pattern.")
        }
    }
}
