//! Stores the sessions of tower-sessions. A row is written once, when the id of its cookie is made, and what it says is never changed. To
//! change what is kept for a browser, the cookie gets a new id. So a request in flight cannot bring a signed-out browser back, and parallel
//! requests of one browser cannot overwrite each other's changes.
//!
//! A request that was sent before the browser learned the new id comes with the old one. It counts as signed out, but for
//! [`REPLACED_FOR`] seconds it neither removes the new cookie from the browser, nor begins a second session if it signs the same user in.
//!
//! The issuer's clock decides when a row expires; the dates of tower-sessions are ignored.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tower_sessions::SessionStore;
use tower_sessions::session::{self, Id, Record};
use tower_sessions::session_store::{Error, Result};

use crate::app::App;
use crate::clock::UnixSeconds;
use crate::oauth::secret;
use crate::store::browsers::{self, BrowserRow, Successor};
use crate::store::{StoreError, sessions};
use crate::web::error::page::PageError;

/// The key under which the data of a record holds [`Kept`].
pub const KEPT: &str = "kept";

/// The key under which the data of a record says that the id of the cookie was replaced a moment ago, and that a session goes on.
const REPLACED: &str = "replaced";

/// For how many seconds the store remembers an id after it was replaced. A browser that is sent the new id uses the old one no longer.
pub const REPLACED_FOR: UnixSeconds = 10;

/// The values that the issuer keeps for a browser in which a user has signed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The CSRF token that every form on our pages carries.
    pub csrf: String,
    /// The key under which the browser's authorization requests wait. It stays when the cookie's id changes.
    pub request_key: String,
    /// The session in which the user signed in. It may have ended.
    pub sid: String,
}

/// The session store, which keeps its rows in the table `browsers`.
#[derive(Debug, Clone)]
pub struct BrowserStore(pub Arc<App>);

fn hash(id: &Id) -> String {
    secret::key(&id.to_string())
}

/// Returns what is kept for the cookie `id`; `None` if nothing is known of it. If the cookie has got another id since, it is what is kept for
/// that one.
pub(super) async fn last(app: &App, id: &Id) -> std::result::Result<Option<Kept>, StoreError> {
    let row = browsers::find(app.store.writer(), &hash(id), app.now()).await?;
    Ok(row.map(|BrowserRow { csrf, request_key, sid, .. }| Kept { csrf, request_key, sid }))
}

/// Notes that the cookie `id` gets another id, by which the browser goes on as `successor` says; `None` if it signs out.
pub(super) async fn retire(app: &App, id: &Id, successor: Option<Successor<'_>>) -> std::result::Result<(), StoreError> {
    browsers::retire(app.store.writer(), &hash(id), successor, app.now() + REPLACED_FOR).await
}

/// The texts by which tower-sessions, whose errors hold only texts, tells that the database is busy, or cannot be reached or written.
const BUSY: &str = "the database is busy";
const UNAVAILABLE: &str = "the database cannot be reached or written";

fn failed(error: StoreError) -> Error {
    let text = match error {
        StoreError::Busy(_) => BUSY,
        StoreError::TimedOut(_) | StoreError::Unwritable(_) | StoreError::Away(_) => UNAVAILABLE,
        error => return Error::Backend(error.to_string()),
    };
    tracing::warn!(%error, "a browser could not be read or stored");
    Error::Backend(text.to_owned())
}

impl From<session::Error> for PageError {
    fn from(error: session::Error) -> Self {
        match error {
            session::Error::Store(Error::Backend(text)) if text == BUSY => Self::busy(),
            session::Error::Store(Error::Backend(text)) if text == UNAVAILABLE => Self::unavailable(),
            error => Self::server_error(error),
        }
    }
}

#[async_trait]
impl SessionStore for BrowserStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let app = &self.0;
        let kept = record.data.get(KEPT).cloned().unwrap_or_default();
        let kept: Kept = serde_json::from_value(kept).map_err(|error| Error::Encode(error.to_string()))?;
        // The session may end earlier, because its own row in `sessions` has the idle lifetime.
        let lifetime = app.settings.session_absolute_lifetime;
        let Kept { csrf, request_key, sid } = kept;
        let now = app.now();
        let row =
            BrowserRow { id_hash: hash(&record.id), csrf, request_key, sid, replaced: false, created_at: now, expires_at: now + lifetime };
        if browsers::insert(app.store.writer(), row).await.map_err(failed)? {
            Ok(())
        } else {
            Err(Error::Backend("the browser id is in use".to_owned()))
        }
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let app = &self.0;
        let found = browsers::find(app.store.writer(), &hash(id), app.now()).await.map_err(failed)?;
        let Some(BrowserRow { csrf, request_key, sid, replaced, .. }) = found else { return Ok(None) };
        let (key, kept) = if !replaced {
            (KEPT, serde_json::to_value(Kept { csrf, request_key, sid }).map_err(|error| Error::Decode(error.to_string()))?)
        } else if sessions::live(app.store.writer(), &sid, app.now()).await.map_err(failed)?.is_some() {
            // Nothing is told by the old id, but tower-sessions does not remove the cookie, because the record is not empty.
            (REPLACED, serde_json::Value::Bool(true))
        } else {
            return Ok(None);
        };
        // `browsers::find` has checked the expiry, so tower-sessions gets a date that never comes.
        let expiry_date = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(365_000);
        Ok(Some(Record { id: *id, data: HashMap::from([(key.to_owned(), kept)]), expiry_date }))
    }

    /// Does nothing, because tower-sessions calls this only for ids that have a row, and a row is never changed.
    async fn save(&self, _: &Record) -> Result<()> {
        Ok(())
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        retire(&self.0, id, None).await.map_err(failed)
    }
}
