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
use axum::http::request::Parts;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use tower_cookies::Cookies;
use tower_sessions::Session;
use tower_sessions::session::Id;
use uuid::Uuid;

use crate::accounts::lockout::{Guesser, Known};
use crate::accounts::methods::Enrolled;
use crate::accounts::requirement::{self, Requirement, Step};
use crate::accounts::session::{self, ProvenUser, SignedIn};
use crate::accounts::sign_in::{Checked, SignInError};
use crate::app::App;
use crate::audit::{Actor, Face, RequestInfo, Who};
use crate::browser::late::BeforeSignIn;
use crate::browser::session_store::{KEPT, Kept, retire};
use crate::store::browsers::Successor;
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
        let sent = cookie.id();
        Ok(Self { app: Arc::clone(app), cookie, cookies, sent, visitor, sender, request: request_info(parts)? })
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
        let going_on = self.going_on().await?;
        // If the user signed out while the password was compared, this sign-in must not undo that.
        if before.signed_in && going_on.is_none() {
            return Err(PageError::signed_out_meanwhile());
        }
        let kept = self.kept().await?;
        // Somebody who has stolen a cookie that was replaced must not end the session of its owner by a password of their own.
        let going_on = going_on.filter(|(_, signed_in)| kept.is_some() || signed_in.user.id == user.id);
        let (earlier, previous) = match going_on {
            Some((earlier, signed_in)) => (Some(earlier), Some(signed_in)),
            None => (kept, None),
        };
        let device = self.device(&user.username).await?;
        let proven = ProvenUser { user, proven, settlement };
        let signed_in = match session::begin(&self.app, previous.as_ref(), proven, &self.request, &device).await {
            Ok(signed_in) => signed_in,
            Err(error) => return Ok(Err(error)),
        };
        let SignedIn { session, user, .. } = &signed_in;
        // If the same user signs in again, the forms in other tabs stay valid.
        let continued = previous.is_some_and(|previous| previous.session.sid == session.sid);
        if let Err(error) = self.replace(earlier, session.sid.clone(), continued).await {
            // The browser gets no cookie for this session, so nobody could use or end it.
            session::end(&self.app, &self.actor(user.id), &session.sid, user.id, "failed sign-in").await?;
            return Err(error);
        }
        self.follow(Some(&session.sid))?;
        Ok(Ok(signed_in))
    }

    /// Gives the cookie a new id, so that the old id and earlier forms stop working. The user stays signed in.
    pub async fn renew(&self) -> Result<(), PageError> {
        match self.kept().await? {
            Some(kept) => self.replace(Some(kept.clone()), kept.sid, false).await,
            None => Ok(()),
        }
    }

    /// Gives the cookie a new id, by which the browser goes on in the session `sid`. A new CSRF token comes with it unless `keep_csrf` is set.
    /// `earlier` is what was kept before.
    async fn replace(&self, earlier: Option<Kept>, sid: String, keep_csrf: bool) -> Result<(), PageError> {
        let kept_csrf = earlier.as_ref().filter(|_| keep_csrf).map(|kept| kept.csrf.clone());
        let csrf = kept_csrf.unwrap_or_else(|| self.random_value());
        if let Some(id) = self.cookie.id() {
            retire(&self.app, &id, Some(Successor { sid: &sid, csrf: &csrf })).await?;
        }
        self.cookie.cycle_id().await?;
        let request_key = earlier.map_or_else(|| self.first_request_key(), |kept| kept.request_key);
        self.keep(&Kept { csrf, request_key, sid }).await
    }

    /// Ends the session and removes the cookie, also that of a session that has ended. Whoever asks to sign out is signed out, even if the cookie
    /// was replaced meanwhile.
    pub async fn sign_out(&self) -> Result<(), PageError> {
        let known = self.kept().await?.is_some();
        let going_on = self.going_on().await?;
        if let Some((_, SignedIn { session, user, .. })) = &going_on {
            session::end(&self.app, &self.actor(user.id), &session.sid, user.id, "user").await?;
        }
        if known || going_on.is_some() {
            self.cookie.flush().await?;
            self.follow(None)?;
        }
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

    async fn kept(&self) -> Result<Option<Kept>, PageError> {
        Ok(self.cookie.get::<Kept>(KEPT).await?)
    }

    /// Writes the row at once, because tower-sessions would write it after the page was made, when no error page can be shown any more.
    async fn keep(&self, kept: &Kept) -> Result<(), PageError> {
        self.cookie.insert(KEPT, kept).await?;
        Ok(self.cookie.save().await?)
    }

    fn random_value(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.app.clock.random_bytes::<16>())
    }
}
