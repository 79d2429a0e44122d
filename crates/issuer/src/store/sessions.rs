//! Sessions: browsers signed in at the issuer.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::users::{USER_COLUMNS, User};
use crate::store::{Columns, StoreError, execute, locked, query_all, query_one};

/// One session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// A random value of its own, never the cookie's.
    pub sid: String,
    /// Who is signed in.
    pub user_id: Uuid,
    /// When they last showed their password, in Unix seconds.
    pub auth_time: UnixSeconds,
    /// How strongly.
    pub acr: String,
    /// By which means.
    pub amr: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// From where it was last used.
    pub address: String,
    /// When it began.
    pub created_at: UnixSeconds,
    /// When it was last used.
    pub last_used_at: UnixSeconds,
    /// When it ends.
    pub expires_at: UnixSeconds,
}

/// What [`read`] reads, in its order.
const COLUMNS: &str = "s.sid, s.user_id, s.auth_time, s.acr, s.amr, s.user_agent, s.address, s.created_at, s.last_used_at, s.expires_at";

fn read(columns: &mut Columns<'_>) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        sid: columns.take()?,
        user_id: columns.take()?,
        auth_time: columns.take()?,
        acr: columns.take()?,
        amr: columns.take()?,
        user_agent: columns.take()?,
        address: columns.take()?,
        created_at: columns.take()?,
        last_used_at: columns.take()?,
        expires_at: columns.take()?,
    })
}

/// The session `sid` with its user, if it lives at `now` and the user is enabled.
pub async fn live(db: &impl ConnectionTrait, sid: &str, now: UnixSeconds) -> Result<Option<(SessionRow, User)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, {USER_COLUMNS} FROM sessions s JOIN users u ON u.id = s.user_id \
         WHERE s.sid = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND u.disabled_at IS NULL"
    );
    let row = query_one(db, &sql, [sid.into(), now.into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let mut columns = Columns::of(&row);
    Ok(Some((read(&mut columns)?, User::read(&mut columns)?)))
}

/// The live sessions of a user, the one that was used last first.
pub async fn of_user(db: &impl ConnectionTrait, user: Uuid, now: UnixSeconds) -> Result<Vec<SessionRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2 ORDER BY s.last_used_at DESC, s.sid"
    );
    query_all(db, &sql, [user.into(), now.into()]).await?.iter().map(|row| read(&mut Columns::of(row))).collect()
}

/// Begins a session, if its user is enabled and their credentials are of `credential_version`. False if not.
pub async fn insert(db: &impl ConnectionTrait, row: &SessionRow, credential_version: i32) -> Result<bool, StoreError> {
    let sql = "INSERT INTO sessions (sid, user_id, auth_time, acr, amr, user_agent, address, created_at, last_used_at, expires_at) \
               SELECT $1, u.id, $3, $4, $5, $6, $7, $8, $9, $10 FROM users u WHERE u.id = $2 AND u.disabled_at IS NULL AND u.credential_version = $11"
        .to_owned()
        + &locked(db, "SHARE OF u");
    let values = [
        row.sid.as_str().into(),
        row.user_id.into(),
        row.auth_time.into(),
        row.acr.as_str().into(),
        row.amr.as_str().into(),
        row.user_agent.as_str().into(),
        row.address.as_str().into(),
        row.created_at.into(),
        row.last_used_at.into(),
        row.expires_at.into(),
        credential_version.into(),
    ];
    Ok(execute(db, &sql, values).await? == 1)
}

/// Notes that the user of a live session has shown their password again, if they are still as they were read.
pub async fn signed_in_again(db: &impl ConnectionTrait, row: &SessionRow, credential_version: i32) -> Result<bool, StoreError> {
    let sql = "UPDATE sessions SET auth_time = $2, acr = $3, amr = $4, last_used_at = $2, expires_at = $5 WHERE sid = $1 AND ended_at IS NULL \
               AND EXISTS (SELECT 1 FROM users u WHERE u.id = sessions.user_id AND u.disabled_at IS NULL AND u.credential_version = $6)";
    let values = [
        row.sid.as_str().into(),
        row.auth_time.into(),
        row.acr.as_str().into(),
        row.amr.as_str().into(),
        row.expires_at.into(),
        credential_version.into(),
    ];
    Ok(execute(db, sql, values).await? == 1)
}

/// Notes that a live session is used, from `address`.
pub async fn touch(
    db: &impl ConnectionTrait,
    sid: &str,
    address: &str,
    now: UnixSeconds,
    expires_at: UnixSeconds,
) -> Result<(), StoreError> {
    let sql = "UPDATE sessions SET last_used_at = $2, expires_at = $3, address = $4 WHERE sid = $1 AND ended_at IS NULL";
    execute(db, sql, [sid.into(), now.into(), expires_at.into(), address.into()]).await?;
    Ok(())
}

/// Ends the session `sid` of `user`. False if it has ended, or is another's.
pub async fn end(db: &impl ConnectionTrait, sid: &str, user: Uuid, now: UnixSeconds) -> Result<bool, StoreError> {
    let sql = "UPDATE sessions SET ended_at = $3 WHERE sid = $1 AND user_id = $2 AND ended_at IS NULL";
    Ok(execute(db, sql, [sid.into(), user.into(), now.into()]).await? == 1)
}

/// Forgets up to `limit` sessions that ended or expired before `before`; gives their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM sessions WHERE sid IN (SELECT sid FROM sessions WHERE expires_at < $1 OR ended_at < $1 LIMIT $2)";
    execute(db, sql, [before.into(), limit.into()]).await
}
