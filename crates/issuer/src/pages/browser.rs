//! `Browser`: the browser that a request comes from, by its cookie. What is kept for it is small: which session it is
//! signed in to, a CSRF token, and under which key its authorization requests wait for the person.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;
use tower_sessions::Session;
use tower_sessions::cookie::SameSite;
use tower_sessions::service::SessionManagerLayer;

use crate::accounts::session::{self, Device, SignedIn};
use crate::accounts::sign_in::{Proof, SignInError};
use crate::app::App;
use crate::endpoints::authorize::pending::Pending;
use crate::error::PageError;
use crate::middleware::client_ip::ClientIp;
use crate::oauth::form::Form;
use crate::pages::browser_store::{BROWSER, BrowserStore, CSRF, SID, is_kept};
use crate::store::requests;

/// The browser of a request.
pub struct Browser {
    app: Arc<App>,
    cookie: Session,
    device: Device,
}

impl FromRequestParts<Arc<App>> for Browser {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, PageError> {
        let cookie = parts.extensions.get::<Session>().cloned().ok_or_else(|| PageError::server_error("no session layer"))?;
        let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Self { app: Arc::clone(app), cookie, device: Device { address: ClientIp::of(parts)?, user_agent } })
    }
}

/// The cookie's name. `__Host-` (which browsers grant to https alone) keeps other hosts of the domain from setting it.
pub fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-signet" } else { "signet" }
}

/// The layer that reads and writes the cookie. The cookie ends with the browser; how long the session lives is ours to say.
pub fn layer(app: &Arc<App>) -> SessionManagerLayer<BrowserStore> {
    let https = app.settings.issuer.is_https();
    SessionManagerLayer::new(BrowserStore(Arc::clone(app)))
        .with_name(cookie_name(https))
        .with_secure(https)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
}

impl Browser {
    /// Who is signed in.
    pub async fn signed_in(&self) -> Result<Option<SignedIn>, PageError> {
        match self.cookie.get::<String>(SID).await? {
            Some(sid) => Ok(session::find(&self.app, &sid, &self.device).await?),
            None => Ok(None),
        }
    }

    /// Whence it comes, and what it calls itself.
    pub fn device(&self) -> &Device {
        &self.device
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
        let signed_in = match session::begin(&self.app, previous.as_ref(), proof, &self.device).await {
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
            session::end(&self.app, &session.sid, user.id, "user").await?;
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

    fn random_value(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.app.clock.random_bytes::<16>())
    }

    /// Whether `form` was ours, in this browser.
    pub async fn is_own(&self, form: &Form) -> Result<bool, PageError> {
        let expected = self.cookie.get::<String>(CSRF).await?;
        let sent = form.get("csrf").unwrap_or_default();
        Ok(expected.is_some_and(|expected| bool::from(expected.as_bytes().ct_eq(sent.as_bytes()))))
    }

    /// Keeps a request that waits for the person; gives its id.
    pub async fn keep(&self, pending: &Pending) -> Result<String, PageError> {
        let id = self.random_value();
        let browser = self.kept_value(BROWSER).await?;
        let request = serde_json::to_string(pending).map_err(PageError::server_error)?;
        requests::insert(self.app.store.writer(), &id, &browser, &request, self.app.now()).await?;
        Ok(id)
    }

    /// The request `id`, if it waits in this browser.
    pub async fn waiting(&self, id: &str) -> Result<Option<Waiting>, PageError> {
        let Some(browser) = self.cookie.get::<String>(BROWSER).await? else { return Ok(None) };
        let Some(stored) = requests::find(self.app.store.writer(), id, &browser).await? else { return Ok(None) };
        let pending = serde_json::from_str(&stored).map_err(PageError::server_error)?;
        Ok(Some(Waiting { id: id.to_owned(), browser, stored, pending }))
    }

    /// Keeps what the person did about `waiting`. Where another tab was first, that stands.
    pub async fn note(&self, waiting: &Waiting) -> Result<(), PageError> {
        let request = serde_json::to_string(&waiting.pending).map_err(PageError::server_error)?;
        requests::replace(self.app.store.writer(), &waiting.id, &waiting.browser, &waiting.stored, &request).await?;
        Ok(())
    }

    /// Takes `waiting` away, to answer it. False if that was done before.
    pub async fn take(&self, waiting: &Waiting) -> Result<bool, PageError> {
        Ok(requests::take(self.app.store.writer(), &waiting.id, &waiting.browser).await?)
    }
}

/// A request that waits in a browser.
pub struct Waiting {
    /// Its id.
    pub id: String,
    browser: String,
    stored: String,
    /// The request.
    pub pending: Pending,
}
