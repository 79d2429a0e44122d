//! Authorizations: one row per user authorization, with or without a refresh token.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, Value};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::claims_request::ClaimsRequest;
use crate::store::clients::{CLIENT_COLUMNS, Client};
use crate::store::users::{USER_COLUMNS, User};
use crate::store::{Columns, StoreError, batch, execute, locked, query_all, query_one};

/// One authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRow {
    /// Its id.
    pub id: Uuid,
    /// Who gave it.
    pub user_id: Uuid,
    /// To which client.
    pub client_id: String,
    /// All scopes that were granted, space-separated.
    pub scope: String,
    /// Identifiers of the resources that it was given for, space-separated; any if empty.
    pub resources: String,
    /// The `claims` parameter, as JSON.
    pub claims: Option<String>,
    /// Whether it has refresh tokens.
    pub refreshable: bool,
    /// Goes into the MAC of its refresh tokens.
    pub salt: Vec<u8>,
    /// Version of the master key that makes that MAC.
    pub key_version: i32,
    /// How often it was refreshed.
    pub generation: i32,
    /// When it was given, in Unix seconds.
    pub created_at: UnixSeconds,
    /// When it was last refreshed.
    pub refreshed_at: UnixSeconds,
    /// When it ends in any case.
    pub expires_at: UnixSeconds,
    /// When the user had signed in.
    pub auth_time: UnixSeconds,
    /// How strongly.
    pub acr: String,
    /// By which means, space-separated.
    pub amr: String,
    /// In which session.
    pub sid: Option<String>,
    /// Whether it outlives that session.
    pub offline: bool,
    /// When that session ends, as far as is known now; none if it has ended or there is none. Read, never written.
    pub session_expires_at: Option<UnixSeconds>,
    /// When it was ended.
    pub ended_at: Option<UnixSeconds>,
}

impl AuthorizationRow {
    /// The `claims` parameter.
    pub fn requested_claims(&self) -> Result<ClaimsRequest, StoreError> {
        let Some(json) = &self.claims else { return Ok(ClaimsRequest::default()) };
        serde_json::from_str(json).map_err(|error| StoreError::Corrupt(format!("claims of the authorization {}: {error}", self.id)))
    }

    /// Whether it was not refreshed for `idle` seconds at `now`; a clock that was set back counts as no time.
    pub fn is_idle(&self, now: UnixSeconds, idle: UnixSeconds) -> bool {
        (now - self.refreshed_at).max(0) >= idle
    }

    /// Whether the row itself, and the session that it needs, live at `now`.
    pub fn is_live(&self, now: UnixSeconds) -> bool {
        let in_session = self.sid.is_none() || self.offline || self.session_expires_at.is_some_and(|until| until > now);
        self.ended_at.is_none() && self.expires_at > now && in_session
    }
}

/// What [`read`] reads, in its order.
const COLUMNS: &str = "a.id, a.user_id, a.client_id, a.scope, a.resources, a.claims, a.refreshable, a.salt, a.key_version, a.generation, \
     a.created_at, a.refreshed_at, a.expires_at, a.auth_time, a.acr, a.amr, a.sid, a.offline, a.ended_at, \
     (SELECT s.expires_at FROM sessions s WHERE s.sid = a.sid AND s.ended_at IS NULL)";

/// Holds while the user and the client of the row may act.
const PARTIES_ENABLED: &str = "EXISTS (SELECT 1 FROM users u WHERE u.id = authorizations.user_id AND u.disabled_at IS NULL) \
     AND EXISTS (SELECT 1 FROM clients c WHERE c.id = authorizations.client_id AND c.disabled_at IS NULL)";

fn read(columns: &mut Columns<'_>) -> Result<AuthorizationRow, StoreError> {
    Ok(AuthorizationRow {
        id: columns.take()?,
        user_id: columns.take()?,
        client_id: columns.take()?,
        scope: columns.take()?,
        resources: columns.take()?,
        claims: columns.take()?,
        refreshable: columns.take()?,
        salt: columns.take()?,
        key_version: columns.take()?,
        generation: columns.take()?,
        created_at: columns.take()?,
        refreshed_at: columns.take()?,
        expires_at: columns.take()?,
        auth_time: columns.take()?,
        acr: columns.take()?,
        amr: columns.take()?,
        sid: columns.take()?,
        offline: columns.take()?,
        ended_at: columns.take()?,
        session_expires_at: columns.take()?,
    })
}

/// The authorizations of `ids` with their users, in their order.
pub(super) async fn with_users(db: DatabaseConnection, ids: Vec<Uuid>) -> Result<Vec<Option<(AuthorizationRow, User)>>, StoreError> {
    let mut values: Vec<Value> = ids.iter().map(|id| (*id).into()).collect();
    let placeholders = batch::placeholders(&mut values);
    let sql =
        format!("SELECT {COLUMNS}, {USER_COLUMNS} FROM authorizations a JOIN users u ON u.id = a.user_id WHERE a.id IN ({placeholders})");
    let rows = query_all(&db, &sql, values).await?;
    let with_user = |row| {
        let mut columns = Columns::of(row);
        Ok((read(&mut columns)?, User::read(&mut columns)?))
    };
    let found = rows.iter().map(with_user).collect::<Result<Vec<_>, StoreError>>()?;
    Ok(ids.iter().map(|id| found.iter().find(|(row, _)| row.id == *id).cloned()).collect())
}

/// The authorization `id` with its user and its client.
pub async fn with_parties(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<(AuthorizationRow, User, Client)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, {USER_COLUMNS}, {CLIENT_COLUMNS} FROM authorizations a JOIN users u ON u.id = a.user_id \
         JOIN clients c ON c.id = a.client_id LEFT JOIN resources r ON r.id = c.default_resource WHERE a.id = $1"
    );
    let row = query_one(db, &sql, [id.into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let mut columns = Columns::of(&row);
    Ok(Some((read(&mut columns)?, User::read(&mut columns)?, Client::read(&mut columns)?)))
}

/// Lets nobody change the user and the client until the caller's transaction ends.
pub async fn hold_parties(db: &impl ConnectionTrait, user: Uuid, client: &str) -> Result<(), StoreError> {
    let sql = "SELECT 1 AS one FROM users u, clients c WHERE u.id = $1 AND c.id = $2".to_owned() + &locked(db, "SHARE OF u, c");
    query_one(db, &sql, [user.into(), client.into()]).await?;
    Ok(())
}

/// Inserts `row` if its user and client are enabled, its session (if any) has not ended, and the user's
/// credentials are of `credential_version`. False if not. Whoever changes those waits, and then finds the row.
pub async fn insert(db: &impl ConnectionTrait, row: &AuthorizationRow, credential_version: i32) -> Result<bool, StoreError> {
    let sql = "INSERT INTO authorizations (id, user_id, client_id, scope, refreshable, salt, key_version, generation, created_at, \
               refreshed_at, expires_at, auth_time, acr, amr, sid, offline, resources, claims) \
               SELECT $1, u.id, c.id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $17, $18, $19 FROM users u, clients c \
               WHERE u.id = $2 AND u.disabled_at IS NULL AND u.credential_version = $16 AND c.id = $3 AND c.disabled_at IS NULL \
               AND ($15 IS NULL OR EXISTS (SELECT 1 FROM sessions s WHERE s.sid = $15 AND s.ended_at IS NULL))"
        .to_owned()
        + &locked(db, "SHARE OF u, c");
    let values = [
        row.id.into(),
        row.user_id.into(),
        row.client_id.as_str().into(),
        row.scope.as_str().into(),
        row.refreshable.into(),
        row.salt.clone().into(),
        row.key_version.into(),
        row.generation.into(),
        row.created_at.into(),
        row.refreshed_at.into(),
        row.expires_at.into(),
        row.auth_time.into(),
        row.acr.as_str().into(),
        row.amr.as_str().into(),
        row.sid.clone().into(),
        credential_version.into(),
        row.offline.into(),
        row.resources.as_str().into(),
        row.claims.clone().into(),
    ];
    Ok(execute(db, &sql, values).await? == 1)
}

/// A step to the next generation.
#[derive(Debug, Clone, Copy)]
pub struct Advance {
    /// Which authorization.
    pub id: Uuid,
    /// The generation that is spent.
    pub from: i32,
    /// When, in Unix seconds.
    pub now: UnixSeconds,
}

/// Advances each authorization of `steps` by one generation, if it lives and its user and client are enabled, in one
/// statement. True for the steps that were made; of two equal ones only the first is.
pub(super) async fn advance(db: DatabaseConnection, steps: Vec<Advance>) -> Result<Vec<bool>, StoreError> {
    let now = steps.iter().map(|step| step.now).max().unwrap_or_default();
    let mut values: Vec<Value> = steps.iter().map(|step| step.id.into()).collect();
    let ids = batch::placeholders(&mut values);
    let mut generations: Vec<Value> = steps.iter().map(|step| step.from.into()).collect();
    batch::placeholders(&mut generations);
    let count = values.len();
    let each: Vec<String> = (1..=count).map(|number| format!("id = ${number} AND generation = ${}", count + number)).collect();
    values.extend(generations);
    values.push(now.into());
    let now = 2 * count + 1;
    let sql = format!(
        "UPDATE authorizations SET generation = generation + 1, refreshed_at = ${now} \
         WHERE id IN ({ids}) AND ({}) AND ended_at IS NULL AND expires_at > ${now} AND {PARTIES_ENABLED} RETURNING id, generation",
        each.join(" OR ")
    );
    let rows = query_all(&db, &sql, values).await?;
    let mut made = rows
        .iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok((columns.take()?, columns.take()?))
        })
        .collect::<Result<HashSet<(Uuid, i32)>, StoreError>>()?;
    Ok(steps.iter().map(|step| made.remove(&(step.id, step.from + 1))).collect())
}

/// Ends the authorization `id`, and with it all that came of it. False if it has ended before, or never was.
pub async fn end(db: &impl ConnectionTrait, id: Uuid, now: UnixSeconds) -> Result<bool, StoreError> {
    Ok(execute(db, "UPDATE authorizations SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", [id.into(), now.into()]).await? == 1)
}

/// Ends all authorizations of a user, or of a client, or of a user with a client; gives their number.
pub async fn end_all(db: &impl ConnectionTrait, user: Option<Uuid>, client: Option<&str>, now: UnixSeconds) -> Result<u64, StoreError> {
    let (filter, values) = filter(user, client);
    end_where(db, &filter, values, now).await
}

/// Ends the authorizations that were given in the session `sid` and do not outlive it; gives their number.
pub async fn end_of_session(db: &impl ConnectionTrait, sid: &str, now: UnixSeconds) -> Result<u64, StoreError> {
    end_where(db, " AND a.sid = $1 AND NOT a.offline", vec![sid.into()], now).await
}

/// Ends the authorizations of `user` that were given in sessions other than `sid` and do not outlive those; gives their number.
pub async fn end_of_other_sessions(db: &impl ConnectionTrait, user: Uuid, sid: &str, now: UnixSeconds) -> Result<u64, StoreError> {
    end_where(db, " AND a.user_id = $1 AND a.sid <> $2 AND NOT a.offline", vec![user.into(), sid.into()], now).await
}

/// Ends all authorizations of `user` that were not given in the session `sid`, those that outlive a session too.
pub async fn end_elsewhere(db: &impl ConnectionTrait, user: Uuid, sid: &str, now: UnixSeconds) -> Result<u64, StoreError> {
    end_where(db, " AND a.user_id = $1 AND (a.sid IS NULL OR a.sid <> $2)", vec![user.into(), sid.into()], now).await
}

/// Ends those that `filter` lets through. Rows are locked in the order of their ids, so that two who end some of the same
/// never wait for each other in a circle.
async fn end_where(db: &impl ConnectionTrait, filter: &str, mut values: Vec<Value>, now: UnixSeconds) -> Result<u64, StoreError> {
    values.push(now.into());
    let sql = format!(
        "UPDATE authorizations SET ended_at = ${} WHERE id IN \
         (SELECT a.id FROM authorizations a WHERE a.ended_at IS NULL{filter} ORDER BY a.id{})",
        values.len(),
        locked(db, "UPDATE")
    );
    execute(db, &sql, values).await
}

/// Holds while an authorization can still be used: `now` and `unused_since` are the numbers of values.
fn is_live(now: usize, unused_since: usize) -> String {
    format!(
        "a.ended_at IS NULL AND a.expires_at > ${now} AND (NOT a.refreshable OR a.refreshed_at > ${unused_since}) \
         AND (a.sid IS NULL OR a.offline OR EXISTS \
           (SELECT 1 FROM sessions s WHERE s.sid = a.sid AND s.ended_at IS NULL AND s.expires_at > ${now}))"
    )
}

/// The versions of the master key that authenticate the refresh tokens of authorizations that live at `now` and were
/// refreshed within `idle` seconds.
pub async fn key_versions(db: &impl ConnectionTrait, now: UnixSeconds, idle: UnixSeconds) -> Result<Vec<i32>, StoreError> {
    let sql = format!("SELECT DISTINCT a.key_version FROM authorizations a WHERE a.refreshable AND {}", is_live(1, 2));
    query_all(db, &sql, [now.into(), (now - idle).into()]).await?.iter().map(|row| Columns::of(row).take()).collect()
}

/// The authorizations of a user and/or client that live at `now` and were refreshed within `idle` seconds, with the names
/// of their users, the latest first.
pub async fn live(
    db: &impl ConnectionTrait,
    user: Option<Uuid>,
    client: Option<&str>,
    now: UnixSeconds,
    idle: UnixSeconds,
) -> Result<Vec<(AuthorizationRow, String)>, StoreError> {
    let (filter, mut values) = filter(user, client);
    values.extend([now.into(), (now - idle).into()]);
    let sql = format!(
        "SELECT {COLUMNS}, u.username FROM authorizations a JOIN users u ON u.id = a.user_id WHERE {}{filter} ORDER BY a.created_at DESC, a.id",
        is_live(values.len() - 1, values.len())
    );
    let with_username = |row| {
        let mut columns = Columns::of(row);
        Ok((read(&mut columns)?, columns.take()?))
    };
    query_all(db, &sql, values).await?.iter().map(with_username).collect()
}

fn filter(user: Option<Uuid>, client: Option<&str>) -> (String, Vec<Value>) {
    let (mut sql, mut values) = (String::new(), Vec::new());
    if let Some(user) = user {
        values.push(user.into());
        sql += &format!(" AND a.user_id = ${}", values.len());
    }
    if let Some(client) = client {
        values.push(client.into());
        sql += &format!(" AND a.client_id = ${}", values.len());
    }
    (sql, values)
}

/// Forgets up to `limit` authorizations that ended or expired before `before`; gives their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM authorizations WHERE id IN (SELECT id FROM authorizations WHERE expires_at < $1 OR ended_at < $1 LIMIT $2)";
    execute(db, sql, [before.into(), limit.into()]).await
}
