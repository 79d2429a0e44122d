//! Where a person is signed in, and how they end that.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::accounts::session::{self, SignedIn};
use crate::app::App;
use crate::error::PageError;
use crate::pages::account::{Account, moment};
use crate::pages::browser::{Browser, OwnForm};
use crate::pages::{Csp, Page, html, see_other};
use crate::store::{commit, sessions};

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
    notice: String,
    devices: Vec<Device>,
    several: bool,
}

async fn page(app: &App, browser: &Browser, signed_in: SignedIn, notice: String) -> Result<Response, PageError> {
    let SignedIn { session: own, user } = signed_in;
    let device = |session: sessions::SessionRow| Device {
        browser: browser_name(&session.user_agent),
        address: session.address,
        last_used: moment(session.last_used_at),
        signed_in: moment(session.auth_time),
        current: session.sid == own.sid,
        sid: session.sid,
    };
    let devices: Vec<Device> = sessions::of_user(app.store.reader(), user.id, app.now()).await?.into_iter().map(device).collect();
    let page = DevicesPage {
        page: Page::of(app, browser).await?,
        section: "devices",
        username: user.username,
        forced: false,
        notice,
        several: devices.len() > 1,
        devices,
    };
    html(&page, Csp::Own)
}

/// `GET /account/devices`
pub async fn show(State(app): State<Arc<App>>, browser: Browser, Account(signed_in): Account) -> Result<Response, PageError> {
    page(&app, &browser, signed_in, String::new()).await
}

/// `POST /account/devices`
pub async fn submit(State(app): State<Arc<App>>, Account(signed_in): Account, own: OwnForm) -> Result<Response, PageError> {
    let OwnForm { browser, form } = own;
    let notice = match (form.get("action"), form.get("sid")) {
        (Some("end"), Some(sid)) if sid == signed_in.session.sid => {
            browser.sign_out().await?;
            return see_other(&app, "/signed-out");
        }
        (Some("end"), Some(sid)) => {
            let ended = session::end(&app, sid, signed_in.user.id, "user").await?;
            if ended { "That device is signed out." } else { "That device was signed out before." }.to_owned()
        }
        (Some("end-others"), _) => {
            let transaction = app.store.begin().await?;
            let ended = session::end_others(&transaction, signed_in.user.id, Some(&signed_in.session.sid), "user", app.now()).await?;
            commit(transaction).await?;
            if ended == 1 { "1 other device is signed out.".to_owned() } else { format!("{ended} other devices are signed out.") }
        }
        _ => return Err(PageError::stale_form()),
    };
    page(&app, &browser, signed_in, notice).await
}

/// A browser by what it calls itself: enough for its owner to know it again.
fn browser_name(user_agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    // Most browsers name others, too: the one that is named by itself alone comes last.
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
