//! The page that asks which account to use. It is shown if the client sends `prompt=select_account`, and if another
//! person than the one who began the request has signed in meanwhile.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::OwnForm;
use crate::interaction::waiting;
use crate::pages::ClientCard;
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, Page, html};

#[derive(Template)]
#[template(path = "sign_in/select_account.html")]
struct SelectAccountPage {
    page: Page,
    request: String,
    client: ClientCard,
    name: String,
    username: String,
}

/// `GET /select-account`: offers the account that is signed in, or another one.
pub async fn show(State(app): State<Arc<App>>, browser: Browser, query: PageQuery) -> Result<Response, PageError> {
    let id = query.request()?;
    let (client, waiting) = waiting::require(&app, &browser, id).await?;
    let signed_in = browser.signed_in().await?;
    let Some(signed_in) = signed_in.filter(|signed_in| waiting.interaction.needs_choice(signed_in.user.id)) else {
        return waiting::resume(&app, id);
    };
    let user = signed_in.user;
    let page = SelectAccountPage {
        page: browser.page().await?,
        request: id.to_owned(),
        client: ClientCard::of(&app, &client).await?,
        name: user.name.unwrap_or_else(|| user.username.clone()),
        username: user.username,
    };
    html(&page, Csp::LeadsToClient)
}

/// `POST /select-account`: stores the person's choice and continues the request.
pub async fn submit(State(app): State<Arc<App>>, own: OwnForm) -> Result<Response, PageError> {
    let (browser, id) = (&own.browser, own.request()?);
    let (client, mut waiting) = waiting::require(&app, browser, id).await?;
    match own.form.get("choice") {
        Some("continue") => {
            if let Some(signed_in) = browser.signed_in().await? {
                waiting.interaction.note_choice(signed_in.user.id);
            }
        }
        // The choice stays due until the person signs in, because the sign-in settles it.
        Some("other") => {
            waiting.must_wait(&app, &client)?;
            waiting.interaction.sign_in_due = true;
            waiting.interaction.signed_in = None;
        }
        _ => return Err(PageError::stale_form().of_client(&client.id)),
    }
    waiting.save(&app).await?;
    waiting::resume(&app, id)
}
