//! Where tower-sessions keeps what it knows of a browser. Saving never brings a row back that is gone, and parallel
//! requests of one browser do not overwrite each other's changes.
//!
//! `load` leaves the version and the data in the record, `save` writes where the version still holds. On a miss it applies
//! only the keys that it changed to the fresh row and tries again. Time comes from the clock; tower-sessions' own is ignored.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use crate::app::App;
use crate::clock::UnixSeconds;
use crate::oauth::secret;
use crate::store::StoreError;
use crate::store::browsers::{self, BrowserRow};

/// Points to the session; a browser that has it is signed in.
pub const SID: &str = "sid";
/// What every form of ours carries.
pub const CSRF: &str = "csrf";
/// Under which its authorization requests wait: a random value of its own, which stays when the cookie's id changes.
pub const BROWSER: &str = "browser";

/// The version and the data as they were loaded. Never stored.
const LOADED: &str = "loaded";
/// A browser in which nobody is signed in is forgotten after this long, in seconds.
const ANONYMOUS_LIFETIME: UnixSeconds = 3600;
/// Tries of a save that meets others.
const TRIES: usize = 20;

type Data = HashMap<String, Value>;

/// The store.
#[derive(Debug, Clone)]
pub struct BrowserStore(pub Arc<App>);

fn hash(id: &Id) -> String {
    secret::key(&id.to_string())
}

/// Whether the browser with the cookie `id` is still known.
pub async fn is_kept(app: &App, id: &Id) -> std::result::Result<bool, StoreError> {
    Ok(browsers::find(app.store.writer(), &hash(id), app.now()).await?.is_some())
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Backend(error.to_string())
}

/// What is stored of the data of a record.
fn stored(mut data: Data) -> Data {
    data.remove(LOADED);
    data
}

impl BrowserStore {
    fn row(&self, id: &Id, version: i32, data: &Data) -> Result<BrowserRow> {
        let signed_in = data.contains_key(SID);
        // How long the session itself lives is told by its own row.
        let lifetime = if signed_in { self.0.settings.session_absolute_lifetime } else { ANONYMOUS_LIFETIME };
        let data = serde_json::to_string(data).map_err(|error| Error::Encode(error.to_string()))?;
        let now = self.0.now();
        Ok(BrowserRow { id_hash: hash(id), version, data, signed_in, created_at: now, expires_at: now + lifetime })
    }

    async fn find(&self, id: &Id) -> Result<Option<(i32, Data)>> {
        let found = browsers::find(self.0.store.writer(), &hash(id), self.0.now()).await.map_err(failed)?;
        let parse = |row: BrowserRow| Ok((row.version, serde_json::from_str(&row.data).map_err(|error| Error::Decode(error.to_string()))?));
        found.map(parse).transpose()
    }
}

#[async_trait]
impl SessionStore for BrowserStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        record.data = stored(std::mem::take(&mut record.data));
        let row = self.row(&record.id, 0, &record.data)?;
        if !browsers::insert(self.0.store.writer(), &row, self.0.now()).await.map_err(failed)? {
            return Err(failed("a browser id was given twice"));
        }
        record.data.insert(LOADED.to_owned(), json!({ "version": 0, "data": record.data }));
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some((version, mut data)) = self.find(id).await? else { return Ok(None) };
        data.insert(LOADED.to_owned(), json!({ "version": version, "data": data }));
        Ok(Some(Record { id: *id, data, expiry_date: time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(365_000) }))
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let loaded = &record.data[LOADED];
        let mut version = loaded["version"].as_i64().and_then(|version| i32::try_from(version).ok()).unwrap_or(-1);
        let mut data = stored(record.data.clone());
        for _ in 0..TRIES {
            if browsers::update(self.0.store.writer(), &self.row(&record.id, version, &data)?).await.map_err(failed)? {
                return Ok(());
            }
            // Another request was first, or the browser was signed out: then there is nothing to save.
            let Some((fresh_version, fresh)) = self.find(&record.id).await? else { return Ok(()) };
            version = fresh_version;
            data = stored(merged(fresh, &record.data, &loaded["data"]));
        }
        // An error here would be a blank page; what is lost is at most the token of a form, which then comes again.
        tracing::warn!("too many requests of one browser at once");
        Ok(())
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        browsers::remove_signed_in(self.0.store.writer(), &hash(id)).await.map_err(failed)
    }
}

/// `fresh` with what `own` changed since it was `loaded`.
fn merged(mut fresh: Data, own: &Data, loaded: &Value) -> Data {
    for (key, value) in own.iter().filter(|(key, _)| *key != LOADED) {
        if loaded.get(key) != Some(value) {
            fresh.insert(key.clone(), value.clone());
        }
    }
    for key in loaded.as_object().into_iter().flat_map(serde_json::Map::keys) {
        if !own.contains_key(key) {
            fresh.remove(key);
        }
    }
    fresh
}
