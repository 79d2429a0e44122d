//! The page that lists where a person is signed in, and on which they can end sessions.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::accounts::session::{self, SignedIn};
use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::OwnForm;
use crate::pages::account::{Account, moment};
use crate::store::sessions;
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
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
    forced: bool,
    notice: &'static str,
    devices: Vec<Device>,
    several: bool,
}

/// `GET /account/devices`: lists the sessions of the user.
pub async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Account(signed_in): Account,
    query: PageQuery,
) -> Result<Response, PageError> {
    let notice = match query.done() {
        "ended" => "That device is signed out.",
        "others-ended" => "Your other devices are signed out.",
        _ => "",
    };
    let SignedIn { session: own, user, .. } = signed_in;
    let device = |session: sessions::SessionRow| Device {
        signed_in: moment(session::signed_in_at(&session)),
        browser: browser_name(&session.user_agent),
        address: session.address,
        last_used: moment(session.last_used_at),
        current: session.sid == own.sid,
        sid: session.sid,
    };
    let devices: Vec<Device> = sessions::of_user(app.store.reader(), user.id, app.now()).await?.into_iter().map(device).collect();
    let page = DevicesPage {
        page: browser.page().await?,
        section: "devices",
        username: user.username,
        forced: false,
        notice,
        several: devices.len() > 1,
        devices,
    };
    html(&page, Csp::Own)
}

/// `POST /account/devices`: ends one session, all others, or all of them.
pub async fn submit(State(app): State<Arc<App>>, Account(signed_in): Account, own: OwnForm) -> Result<Response, PageError> {
    let OwnForm { browser, form } = own;
    let SignedIn { session: own, user, .. } = signed_in;
    match (form.get("action"), form.get("sid")) {
        (Some("end"), Some(sid)) if sid != own.sid => {
            session::end(&app, &browser.actor(user.id), sid, user.id, "user").await?;
            see_other(&app, "/account/devices?done=ended")
        }
        (Some("end-others"), _) => {
            session::end_others(&app, &browser.actor(user.id), user.id, &own.sid, "user").await?;
            see_other(&app, "/account/devices?done=others-ended")
        }
        (Some("end" | "end-all"), _) => {
            if form.get("action") == Some("end-all") {
                session::end_others(&app, &browser.actor(user.id), user.id, &own.sid, "user").await?;
            }
            browser.sign_out().await?;
            see_other(&app, "/signed-out")
        }
        _ => Err(PageError::stale_form()),
    }
}

/// Names the browser and the system that a `User-Agent` header stands for, so that people recognise their own devices.
fn browser_name(user_agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    // Most browsers also name others, so a name that others use comes after theirs: Edge names Chrome, and both name Safari.
    let browser = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox", "Firefox"),
        ("FxiOS", "Firefox"),
        ("Chrom", "Chrome"),
        ("CriOS", "Chrome"),
        ("Safari", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => "Unknown browser".to_owned(),
    }
}
