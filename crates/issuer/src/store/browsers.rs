//! What is kept for browsers that have our cookie. A row is found by the hash of the cookie's id, never by the id.

use sea_orm::ConnectionTrait;

use crate::clock::UnixSeconds;
use crate::store::{Columns, StoreError, execute, query_one};

/// One browser.
#[derive(Debug, Clone)]
pub struct BrowserRow {
    /// SHA-256 of the cookie's id, in base64url.
    pub id_hash: String,
    /// How often the data changed.
    pub version: i32,
    /// JSON.
    pub data: String,
    /// Whether the data points to a session.
    pub signed_in: bool,
    /// When it is forgotten, in Unix seconds.
    pub expires_at: UnixSeconds,
}

/// Adds `row`. False if there is one with this hash.
pub async fn insert(db: &impl ConnectionTrait, row: &BrowserRow, now: UnixSeconds) -> Result<bool, StoreError> {
    let sql = "INSERT INTO browsers (id_hash, version, data, signed_in, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (id_hash) DO NOTHING";
    let values = [
        row.id_hash.as_str().into(),
        row.version.into(),
        row.data.as_str().into(),
        row.signed_in.into(),
        now.into(),
        row.expires_at.into(),
    ];
    Ok(execute(db, sql, values).await? == 1)
}

/// The browser `id_hash`, unless it is forgotten.
pub async fn find(db: &impl ConnectionTrait, id_hash: &str, now: UnixSeconds) -> Result<Option<BrowserRow>, StoreError> {
    let sql = "SELECT id_hash, version, data, signed_in, expires_at FROM browsers WHERE id_hash = $1 AND expires_at > $2";
    let Some(row) = query_one(db, sql, [id_hash.into(), now.into()]).await? else { return Ok(None) };
    let mut columns = Columns::of(&row);
    Ok(Some(BrowserRow {
        id_hash: columns.take()?,
        version: columns.take()?,
        data: columns.take()?,
        signed_in: columns.take()?,
        expires_at: columns.take()?,
    }))
}

/// Replaces what is kept, if it still has the version of `row`; it then has the next one. False if not, or if it is gone.
pub async fn update(db: &impl ConnectionTrait, row: &BrowserRow) -> Result<bool, StoreError> {
    let sql = "UPDATE browsers SET version = version + 1, data = $3, signed_in = $4, expires_at = $5 WHERE id_hash = $1 AND version = $2";
    let values = [row.id_hash.as_str().into(), row.version.into(), row.data.as_str().into(), row.signed_in.into(), row.expires_at.into()];
    Ok(execute(db, sql, values).await? == 1)
}

/// Forgets the browser `id_hash` if it is signed in. One that is not holds nothing but requests that were begun in it,
/// perhaps in another tab that is just about to go on: it is left to expire.
pub async fn remove_signed_in(db: &impl ConnectionTrait, id_hash: &str) -> Result<(), StoreError> {
    execute(db, "DELETE FROM browsers WHERE id_hash = $1 AND signed_in = $2", [id_hash.into(), true.into()]).await?;
    Ok(())
}

/// Forgets up to `limit` browsers whose time is up; gives their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM browsers WHERE id_hash IN (SELECT id_hash FROM browsers WHERE expires_at <= $1 LIMIT $2)";
    execute(db, sql, [now.into(), limit.into()]).await
}
