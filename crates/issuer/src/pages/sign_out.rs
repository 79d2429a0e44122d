//! The sign-out pages. They ask the person first, unless the client has proved that it may sign them out.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use crate::accounts::session::SignOut;
use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::SignOutForm;
use crate::interaction::sign_out::{self, LogoutFrame, LogoutRequest, LogoutTarget};
use crate::oauth::form::Form;
use crate::web::error::page::PageError;
use crate::web::html::{Csp, Hidden, Page, html, html_with_frames, see_other};

#[derive(Template)]
#[template(path = "sign_out/confirm.html")]
struct ConfirmPage {
    page: Page,
    /// Empty if the browser has not shown that it is the one of the session.
    username: String,
    has_client: bool,
    client_name: String,
    fields: Vec<Hidden>,
    /// What is wrong with the request, for developers.
    fault: String,
    /// Another person was signed in when the page was shown from which the browser was asked to sign out.
    overtaken: bool,
}

#[derive(Template)]
#[template(path = "sign_out/done.html")]
struct DonePage {
    page: Page,
}

#[derive(Template)]
#[template(path = "sign_out/frames.html")]
struct FramesPage {
    page: Page,
    frames: Vec<LogoutFrame>,
    /// The URL to which the browser goes on; empty if it stays.
    target: String,
}

/// The seconds for which the pages of clients may load before the browser goes on.
const TIME_FOR_FRAMES: u32 = 5; // as in sign_out/frames.html

#[derive(Template)]
#[template(path = "sign_out/nobody.html")]
struct NobodyPage {
    page: Page,
    /// `true` if the session that the client wants to end lives on, in another browser.
    lives_on: bool,
    /// The URL of the app that sent the browser here; empty if there is none.
    target: String,
}

#[derive(Template)]
#[template(path = "sign_out/stayed.html")]
struct StayedPage {
    page: Page,
    username: String,
}

/// Asks the person who is signed in whether to sign out. `request` is that of a client, which sent it as `form`; the answer comes back with it.
/// If it has a fault, the page shows that to developers. `overtaken` says that the person came from a page that was shown to another one.
pub async fn ask(browser: &Browser, form: &Form, request: &LogoutRequest, overtaken: bool) -> Result<Response, PageError> {
    let mut fields: Vec<Hidden> = Vec::new();
    if let Some(client) = &request.client {
        fields.push(Hidden::new("client_id", &client.id));
        for name in ["post_logout_redirect_uri", "state"] {
            fields.extend(form.get(name).map(|value| Hidden::new(name, value)));
        }
    }
    // The cookie of the visitor alone may end the session, but says nobody who is signed in.
    let (page, username) = match browser.signed_in().await? {
        Some(signed_in) => (browser.page_of(signed_in.user.id).await?, signed_in.user.username),
        None => (browser.page().await?, String::new()),
    };
    let client_name = request.client.as_ref().map(|client| client.client_name.as_str());
    let page = ConfirmPage {
        page,
        username,
        has_client: client_name.is_some(),
        client_name: client_name.unwrap_or_default().to_owned(),
        fields,
        fault: request.fault.clone(),
        overtaken,
    };
    html(&page, Csp::LeadsToClient)
}

/// Ends the session of `browser`, and leaves as [`leave`] does. If clients sign people out in frames, a page shows these first. If nobody is
/// signed in, the answer is that of [`again`]. If another user than `shown` is signed in by now, the page asks them. `form` holds the `request`
/// of a client.
pub async fn end(app: &App, browser: &Browser, shown: Option<Uuid>, form: &Form, request: &LogoutRequest) -> Result<Response, PageError> {
    let target = request.target.as_ref();
    match browser.sign_out(shown).await? {
        SignOut::Ended(sid) => ended(app, sign_out::frames(app, &sid).await?, target),
        SignOut::Nobody => again(app, browser, target).await,
        SignOut::Another => ask(browser, form, request, true).await,
    }
}

/// Answers a request for a sign-out in a browser in which nobody is signed in. If an earlier click has just ended a session, the answer is the
/// same as the one to that click, which the browser has dropped. Otherwise the page says that nothing was ended.
async fn again(app: &App, browser: &Browser, target: Option<&LogoutTarget>) -> Result<Response, PageError> {
    match browser.just_signed_out().await? {
        Some(sid) => ended(app, sign_out::frames(app, &sid).await?, target),
        None => nobody(app, target, false),
    }
}

/// Answers as [`again`] does if the session that has just ended in this browser is `sid`. Returns `None` otherwise.
pub async fn again_in(app: &App, browser: &Browser, sid: &str, target: Option<&LogoutTarget>) -> Result<Option<Response>, PageError> {
    if browser.just_signed_out().await?.as_deref() == Some(sid) {
        // The browser has dropped the cookie of the answer to the first click, too.
        browser.note("left");
        ended(app, sign_out::frames(app, sid).await?, target).map(Some)
    } else {
        Ok(None)
    }
}

/// Shows `frames` and then goes on to `target`, after a session has ended.
fn ended(app: &App, frames: Vec<LogoutFrame>, target: Option<&LogoutTarget>) -> Result<Response, PageError> {
    if frames.is_empty() {
        return leave(app, target);
    }
    let mut origins: Vec<String> = frames.iter().map(|frame| frame.origin.clone()).collect();
    origins.sort();
    origins.dedup();
    let target = target.map(LogoutTarget::url).unwrap_or_default();
    let page = FramesPage { page: Page::without_forms(app), frames, target };
    let refresh = (!page.target.is_empty()).then_some((TIME_FOR_FRAMES, page.target.as_str()));
    html_with_frames(&page, &origins, refresh)
}

/// Redirects the browser, in which a session has just ended, to `target`. Without one, shows the page that says that the person is signed
/// out.
fn leave(app: &App, target: Option<&LogoutTarget>) -> Result<Response, PageError> {
    match target {
        Some(target) => target.redirect(),
        None => html(&DonePage { page: Page::without_forms(app) }, Csp::Own),
    }
}

/// Says that nobody is signed in in this browser, so that nothing was ended, and leads to `target`. `lives_on` says that the session which the
/// client wants to end goes on elsewhere.
pub fn nobody(app: &App, target: Option<&LogoutTarget>, lives_on: bool) -> Result<Response, PageError> {
    let target = target.map(LogoutTarget::url).unwrap_or_default();
    html(&NobodyPage { page: Page::without_forms(app), lives_on, target }, Csp::Own)
}

fn stayed(app: &App, username: String) -> Result<Response, PageError> {
    html(&StayedPage { page: Page::without_forms(app), username }, Csp::Own)
}

/// `POST /end_session/confirm`: signs the person out or leaves them signed in, as they chose.
pub async fn submit(State(app): State<Arc<App>>, own: SignOutForm) -> Result<Response, PageError> {
    let SignOutForm { browser, form } = own;
    match form.get("choice") {
        Some("sign-out") => {
            // Check the parameters again, because the hidden fields may have been changed.
            let request = sign_out::read(&app, &form).await?;
            end(&app, &browser, shown(&form), &form, &request).await
        }
        Some("stay") => match browser.signed_in().await? {
            Some(signed_in) => stayed(&app, signed_in.user.username),
            None => nobody(&app, None, false),
        },
        _ => Err(PageError::stale_form()),
    }
}

/// `POST /account/sign-out`: signs the person out from one of the account pages. Frames of clients are shown by the answer itself, because the
/// next page does not know the session.
pub async fn from_account(State(app): State<Arc<App>>, own: SignOutForm) -> Result<Response, PageError> {
    let SignOutForm { browser, form } = own;
    let sid = match browser.sign_out(shown(&form)).await? {
        SignOut::Ended(sid) => sid,
        SignOut::Nobody => return again(&app, &browser, None).await,
        SignOut::Another => return ask(&browser, &Form::default(), &LogoutRequest::default(), true).await,
    };
    let frames = sign_out::frames(&app, &sid).await?;
    if !frames.is_empty() {
        return ended(&app, frames, None);
    }
    browser.note("signed-out");
    see_other(&app, "/signed-out")
}

/// Returns the user whom the page with `form` named; `None` if it named nobody.
fn shown(form: &Form) -> Option<Uuid> {
    form.get("user").and_then(|user| Uuid::try_parse(user).ok())
}

/// `GET /signed-out`: says that the person is signed out, if they are.
pub async fn signed_out(State(app): State<Arc<App>>, browser: Browser) -> Result<Response, PageError> {
    match (browser.noted().as_str(), browser.signed_in().await?) {
        (_, Some(signed_in)) => stayed(&app, signed_in.user.username),
        ("signed-out", None) => leave(&app, None),
        _ => nobody(&app, None, false),
    }
}
