//! `Browser`: the browser that a request comes from, recognised by its cookie. The issuer keeps three values for it: the session in which
//! a user is signed in, a CSRF token, and the key under which its authorization requests wait.

pub mod cookie;
pub mod csrf;
pub mod session_store;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use tower_sessions::Session;
use uuid::Uuid;

use crate::accounts::methods::Enrolled;
use crate::accounts::requirement::{self, Requirement, Step};
use crate::accounts::session::{self, ProvenUser, SignedIn};
use crate::accounts::sign_in::{Checked, SignInError};
use crate::app::App;
use crate::audit::{Actor, Face, RequestInfo, Who};
use crate::browser::session_store::{KEPT, Kept, is_kept};
use crate::web::client_ip::request_info;
use crate::web::error::page::PageError;
use crate::web::html::Page;

/// The browser that sent a request, with what the request says about itself.
pub struct Browser {
    app: Arc<App>,
    cookie: Session,
    request: RequestInfo,
}

impl FromRequestParts<Arc<App>> for Browser {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, PageError> {
        let cookie = parts.extensions.get::<Session>().cloned().ok_or_else(|| PageError::server_error("the session layer is missing"))?;
        Ok(Self { app: Arc::clone(app), cookie, request: request_info(parts)? })
    }
}

impl Browser {
    /// Returns the user who is signed in, with their session; `None` if there is no session, or if it has ended.
    pub async fn signed_in(&self) -> Result<Option<SignedIn>, PageError> {
        match self.kept().await?.and_then(|kept| kept.sid) {
            Some(sid) => Ok(session::find(&self.app, &sid, &self.request).await?),
            None => Ok(None),
        }
    }

    /// Returns what log lines and audit events say about the request.
    pub fn request(&self) -> &RequestInfo {
        &self.request
    }

    /// Returns the user `id` as the actor of an audit event that happens on a page.
    pub fn actor(&self, id: Uuid) -> Actor {
        Actor::remote(Who::User(id), Face::Page, &self.request)
    }

    /// Signs in a user whose password was checked. The cookie gets a new id, so that the old id and earlier forms stop working. Returns
    /// the inner error if the sign-in is refused.
    pub async fn sign_in(&self, checked: Checked) -> Result<Result<SignedIn, SignInError>, PageError> {
        let Checked { user, evidence, settlement } = checked;
        let Step::Done(proven) = requirement::next(&evidence, &Enrolled::of(&user), &Requirement::for_session()) else {
            return Ok(Err(SignInError::Wrong));
        };
        let previous = self.signed_in().await?;
        // If the user signed out while the password was compared, this sign-in must not undo that.
        if let (Some(id), Some(Kept { sid: Some(_), .. })) = (self.cookie.id(), self.kept().await?)
            && !is_kept(&self.app, &id).await?
        {
            return Err(PageError::expired());
        }
        let proven = ProvenUser { user, proven, settlement };
        let signed_in = match session::begin(&self.app, previous.as_ref(), proven, &self.request).await {
            Ok(signed_in) => signed_in,
            Err(error) => return Ok(Err(error)),
        };
        self.replace(Some(signed_in.session.sid.clone())).await?;
        Ok(Ok(signed_in))
    }

    /// Gives the cookie a new id, so that the old id and earlier forms stop working. The user stays signed in.
    pub async fn renew(&self) -> Result<(), PageError> {
        let sid = self.kept().await?.and_then(|kept| kept.sid);
        self.replace(sid).await
    }

    async fn replace(&self, sid: Option<String>) -> Result<(), PageError> {
        let request_key = self.kept().await?.map(|kept| kept.request_key);
        self.cookie.cycle_id().await?;
        let request_key = request_key.unwrap_or_else(|| self.random_value());
        self.keep(&Kept { csrf: self.random_value(), request_key, sid }).await
    }

    /// Ends the session and removes the cookie. Does nothing if no user is signed in.
    pub async fn sign_out(&self) -> Result<(), PageError> {
        if let Some(SignedIn { session, user, .. }) = self.signed_in().await? {
            session::end(&self.app, &self.actor(user.id), &session.sid, user.id, "user").await?;
            self.cookie.flush().await?;
        }
        Ok(())
    }

    /// Returns the key under which this browser's authorization requests wait. Makes one if the browser has none yet.
    pub async fn request_key(&self) -> Result<String, PageError> {
        Ok(self.kept_or_new().await?.request_key)
    }

    /// Returns the key under which this browser's authorization requests wait; `None` if the browser has none, so that none can wait.
    pub async fn known_request_key(&self) -> Result<Option<String>, PageError> {
        Ok(self.kept().await?.map(|kept| kept.request_key))
    }

    /// Returns the values that every template needs, with the CSRF token of this browser.
    pub async fn page(&self) -> Result<Page, PageError> {
        Ok(Page { csrf: self.kept_or_new().await?.csrf, ..Page::without_forms(&self.app) })
    }

    async fn kept(&self) -> Result<Option<Kept>, PageError> {
        Ok(self.cookie.get::<Kept>(KEPT).await?)
    }

    async fn kept_or_new(&self) -> Result<Kept, PageError> {
        if let Some(kept) = self.kept().await? {
            return Ok(kept);
        }
        let kept = Kept { csrf: self.random_value(), request_key: self.random_value(), sid: None };
        self.keep(&kept).await?;
        Ok(kept)
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
