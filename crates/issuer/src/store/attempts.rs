//! Counters of password guesses. Counting and refusing are one statement, so that parallel guesses cannot slip through.

use sea_orm::ConnectionTrait;

use crate::clock::UnixSeconds;
use crate::store::{StoreError, execute, query_one};

/// An account that nobody tried for this long starts anew, in seconds.
const FORGET_AFTER: UnixSeconds = 3600;

/// Counts an attempt on an account. From the `limit`-th on, the next must wait 1, 2, 4, … up to `max_delay` seconds.
/// False (and nothing counted) while it must wait.
pub async fn count_account(
    db: &impl ConnectionTrait,
    key: &str,
    limit: i32,
    max_delay: UnixSeconds,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO attempts (key, count, counted_since, last_at, blocked_until) \
               VALUES ($1, 1, $2, $2, CASE WHEN $3 <= 1 THEN $2 + 1 ELSE 0 END) \
               ON CONFLICT (key) DO UPDATE SET \
                 count = CASE WHEN attempts.last_at + $5 <= $2 THEN 1 ELSE attempts.count + 1 END, \
                 last_at = $2, \
                 blocked_until = CASE \
                   WHEN attempts.last_at + $5 <= $2 OR attempts.count + 1 < $3 THEN 0 \
                   WHEN attempts.count + 1 - $3 > 20 OR (1 << (attempts.count + 1 - $3)) > $4 THEN $2 + $4 \
                   ELSE $2 + (1 << (attempts.count + 1 - $3)) END \
               WHERE attempts.blocked_until <= $2 OR attempts.blocked_until > $2 + $4";
    Ok(execute(db, sql, [key.into(), now.into(), limit.into(), max_delay.into(), FORGET_AFTER.into()]).await? == 1)
}

/// Counts an attempt from an address. False (and nothing counted) when `limit` were counted within `window` seconds.
pub async fn count_address(
    db: &impl ConnectionTrait,
    key: &str,
    limit: i32,
    window: UnixSeconds,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    let over = "(attempts.counted_since + $4 <= $2 OR attempts.counted_since > $2)";
    let sql = format!(
        "INSERT INTO attempts (key, count, counted_since, last_at, blocked_until) VALUES ($1, 1, $2, $2, 0) \
         ON CONFLICT (key) DO UPDATE SET \
           count = CASE WHEN {over} THEN 1 ELSE attempts.count + 1 END, \
           counted_since = CASE WHEN {over} THEN $2 ELSE attempts.counted_since END, \
           last_at = $2 \
         WHERE attempts.count < $3 OR {over}"
    );
    Ok(execute(db, &sql, [key.into(), now.into(), limit.into(), window.into()]).await? == 1)
}

/// When the account's next attempt, and when the address's next window begins.
pub async fn waits_until(db: &impl ConnectionTrait, key: &str, window: UnixSeconds) -> Result<Option<UnixSeconds>, StoreError> {
    let sql = "SELECT CASE WHEN blocked_until > 0 THEN blocked_until ELSE counted_since + $2 END AS until FROM attempts WHERE key = $1";
    match query_one(db, sql, [key.into(), window.into()]).await? {
        Some(row) => Ok(row.try_get("", "until")?),
        None => Ok(None),
    }
}

/// After a success: the account starts anew, and the address gets its attempt back.
pub async fn succeed(db: &impl ConnectionTrait, account: &str, address: &str) -> Result<(), StoreError> {
    let sql = "UPDATE attempts SET count = CASE WHEN key = $1 THEN 0 ELSE count - 1 END, \
               blocked_until = CASE WHEN key = $1 THEN 0 ELSE blocked_until END WHERE key IN ($1, $2) AND count > 0";
    execute(db, sql, [account.into(), address.into()]).await?;
    Ok(())
}

/// Takes one attempt back from each, because it came to nothing.
pub async fn give_back(db: &impl ConnectionTrait, account: &str, address: &str) -> Result<(), StoreError> {
    execute(db, "UPDATE attempts SET count = count - 1 WHERE key IN ($1, $2) AND count > 0", [account.into(), address.into()]).await?;
    Ok(())
}

/// Forgets up to `limit` counters that nobody touched since `before`; gives their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM attempts WHERE key IN (SELECT key FROM attempts WHERE last_at < $1 LIMIT $2)";
    execute(db, sql, [before.into(), limit.into()]).await
}
