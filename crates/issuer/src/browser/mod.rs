//! `Browser`: the browser that a request comes from, by its cookie. What is kept for it is small: which session it is
//! signed in to, a CSRF token, and under which key its authorization requests wait for the person.

pub mod cookie;
pub mod csrf;
pub mod session_store;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;
use tower_sessions::Session;
use uuid::Uuid;

use crate::accounts::session::{self, SignedIn};
use crate::accounts::sign_in::{Proof, SignInError};
use crate::app::App;
use crate::audit::{Actor, Face, RequestInfo, Who};
use crate::browser::session_store::{BROWSER, CSRF, SID, is_kept};
use crate::oauth::form::Form;
use crate::web::client_ip::request_info;
use crate::web::error::page::PageError;
use crate::web::html::Page;

/// The browser of a request.
pub struct Browser {
    app: Arc<App>,
    cookie: Session,
    request: RequestInfo,
}

impl FromRequestParts<Arc<App>> for Browser {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, PageError> {
        let cookie = parts.extensions.get::<Session>().cloned().ok_or_else(|| PageError::server_error("no session layer"))?;
        Ok(Self { app: Arc::clone(app), cookie, request: request_info(parts)? })
    }
}

impl Browser {
    /// Who is signed in.
    pub async fn signed_in(&self) -> Result<Option<SignedIn>, PageError> {
        match self.cookie.get::<String>(SID).await? {
            Some(sid) => Ok(session::find(&self.app, &sid, &self.request).await?),
            None => Ok(None),
        }
    }

    /// What log lines and audit events say about the request.
    pub fn request(&self) -> &RequestInfo {
        &self.request
    }

    /// The user `id`, as the cause of an event.
    pub fn actor(&self, id: Uuid) -> Actor {
        Actor::remote(Who::User(id), Face::Page, &self.request)
    }

    /// Signs in who gave `proof`. The cookie gets a new id, and forms of before are of no more use.
    pub async fn sign_in(&self, proof: Proof) -> Result<Result<SignedIn, SignInError>, PageError> {
        let previous = self.signed_in().await?;
        // Signed out while the password was compared: that stands.
        if let Some(id) = self.cookie.id()
            && self.cookie.get_value(SID).await?.is_some()
            && !is_kept(&self.app, &id).await?
        {
            return Err(PageError::expired());
        }
        let signed_in = match session::begin(&self.app, previous.as_ref(), proof, &self.request).await {
            Ok(signed_in) => signed_in,
            Err(error) => return Ok(Err(error)),
        };
        self.renew().await?;
        self.cookie.insert(SID, &signed_in.session.sid).await?;
        Ok(Ok(signed_in))
    }

    /// Gives the cookie a new id: whoever knew the old one, or a form of it, knows nothing any more.
    pub async fn renew(&self) -> Result<(), PageError> {
        self.cookie.cycle_id().await?;
        self.cookie.insert(CSRF, self.random_value()).await?;
        self.kept_value(BROWSER).await?;
        Ok(())
    }

    /// Ends the session, and forgets the browser.
    pub async fn sign_out(&self) -> Result<(), PageError> {
        if let Some(SignedIn { session, user }) = self.signed_in().await? {
            session::end(&self.app, &self.actor(user.id), &session.sid, user.id, "user").await?;
            self.cookie.flush().await?;
        }
        Ok(())
    }

    /// The token that forms of ours carry.
    pub async fn csrf(&self) -> Result<String, PageError> {
        self.kept_value(CSRF).await
    }

    /// The random value that is kept under `key`. All are made together, when the first is needed: else two requests of one
    /// browser could each make one, and the later would replace the other's.
    async fn kept_value(&self, key: &str) -> Result<String, PageError> {
        if let Some(value) = self.cookie.get::<String>(key).await? {
            return Ok(value);
        }
        for key in [CSRF, BROWSER] {
            if self.cookie.get_value(key).await?.is_none() {
                self.cookie.insert(key, self.random_value()).await?;
            }
        }
        Ok(self.cookie.get::<String>(key).await?.unwrap_or_default())
    }

    /// The key under which this browser's authorization requests wait. It is made if the browser has none yet.
    pub async fn request_key(&self) -> Result<String, PageError> {
        self.kept_value(BROWSER).await
    }

    /// The key under which this browser's authorization requests wait, if any could.
    pub async fn known_request_key(&self) -> Result<Option<String>, PageError> {
        Ok(self.cookie.get::<String>(BROWSER).await?)
    }

    /// What every page of this browser needs.
    pub async fn page(&self) -> Result<Page, PageError> {
        Ok(Page { csrf: self.csrf().await?, ..Page::without_forms(&self.app) })
    }

    fn random_value(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.app.clock.random_bytes::<16>())
    }

    /// Whether `form` was ours, in this browser.
    pub async fn is_own(&self, form: &Form) -> Result<bool, PageError> {
        let expected = self.cookie.get::<String>(CSRF).await?;
        let sent = form.get("csrf").unwrap_or_default();
        Ok(expected.is_some_and(|expected| bool::from(expected.as_bytes().ct_eq(sent.as_bytes()))))
    }
}
