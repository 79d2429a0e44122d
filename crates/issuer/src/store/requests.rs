//! Authorization requests that wait for the person, each in the browser in which it was begun.

use sea_orm::ConnectionTrait;

use crate::clock::UnixSeconds;
use crate::store::{Columns, StoreError, execute, query_one};

/// Requests that may wait in one browser; the oldest gives way.
const MOST: i64 = 10;

/// Adds the request `id`.
pub async fn insert(db: &impl ConnectionTrait, id: &str, browser: &str, request: &str, now: UnixSeconds) -> Result<(), StoreError> {
    let sql = "INSERT INTO waiting_requests (id, browser, request, created_at) VALUES ($1, $2, $3, $4)";
    execute(db, sql, [id.into(), browser.into(), request.into(), now.into()]).await?;
    let sql = "DELETE FROM waiting_requests WHERE browser = $1 AND id <> $2 AND id NOT IN \
               (SELECT id FROM waiting_requests WHERE browser = $1 AND id <> $2 ORDER BY sequence DESC LIMIT $3)";
    execute(db, sql, [browser.into(), id.into(), (MOST - 1).into()]).await?;
    Ok(())
}

/// The request `id`, if it waits in `browser`.
pub async fn find(db: &impl ConnectionTrait, id: &str, browser: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT request FROM waiting_requests WHERE id = $1 AND browser = $2";
    let row = query_one(db, sql, [id.into(), browser.into()]).await?;
    row.map(|row| Columns::of(&row).take()).transpose()
}

/// Replaces `old` by `new`, unless the request was changed or answered meanwhile.
pub async fn replace(db: &impl ConnectionTrait, id: &str, browser: &str, old: &str, new: &str) -> Result<(), StoreError> {
    let sql = "UPDATE waiting_requests SET request = $4 WHERE id = $1 AND browser = $2 AND request = $3";
    execute(db, sql, [id.into(), browser.into(), old.into(), new.into()]).await?;
    Ok(())
}

/// Takes the request `id` away, to answer it. False if another one was first.
pub async fn take(db: &impl ConnectionTrait, id: &str, browser: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM waiting_requests WHERE id = $1 AND browser = $2";
    Ok(execute(db, sql, [id.into(), browser.into()]).await? == 1)
}

/// Forgets up to `limit` requests that came before `before`; gives their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM waiting_requests WHERE id IN (SELECT id FROM waiting_requests WHERE created_at <= $1 LIMIT $2)";
    execute(db, sql, [before.into(), limit.into()]).await
}
