//! The page on which people change their password. It always asks for the current one, because someone else may use a browser that is left
//! signed in.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use secrecy::SecretString;
use uuid::Uuid;

use crate::accounts::authorizations;
use crate::accounts::browsers::BrowserCookie;
use crate::accounts::password_change::{self, PasswordChange, PasswordChangeError, SentForm};
use crate::accounts::policy::PolicyError;
use crate::accounts::session::SignedIn;
use crate::accounts::sign_in::SignInError;
use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::{RepeatableForm, stale};
use crate::interaction::waiting;
use crate::oauth::form::Form;
use crate::pages::account::access::{Access, GivenApp};
use crate::pages::account::{Tabs, browser_name};
use crate::pages::next_page;
use crate::web::error::page::PageError;
use crate::web::error::with_error;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, Page, html, see_other};

/// An app that the change ends, unless the person chooses to keep it.
struct EndingApp {
    app: GivenApp,
    kept: bool,
}

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordPage {
    page: Page,
    section: &'static str,
    username: String,
    tabs: Tabs,
    request: String,
    /// The page of the administration that was asked for when the password had to be chosen; empty if there is none.
    next: String,
    error: String,
    current_error: &'static str,
    new_error: String,
    others: Vec<String>,
    apps: Vec<EndingApp>,
    more: bool,
    saved: bool,
}

/// The messages that the page shows beside each field, and those about the whole form.
#[derive(Debug, Default)]
struct Faults {
    all: String,
    current: &'static str,
    new: String,
}

/// Where a person goes on after they have changed the password: the authorization request that waits, or the page of the administration that
/// they asked for. Both are empty if they go nowhere.
struct Onward<'a> {
    request: &'a str,
    next: &'a str,
}

impl<'a> Onward<'a> {
    fn new(request: &'a str, next: &'a str) -> Self {
        Self { request, next: next_page::of_administration(next).unwrap_or_default() }
    }
}

async fn page(
    app: &App,
    browser: &Browser,
    signed_in: &SignedIn,
    onward: &Onward<'_>,
    faults: Faults,
    kept: &[Uuid],
    saved: bool,
) -> Result<Response, PageError> {
    let user = &signed_in.user;
    let access = Access::of(app, signed_in).await?;
    let others = access.sessions.iter().filter(|session| session.sid != signed_in.session.sid);
    let page = PasswordPage {
        page: browser.page_of(user.id).await?,
        section: "password",
        tabs: Tabs::of(user),
        username: user.username.clone(),
        request: onward.request.to_owned(),
        next: onward.next.to_owned(),
        error: faults.all,
        current_error: faults.current,
        new_error: faults.new,
        others: others.map(|other| format!("{}, address {}", browser_name(&other.user_agent), other.address)).collect(),
        apps: access.apps.into_iter().filter(|app| !app.here).map(|app| EndingApp { kept: kept.contains(&app.id), app }).collect(),
        more: access.more,
        saved,
    };
    // If a request waits, the answer to the form may redirect the browser to its client.
    html(&page, if onward.request.is_empty() { Csp::Own } else { Csp::LeadsToClient })
}

/// `GET /account/password`: shows the form, also to users who must replace a generated password.
pub async fn show(State(app): State<Arc<App>>, browser: Browser, query: PageQuery) -> Result<Response, PageError> {
    let Some(signed_in) = browser.signed_in().await? else { return see_other(&app, "/sign-in") };
    let onward = Onward::new(query.request_or_none(), query.text("next"));
    page(&app, &browser, &signed_in, &onward, Faults::default(), &[], browser.noted() == "saved").await
}

/// `POST /account/password`: changes the password, and goes on with what waits for it: a request, or a page of the administration.
/// If a browser sends the same form a second time, it gets the same answer as the first time.
pub async fn submit(State(app): State<Arc<App>>, sent: RepeatableForm) -> Result<Response, PageError> {
    let RepeatableForm { browser, form, is_own } = sent;
    let onward = Onward::new(form.get("request").unwrap_or_default(), form.get("next").unwrap_or_default());
    if !is_own {
        return if repeats(&app, &browser, &form).await? { go_on(&app, &browser, &onward) } else { Err(stale(&browser, &form).await) };
    }
    let Some(signed_in) = browser.signed_in().await? else { return see_other(&app, "/sign-in") };
    let listed = authorizations::list(&app, signed_in.user.id).await?;
    let kept: Vec<Uuid> = listed.iter().map(|(row, _)| row.id).filter(|id| form.get(&format!("keep-{id}")) == Some("yes")).collect();
    match change(&app, &browser, &signed_in, &form, &kept).await? {
        Ok(Some(cookie)) => browser.take(cookie).await?,
        Ok(None) => {}
        Err(error) => {
            let response = page(&app, &browser, &signed_in, &onward, Faults::from(&error), &kept, false).await?;
            return Ok(with_error(response, &error.into()));
        }
    }
    if signed_in.user.password_generated_at.is_some() {
        // Now the sign-in is complete.
        browser.remember_device(&signed_in.user).await?;
    }
    go_on(&app, &browser, &onward)
}

/// Returns `true` if an earlier click on `form` changed the password to the new one in it. The browser may have lost the cookie that came with
/// the answer to that click, so the person is signed in by the new password.
async fn repeats(app: &App, browser: &Browser, form: &Form) -> Result<bool, PageError> {
    let (Some(username), Some(new)) = (form.get("username"), form.secret("new_password")) else { return Ok(false) };
    if browser.signed_in().await?.is_some_and(|signed_in| signed_in.user.username != username) {
        return Ok(false);
    }
    let sent = SentForm { browser: &browser.this_or_new().await?, csrf: form.get("csrf").unwrap_or_default() };
    if !sent.has_changed_the_password(app).await? {
        return Ok(false);
    }
    let before = browser.before_sign_in().await?;
    match password_change::made_before(app, username, new, browser.guesser(), browser.request()).await {
        Ok(checked) => Ok(browser.sign_in(checked, before).await?.is_ok()),
        Err(SignInError::Store(error)) => Err(error.into()),
        Err(_) => Ok(false),
    }
}

fn go_on(app: &App, browser: &Browser, onward: &Onward<'_>) -> Result<Response, PageError> {
    if !onward.request.is_empty() {
        return waiting::resume(app, onward.request);
    }
    if !onward.next.is_empty() {
        return see_other(app, onward.next);
    }
    browser.note("saved");
    see_other(app, "/account/password")
}

/// Changes the password. Returns the cookie that the browser gets, if it gets one, or what is wrong with the form.
async fn change(
    app: &App,
    browser: &Browser,
    signed_in: &SignedIn,
    form: &Form,
    kept: &[Uuid],
) -> Result<Result<Option<BrowserCookie>, PasswordChangeError>, PageError> {
    let secret = |name: &str| form.secret(name).unwrap_or_else(|| SecretString::from(""));
    let (current, new, repeated) = (secret("current_password"), secret("new_password"), secret("repeat_password"));
    let sent = SentForm { browser: &browser.this_or_new().await?, csrf: form.get("csrf").unwrap_or_default() };
    let changed = match PasswordChange::check(current, new, &repeated) {
        Ok(change) => change.perform(app, signed_in, browser.request(), browser.guesser(), sent, kept).await,
        Err(error) => Err(error),
    };
    match changed {
        Err(PasswordChangeError::SignIn(SignInError::Store(error))) => Err(error.into()),
        changed => Ok(changed),
    }
}

impl From<&PasswordChangeError> for Faults {
    fn from(error: &PasswordChangeError) -> Self {
        let current = |text| Self { current: text, ..Self::default() };
        let new = |text: &str| Self { new: text.to_owned(), ..Self::default() };
        match error {
            PasswordChangeError::CurrentMissing => current("Type your current password."),
            PasswordChangeError::SignIn(SignInError::Wrong) => current("This is not your current password."),
            PasswordChangeError::RepeatedDiffers => new("The two new passwords differ."),
            PasswordChangeError::Unchanged => new("Choose a password that differs from your current one."),
            PasswordChangeError::Policy(PolicyError::Length) => new("Choose a password of 8 to 256 characters."),
            PasswordChangeError::Policy(PolicyError::Nul) => new("Choose a password that contains only characters that you can type."),
            PasswordChangeError::Policy(PolicyError::Guessable) => {
                new("This password is too easy to guess. Choose one that is not a common word, a name, a date or a pattern.")
            }
            error => Self {
                all: format!("Your new password was not saved by this click: {error}. An earlier click may have saved it."),
                ..Self::default()
            },
        }
    }
}
