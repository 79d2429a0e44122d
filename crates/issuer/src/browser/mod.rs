//! `Browser`: the browser that a request comes from, recognised by its cookie. Once a user has signed in, the issuer keeps three values for
//! it: the session, a CSRF token, and the key under which its authorization requests wait. Before that it keeps nothing.

pub mod cookie;
pub mod csrf;
pub mod device;
mod late;
mod notice;
pub mod session_store;
pub mod state;
mod visitor;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use tower_cookies::Cookies;
use tower_sessions::Session;
use tower_sessions::session::Id;
use uuid::Uuid;

use crate::accounts::browsers::{BrowserCookie, ThisBrowser, random};
use crate::accounts::lockout::{Guesser, Known};
use crate::accounts::methods::Enrolled;
use crate::accounts::requirement::{self, Requirement, Step};
use crate::accounts::session::{self, Begun, Place, ProvenUser, SignOut, SignedIn};
use crate::accounts::sign_in::{Checked, SignInError};
use crate::app::App;
use crate::audit::{Actor, Face, RequestInfo, Who};
use crate::browser::late::BeforeSignIn;
use crate::browser::session_store::{KEPT, Kept};
use crate::store::devices;
use crate::store::users::User;
use crate::web::client_ip::request_info;
use crate::web::error::page::PageError;
use crate::web::html::Page;
use crate::web::origin::{Sender, sender};

/// The browser that sent a request, with what the request says about itself.
pub struct Browser {
    app: Arc<App>,
    cookie: Session,
    cookies: Cookies,
    /// The id in the cookie that the browser sent, whether a row is found by it or not.
    sent: Option<Id>,
    /// The value of the cookie of [`visitor`], if the browser sent it.
    visitor: Option<String>,
    sender: Sender,
    /// The header `Origin`; empty if there is none.
    origin: String,
    request: RequestInfo,
}

impl FromRequestParts<Arc<App>> for Browser {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, PageError> {
        let missing = || PageError::server_error("the session layer is missing");
        let cookie = parts.extensions.get::<Session>().cloned().ok_or_else(missing)?;
        let cookies = parts.extensions.get::<Cookies>().cloned().ok_or_else(missing)?;
        let visitor = visitor::sent(&cookies, app.settings.issuer.is_https());
        let sender = sender(&parts.headers, &app.settings.issuer);
        let origin = parts.headers.get(header::ORIGIN).map(|origin| String::from_utf8_lossy(origin.as_bytes()).into_owned());
        let origin = origin.unwrap_or_default();
        let sent = cookie.id();
        Ok(Self { app: Arc::clone(app), cookie, cookies, sent, visitor, sender, origin, request: request_info(parts)? })
    }
}

impl Browser {
    /// Returns the user who is signed in, with their session; `None` if there is no session, or if it has ended.
    pub async fn signed_in(&self) -> Result<Option<SignedIn>, PageError> {
        let Some(kept) = self.kept().await? else { return Ok(None) };
        let found = session::find(&self.app, &kept.sid, &self.request).await?;
        self.follow(found.as_ref().map(|found| found.session.sid.as_str()))?;
        Ok(found)
    }

    /// Returns what log lines and audit events say about the request.
    pub fn request(&self) -> &RequestInfo {
        &self.request
    }

    /// Returns the user `id` as the actor of an audit event that happens on a page.
    pub fn actor(&self, id: Uuid) -> Actor {
        Actor::remote(Who::User(id), Face::Page, &self.request)
    }

    /// Signs in a user whose password was checked. The cookie gets a new id, so that the old id, and forms that another user was shown, stop
    /// working. `before` says how the browser stood before the password was compared. Returns the inner error if the sign-in is refused.
    pub async fn sign_in(&self, checked: Checked, before: BeforeSignIn) -> Result<Result<SignedIn, SignInError>, PageError> {
        let Checked { user, evidence, settlement } = checked;
        let Step::Done(proven) = requirement::next(&evidence, &Enrolled::of(&user), &Requirement::for_session()) else {
            return Ok(Err(SignInError::Wrong));
        };
        let this = self.this_or_new().await?;
        // A sign-in with a generated password is complete only when another one is chosen: somebody else has seen it.
        let device = if user.password_generated_at.is_none() { Some(self.device(&user.username).await?) } else { None };
        let place = Place { browser: &this, over: before.over.as_deref(), device: device.as_ref().map(|device| device.hash.as_str()) };
        let Begun { signed_in, cookie } =
            match session::begin(&self.app, place, ProvenUser { user, proven, settlement }, &self.request).await {
                Ok(begun) => begun,
                Err(error) => return Ok(Err(error)),
            };
        self.take(cookie).await?;
        if let Some(device) = device {
            self.cookies.add(device.cookie);
        }
        self.follow(Some(&signed_in.session.sid))?;
        Ok(Ok(signed_in))
    }

    /// Returns this browser as its row is found. If it sent no cookie of ours, it is given that of a visitor.
    pub async fn this_or_new(&self) -> Result<ThisBrowser, PageError> {
        Ok(self.this().await?.unwrap_or_else(|| ThisBrowser { key: self.first_request_key(), cookie: None }))
    }

    /// Gives the browser `cookie`, whose row is written already. What HTTP cannot do is to say which cookie is the newer one: if two people sign
    /// in at the same moment in two tabs, and the answer to the first of them comes last, the browser has a cookie that opens nothing. The next
    /// sign-in or sign-out is then about the session of the second one all the same, because the cookie of the visitor leads to it.
    pub async fn take(&self, cookie: BrowserCookie) -> Result<(), PageError> {
        self.cookie.cycle_id().await?;
        self.cookie.insert(KEPT, Kept::from(cookie)).await?;
        Ok(self.cookie.save().await?)
    }

    /// Ends the session in which this browser is signed in by now, even if the request came with an older cookie, because whoever asks to sign out
    /// must be signed out. It does not end the session of another user than `shown`, whom the page with the form named; `None` if it named nobody.
    /// The answer changes a cookie in any case, so that "Back" shows no page of the person.
    pub async fn sign_out(&self, shown: Option<Uuid>) -> Result<SignOut, PageError> {
        let Some(this) = self.this().await? else { return Ok(SignOut::Nobody) };
        self.note("left");
        let outcome = session::sign_out(&self.app, &this.key, shown, &self.request).await?;
        if outcome != SignOut::Another {
            self.follow(None)?;
        }
        Ok(outcome)
    }

    /// Remembers this browser as a device of `user`, whose sign-in is complete.
    pub async fn remember_device(&self, user: &User) -> Result<(), PageError> {
        let device = self.device(&user.username).await?;
        devices::remember(self.app.store.writer(), &device.hash, user.id, self.app.now()).await?;
        self.cookies.add(device.cookie);
        Ok(())
    }

    /// Returns what the limits on guesses of passwords need to know about the request.
    pub fn guesser(&self) -> Guesser {
        Guesser { address: self.request.address, known: self.known_device().map(Known::Device) }
    }

    /// Returns the key under which requests wait here once a user has signed in.
    pub async fn next_request_key(&self) -> Result<String, PageError> {
        Ok(self.request_key().await?.unwrap_or_else(|| self.first_request_key()))
    }

    /// Returns the page from which the request was sent, as far as the request says it.
    pub fn sender(&self) -> Sender {
        self.sender
    }

    /// Returns the origin of the page from which the request was sent; empty if the request does not say it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the key under which this browser's authorization requests wait. It stays when the cookie's id changes. `None` if no user
    /// has signed in here, so that no request can wait.
    pub async fn request_key(&self) -> Result<Option<String>, PageError> {
        Ok(self.kept().await?.map(|kept| kept.request_key))
    }

    /// Returns the values that every template needs, with the CSRF token of this browser. The token is empty if no user has signed in
    /// here; then no form but that of the sign-in page is accepted, which has a token of its own.
    pub async fn page(&self) -> Result<Page, PageError> {
        let csrf = self.kept().await?.map(|kept| kept.csrf).unwrap_or_default();
        Ok(Page { csrf, ..Page::without_forms(&self.app) })
    }

    /// Returns the values of a page that names `user`, who is signed in, beside the form to sign out.
    pub async fn page_of(&self, user: Uuid) -> Result<Page, PageError> {
        Ok(Page { user: Some(user), ..self.page().await? })
    }

    async fn kept(&self) -> Result<Option<Kept>, PageError> {
        Ok(self.cookie.get::<Kept>(KEPT).await?)
    }

    fn random_value(&self) -> String {
        random(&self.app)
    }
}
