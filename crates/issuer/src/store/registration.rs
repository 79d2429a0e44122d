//! Secrets of clients that register or authenticate themselves: initial access tokens, and assertions that were used.

use sea_orm::ConnectionTrait;

use crate::clock::UnixSeconds;
use crate::store::{StoreError, execute};

/// Adds an initial access token that is good for `uses` registrations until `expires_at`.
pub async fn insert_token(db: &impl ConnectionTrait, hash: &str, uses: i32, expires_at: UnixSeconds) -> Result<(), StoreError> {
    let sql = "INSERT INTO registration_tokens (hash, uses_left, expires_at) VALUES ($1, $2, $3)";
    execute(db, sql, [hash.into(), uses.into(), expires_at.into()]).await?;
    Ok(())
}

/// Uses an initial access token once. False if it is unknown, expired or used up.
pub async fn use_token(db: &impl ConnectionTrait, hash: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let sql = "UPDATE registration_tokens SET uses_left = uses_left - 1 WHERE hash = $1 AND uses_left > 0 AND expires_at > $2";
    Ok(execute(db, sql, [hash.into(), now.into()]).await? == 1)
}

/// Whether an initial access token is good, without using it.
pub async fn token_is_good(db: &impl ConnectionTrait, hash: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS one FROM registration_tokens WHERE hash = $1 AND uses_left > 0 AND expires_at > $2";
    Ok(crate::store::query_one(db, sql, [hash.into(), now.into()]).await?.is_some())
}

/// Notes that the client assertion `hash` was used. False if it was noted before.
pub async fn use_assertion(db: &impl ConnectionTrait, hash: &str, expires_at: UnixSeconds) -> Result<bool, StoreError> {
    let sql = "INSERT INTO client_assertions (hash, expires_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
    Ok(execute(db, sql, [hash.into(), expires_at.into()]).await? == 1)
}

/// Forgets up to `limit` tokens and assertions whose time is up; gives their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let mut gone = 0;
    for table in ["registration_tokens", "client_assertions"] {
        let sql = format!("DELETE FROM {table} WHERE hash IN (SELECT hash FROM {table} WHERE expires_at <= $1 LIMIT $2)");
        gone += execute(db, &sql, [now.into(), limit.into()]).await?;
    }
    Ok(gone)
}
