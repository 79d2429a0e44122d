//! The page that tells a person that they may not sign in to the client, and whom to ask. It leads back to the client, or to another
//! account.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::accounts::session::SignedIn;
use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::OwnForm;
use crate::interaction::answer;
use crate::interaction::next::{NO_ACCESS, Next, next};
use crate::interaction::waiting::{self, WaitingRequest};
use crate::oauth::error::{Code, ErrorResponse, OAuthError};
use crate::pages::ClientCard;
use crate::store::clients::Client;
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, Page, html};

#[derive(Template)]
#[template(path = "sign_in/no_access.html")]
struct NoAccessPage {
    page: Page,
    request: String,
    client: ClientCard,
    username: String,
    /// How to reach whoever decides about access; empty if the operator has not said.
    contact: String,
}

/// A request of a user who may not sign in to its client.
struct Refused {
    client: Client,
    waiting: WaitingRequest,
    signed_in: SignedIn,
}

/// Returns the request `id` if its user may not sign in to the client; `None` if another step comes next.
async fn refused(app: &App, browser: &Browser, id: &str) -> Result<Option<Refused>, PageError> {
    let (client, waiting) = waiting::require(app, browser, id).await?;
    let Some(signed_in) = browser.signed_in().await? else { return Ok(None) };
    match next(app, &client, &waiting.interaction, Some(&signed_in)).await? {
        Next::NoAccess => Ok(Some(Refused { client, waiting, signed_in })),
        _ => Ok(None),
    }
}

/// `GET /no-access`: says whom to ask.
pub async fn show(State(app): State<Arc<App>>, browser: Browser, query: PageQuery) -> Result<Response, PageError> {
    let id = query.request()?;
    let Some(Refused { client, signed_in, .. }) = refused(&app, &browser, id).await? else { return waiting::resume(&app, id) };
    let page = NoAccessPage {
        page: browser.page().await?,
        request: id.to_owned(),
        client: ClientCard::of(&app, &client).await?,
        username: signed_in.user.username,
        contact: app.settings.support_contact.clone().unwrap_or_default(),
    };
    html(&page, Csp::LeadsToClient)
}

/// `POST /no-access`: leads back to the client with `access_denied`, or to the sign-in page for another account.
pub async fn submit(State(app): State<Arc<App>>, own: OwnForm) -> Result<Response, PageError> {
    let (browser, id) = (&own.browser, own.request()?);
    let Some(Refused { client, mut waiting, .. }) = refused(&app, browser, id).await? else { return waiting::resume(&app, id) };
    match own.form.get("choice") {
        Some("back") => {
            waiting.refuse(&app, browser, &client).await?;
            let error = ErrorResponse::from(&OAuthError::new(Code::AccessDenied, NO_ACCESS));
            answer::refusal(&app, &client, &waiting.interaction.target, &error)
        }
        Some("other") => {
            waiting.must_wait(&app, &client)?;
            waiting.interaction.sign_in_due = true;
            waiting.interaction.signed_in = None;
            waiting.save(&app).await?;
            waiting::resume(&app, id)
        }
        _ => Err(PageError::stale_form().of_client(&client.id)),
    }
}
