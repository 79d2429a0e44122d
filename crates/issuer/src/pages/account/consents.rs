//! The page that lists what a person has allowed apps to do, and on which they can withdraw it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::accounts;
use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::OwnForm;
use crate::pages::account::{Account, Tabs, moment};
use crate::pages::{ClientCard, by_name};
use crate::store::{consents, resources};
use crate::web::error::page::PageError;
use crate::web::html::{Csp, Page, html, see_other};

struct Consent {
    client: ClientCard,
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
    tabs: Tabs,
    notice: &'static str,
    consents: Vec<Consent>,
    none: bool,
}

/// `GET /account/consents`: lists the apps and what they may do.
pub async fn show(State(app): State<Arc<App>>, browser: Browser, Account(signed_in): Account) -> Result<Response, PageError> {
    let notice = if browser.noted() == "withdrawn" {
        "Withdrawn. The app gets no further access; what it holds stops working within an hour."
    } else {
        ""
    };
    let mut given = Vec::new();
    let all = consents::of_user(app.store.reader(), signed_in.user.id).await?;
    let names: Vec<String> = all.iter().flat_map(|consent| consent.allowed.scope.iter()).map(str::to_owned).collect();
    let mut in_words = resources::known_scopes(app.store.reader(), &names).await?;
    in_words.sort_by(|one, other| one.name.cmp(&other.name));
    let ids = all.iter().flat_map(|consent| consent.allowed.resources.iter().map(String::as_str));
    let named = resources::by_ids(app.store.reader(), ids).await?;
    for consent in all {
        let Some(client) = app.store.client(&consent.client_id).await? else { continue };
        let words = in_words.iter().filter(|scope| consent.allowed.scope.contains(&scope.name)).map(|scope| scope.description.clone());
        let by_name = consent.allowed.resources.iter().filter_map(|id| named.get(id)).map(|row| by_name(&row.name));
        given.push(Consent {
            client: ClientCard::of(&app, &client).await?,
            scopes: words.chain(by_name).collect(),
            given_at: moment(consent.given_at),
            offline: consent.allowed.scope.contains("offline_access"),
        });
    }
    let page = ConsentsPage {
        page: browser.page_of(signed_in.user.id).await?,
        section: "consents",
        tabs: Tabs::of(&signed_in.user),
        username: signed_in.user.username,
        notice,
        none: given.is_empty(),
        consents: given,
    };
    html(&page, Csp::Own)
}

/// `POST /account/consents`: withdraws the consent for one client, and ends all authorizations that the user gave it.
pub async fn submit(State(app): State<Arc<App>>, Account(signed_in): Account, own: OwnForm) -> Result<Response, PageError> {
    let client = own.form.get("client_id").ok_or_else(PageError::stale_form)?;
    accounts::consents::withdraw(&app, &own.browser.actor(signed_in.user.id), signed_in.user.id, client).await?;
    own.browser.note("withdrawn");
    see_other(&app, "/account/consents")
}
