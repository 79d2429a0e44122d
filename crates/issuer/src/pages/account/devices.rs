//! The page that lists where a person is signed in, also the apps that need no browser, and on which they can end each.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use crate::accounts::authorizations;
use crate::accounts::session::{self, SignedIn};
use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::OwnForm;
use crate::pages::account::access::{Access, GivenApp};
use crate::pages::account::{Account, Tabs, browser_name, moment};
use crate::store::sessions::SessionRow;
use crate::web::error::page::PageError;
use crate::web::html::{Csp, Page, html, see_other};

struct Device {
    sid: String,
    browser: String,
    address: String,
    last_used: String,
    signed_in: String,
    current: bool,
}

#[derive(Template)]
#[template(path = "account/devices.html")]
struct DevicesPage {
    page: Page,
    section: &'static str,
    username: String,
    tabs: Tabs,
    notice: &'static str,
    devices: Vec<Device>,
    apps: Vec<GivenApp>,
    more: bool,
    several: bool,
}

/// `GET /account/devices`: lists the sessions of the user and the apps that can use the account.
pub async fn show(State(app): State<Arc<App>>, browser: Browser, Account(signed_in): Account) -> Result<Response, PageError> {
    let notice = match browser.noted().as_str() {
        "ended" => "That device is signed out.",
        "app-ended" => "That app is signed out.",
        "others-ended" => "Your other devices and apps are signed out.",
        _ => "",
    };
    let Access { sessions, apps, more } = Access::of(&app, &signed_in).await?;
    let SignedIn { session: own, user, .. } = signed_in;
    let device = |session: SessionRow| Device {
        signed_in: moment(session::signed_in_at(&session)),
        browser: browser_name(&session.user_agent),
        address: session.address,
        last_used: moment(session.last_used_at),
        current: session.sid == own.sid,
        sid: session.sid,
    };
    let devices: Vec<Device> = sessions.into_iter().map(device).collect();
    let page = DevicesPage {
        page: browser.page_of(user.id).await?,
        section: "devices",
        tabs: Tabs::of(&user),
        username: user.username,
        notice,
        several: devices.len() > 1 || apps.iter().any(|app| !app.here),
        devices,
        apps,
        more,
    };
    html(&page, Csp::Own)
}

/// `POST /account/devices`: ends one session, one app, all others, or everything.
pub async fn submit(State(app): State<Arc<App>>, Account(signed_in): Account, own: OwnForm) -> Result<Response, PageError> {
    let OwnForm { browser, form } = own;
    let SignedIn { session: own, user, .. } = signed_in;
    match (form.get("action"), form.get("sid")) {
        (Some("end"), Some(sid)) if sid != own.sid => {
            session::end(&app, &browser.actor(user.id), sid, user.id, "user").await?;
            browser.note("ended");
            see_other(&app, "/account/devices")
        }
        (Some("end-app"), _) => {
            let id = form.get("id").and_then(|id| Uuid::try_parse(id).ok()).ok_or_else(PageError::stale_form)?;
            authorizations::end(&app, &browser.actor(user.id), user.id, id).await?;
            browser.note("app-ended");
            see_other(&app, "/account/devices")
        }
        (Some("end-others"), _) => {
            session::end_others(&app, &browser.actor(user.id), user.id, &own.sid, "user").await?;
            browser.note("others-ended");
            see_other(&app, "/account/devices")
        }
        (Some("end" | "end-all"), _) => {
            if form.get("action") == Some("end-all") {
                session::end_everything(&app, &browser.actor(user.id), user.id, "user").await?;
            }
            browser.sign_out(Some(user.id)).await?;
            browser.note("signed-out");
            see_other(&app, "/signed-out")
        }
        _ => Err(PageError::stale_form()),
    }
}
