//! Which apps a person has allowed what, and how they take that back.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use crate::app::App;
use crate::audit::{self, Event};
use crate::error::PageError;
use crate::pages::account::{Account, moment};
use crate::pages::browser::{Browser, OwnForm};
use crate::pages::{ClientView, Csp, Page, html};
use crate::store::{authorizations, codes, commit, consents, resources};

struct Consent {
    client: ClientView,
    scopes: Vec<String>,
    given_at: String,
    offline: bool,
}

#[derive(Template)]
#[template(path = "account/consents.html")]
struct ConsentsPage {
    page: Page,
    section: &'static str,
    username: String,
    forced: bool,
    notice: String,
    consents: Vec<Consent>,
    none: bool,
}

async fn page(app: &App, browser: &Browser, user: Uuid, username: String, notice: String) -> Result<Response, PageError> {
    let mut given = Vec::new();
    let in_words = resources::scopes(app.store.reader()).await?;
    for consent in consents::of_user(app.store.reader(), user).await? {
        let Some(client) = app.store.client(&consent.client_id).await? else { continue };
        let words = in_words.iter().filter(|scope| consent.scope.contains(&scope.name)).map(|scope| scope.description.clone());
        given.push(Consent {
            client: ClientView::of(app, &client).await?,
            scopes: words.collect(),
            given_at: moment(consent.given_at),
            offline: consent.scope.contains("offline_access"),
        });
    }
    let page = ConsentsPage {
        page: Page::of(app, browser).await?,
        section: "consents",
        username,
        forced: false,
        notice,
        none: given.is_empty(),
        consents: given,
    };
    html(&page, Csp::Own)
}

/// `GET /account/consents`
pub async fn show(State(app): State<Arc<App>>, browser: Browser, Account(signed_in): Account) -> Result<Response, PageError> {
    page(&app, &browser, signed_in.user.id, signed_in.user.username, String::new()).await
}

/// `POST /account/consents`: withdraws one, and ends all that the client got by it.
pub async fn submit(State(app): State<Arc<App>>, Account(signed_in): Account, own: OwnForm) -> Result<Response, PageError> {
    let (OwnForm { browser, form }, user) = (own, signed_in.user);
    let client = form.get("client_id").ok_or_else(PageError::stale_form)?;
    let now = app.now();
    let transaction = app.store.begin().await?;
    let withdrawn = consents::withdraw(&transaction, user.id, client).await?;
    if withdrawn {
        codes::withdraw(&transaction, user.id, client).await?;
        authorizations::end_all(&transaction, Some(user.id), Some(client), now).await?;
        audit::record(&transaction, now, Event::ConsentWithdrawn { user: user.id, client }).await?;
    }
    commit(transaction).await?;
    let notice = if withdrawn { "Withdrawn. The app has no access any more." } else { "That app had no access." };
    page(&app, &browser, user.id, user.username, notice.to_owned()).await
}
