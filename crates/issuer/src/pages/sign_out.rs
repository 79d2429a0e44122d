//! The sign-out pages. They ask the person first, unless the client has proved that it may sign them out.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::OwnForm;
use crate::interaction::sign_out::{self, LogoutTarget};
use crate::web::error::page::PageError;
use crate::web::html::{Csp, Hidden, Page, html, see_other};

#[derive(Template)]
#[template(path = "sign_out/confirm.html")]
struct ConfirmPage {
    page: Page,
    username: String,
    has_client: bool,
    client_name: String,
    fields: Vec<Hidden>,
}

#[derive(Template)]
#[template(path = "sign_out/done.html")]
struct DonePage {
    page: Page,
}

#[derive(Template)]
#[template(path = "sign_out/stayed.html")]
struct StayedPage {
    page: Page,
    username: String,
}

/// Asks the person who is signed in as `username` whether to sign out. `fields` come back with the answer.
pub async fn ask(browser: &Browser, username: &str, client_name: Option<&str>, fields: Vec<Hidden>) -> Result<Response, PageError> {
    let page = ConfirmPage {
        page: browser.page().await?,
        username: username.to_owned(),
        has_client: client_name.is_some(),
        client_name: client_name.unwrap_or_default().to_owned(),
        fields,
    };
    html(&page, Csp::LeadsToClient)
}

/// Redirects the browser to `target`. Without one, shows the page that says that the person is signed out.
pub fn leave(app: &App, target: Option<&LogoutTarget>) -> Result<Response, PageError> {
    match target {
        Some(target) => target.redirect(),
        None => done(app),
    }
}

/// Shows the page that says that the person is signed out.
fn done(app: &App) -> Result<Response, PageError> {
    html(&DonePage { page: Page::without_forms(app) }, Csp::Own)
}

/// `POST /end_session/confirm`: signs the person out or leaves them signed in, as they chose.
pub async fn submit(State(app): State<Arc<App>>, own: OwnForm) -> Result<Response, PageError> {
    let OwnForm { browser, form } = own;
    match (form.get("choice"), browser.signed_in().await?) {
        (Some("sign-out"), _) => {
            // Check the parameters again, because the hidden fields may have been changed.
            let request = sign_out::read(&app, &form).await?;
            browser.sign_out().await?;
            leave(&app, request.target.as_ref())
        }
        (Some("stay"), Some(signed_in)) => {
            html(&StayedPage { page: Page::without_forms(&app), username: signed_in.user.username }, Csp::Own)
        }
        (Some("stay"), None) => done(&app),
        _ => Err(PageError::stale_form()),
    }
}

/// `POST /account/sign-out`: signs the person out from one of the account pages.
pub async fn from_account(State(app): State<Arc<App>>, own: OwnForm) -> Result<Response, PageError> {
    own.browser.sign_out().await?;
    see_other(&app, "/signed-out")
}

/// `GET /signed-out`: says that the person is signed out.
pub async fn signed_out(State(app): State<Arc<App>>) -> Result<Response, PageError> {
    done(&app)
}
