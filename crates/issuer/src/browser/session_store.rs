//! Reads the sessions of tower-sessions, which are rows of `browsers`. Only the transactions of [`crate::accounts`] write these rows, so that no
//! request in flight can bring a signed-out browser back, and parallel requests of one browser cannot overwrite each other's changes. What
//! tower-sessions wants to store or delete is therefore ignored: it only carries the cookie.
//!
//! No answer ever removes the cookie. It may be late, and the browser may have got a newer cookie meanwhile, perhaps of another person. Instead
//! the row no longer names the cookie, and an id that no row names opens nothing.
//!
//! The issuer's clock decides when a row expires; the dates of tower-sessions are ignored.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tower_sessions::SessionStore;
use tower_sessions::session::{self, Id, Record};
use tower_sessions::session_store::{Error, Result};

use crate::accounts::browsers::{BrowserCookie, hash};
use crate::app::App;
use crate::store::StoreError;
use crate::store::browsers;
use crate::web::error::page::PageError;

/// The key under which the data of a record holds [`Kept`].
pub const KEPT: &str = "kept";

/// The values that the issuer keeps for a browser in which a user has signed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The id in the cookie.
    pub id: String,
    /// The CSRF token that every form on our pages carries.
    pub csrf: String,
    /// The key under which the browser's authorization requests wait. It stays when the cookie's id changes.
    pub request_key: String,
    /// The session in which the user signed in. It may have ended.
    pub sid: String,
}

impl From<BrowserCookie> for Kept {
    fn from(BrowserCookie { id, row }: BrowserCookie) -> Self {
        Self { id, csrf: row.csrf, request_key: row.request_key, sid: row.sid }
    }
}

/// The session store, which reads the table `browsers`.
#[derive(Debug, Clone)]
pub struct BrowserStore(pub Arc<App>);

/// The texts by which tower-sessions, whose errors hold only texts, tells that the database is busy, or cannot be reached or written.
const BUSY: &str = "the database is busy";
const UNAVAILABLE: &str = "the database cannot be reached or written";

fn failed(error: StoreError) -> Error {
    let text = match error {
        StoreError::Busy(_) => BUSY,
        StoreError::TimedOut(_) | StoreError::Unwritable(_) | StoreError::Away(_) => UNAVAILABLE,
        error => return Error::Backend(error.to_string()),
    };
    tracing::warn!(%error, "a browser could not be read");
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
    /// Gives `record` the id that the transaction of the sign-in has made. It has written the row, too.
    async fn create(&self, record: &mut Record) -> Result<()> {
        let kept = record.data.get(KEPT).cloned().unwrap_or_default();
        let kept: Kept = serde_json::from_value(kept).map_err(|error| Error::Encode(error.to_string()))?;
        record.id = kept.id.parse().map_err(|_| Error::Encode("the id of a cookie has 16 bytes".to_owned()))?;
        Ok(())
    }

    /// Returns what is kept for the cookie `id`. If nothing is, the record is empty. Without a record tower-sessions would remove the cookie.
    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let app = &self.0;
        let found = browsers::by_cookie(app.store.writer(), &hash(&id.to_string()), app.now()).await.map_err(failed)?;
        let mut data = HashMap::new();
        if let Some(row) = found {
            let kept = Kept { id: id.to_string(), csrf: row.csrf, request_key: row.request_key, sid: row.sid };
            data.insert(KEPT.to_owned(), serde_json::to_value(kept).map_err(|error| Error::Decode(error.to_string()))?);
        }
        // The query has checked the expiry, so tower-sessions gets a date that never comes.
        let expiry_date = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(365_000);
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn save(&self, _: &Record) -> Result<()> {
        Ok(())
    }

    async fn delete(&self, _: &Id) -> Result<()> {
        Ok(())
    }
}
