//! Which account? Asked where a client sends `prompt=select_account`.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use crate::app::App;
use crate::endpoints::authorize::{go_on, waiting};
use crate::endpoints::parameters::Parameters;
use crate::error::{OAuthError, PageError};
use crate::oauth::form::Form;
use crate::pages::browser::Browser;
use crate::pages::{ClientView, Csp, Page, html};

#[derive(Template)]
#[template(path = "sign_in/select_account.html")]
struct SelectAccountPage {
    page: Page,
    request: String,
    client: ClientView,
    name: String,
    username: String,
}

/// `GET /select-account`
pub async fn show(State(app): State<Arc<App>>, browser: Browser, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    let form = Form::collect(query.unwrap_or_default().as_bytes()).map_err(|_| PageError::expired())?;
    let id = form.get("request").ok_or_else(PageError::expired)?;
    let (client, pending) = waiting(&app, &browser, id).await?;
    let Some(signed_in) = browser.signed_in().await?.filter(|_| pending.choice_due) else { return go_on(&app, id) };
    let user = signed_in.user;
    let page = SelectAccountPage {
        page: Page::of(&app, &browser).await?,
        request: id.to_owned(),
        client: ClientView::of(&app, &client).await?,
        name: user.name.unwrap_or_else(|| user.username.clone()),
        username: user.username,
    };
    html(&page, Csp::LeadsToClient)
}

/// `POST /select-account`
pub async fn submit(
    State(app): State<Arc<App>>,
    browser: Browser,
    parameters: Result<Parameters, OAuthError>,
) -> Result<Response, PageError> {
    let form = parameters?.form;
    browser.require_own(&form).await?;
    let id = form.get("request").ok_or_else(PageError::expired)?;
    let (_, mut pending) = waiting(&app, &browser, id).await?;
    match form.get("choice") {
        Some("continue") => pending.choice_due = false,
        // Whoever signs in has chosen by that.
        Some("other") => pending.sign_in_due = true,
        _ => return Err(PageError::stale_form()),
    }
    browser.keep(Some(id), &pending).await?;
    go_on(&app, id)
}
