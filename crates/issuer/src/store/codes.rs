//! Authorization codes, by their hash. A spent one is kept until the tokens that it gave have ended, so that its second
//! use is noticed.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::users::{USER_COLUMNS, User};
use crate::store::{Columns, StoreError, execute, query_one};

/// One code.
#[derive(Debug, Clone)]
pub struct CodeRow {
    /// SHA-256 of the code, in base64url.
    pub hash: String,
    /// The authorization that redeeming it gives.
    pub authorization_id: Uuid,
    /// For which client.
    pub client_id: String,
    /// Who gave it.
    pub user_id: Uuid,
    /// Where it was sent.
    pub redirect_uri: String,
    /// What its redeemer must know (RFC 7636).
    pub code_challenge: Option<String>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// What was granted, space-separated.
    pub scope: String,
    /// Identifiers of the resources asked for, space-separated.
    pub resources: String,
    /// The `claims` parameter, as JSON.
    pub claims: Option<String>,
    /// The session in which it was given.
    pub sid: String,
    /// When the user had signed in, in Unix seconds.
    pub auth_time: UnixSeconds,
    /// How strongly.
    pub acr: String,
    /// By which means.
    pub amr: String,
    /// When it is too late.
    pub expires_at: UnixSeconds,
    /// When it was redeemed.
    pub spent_at: Option<UnixSeconds>,
}

/// Adds a code.
pub async fn insert(db: &impl ConnectionTrait, row: &CodeRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO authorization_codes (hash, authorization_id, client_id, user_id, redirect_uri, code_challenge, nonce, scope, \
               resources, claims, sid, auth_time, acr, amr, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let values = [
        row.hash.as_str().into(),
        row.authorization_id.into(),
        row.client_id.as_str().into(),
        row.user_id.into(),
        row.redirect_uri.as_str().into(),
        row.code_challenge.clone().into(),
        row.nonce.clone().into(),
        row.scope.as_str().into(),
        row.resources.as_str().into(),
        row.claims.clone().into(),
        row.sid.as_str().into(),
        row.auth_time.into(),
        row.acr.as_str().into(),
        row.amr.as_str().into(),
        row.expires_at.into(),
    ];
    execute(db, sql, values).await?;
    Ok(())
}

/// The code `hash` with its user.
pub async fn find(db: &impl ConnectionTrait, hash: &str) -> Result<Option<(CodeRow, User)>, StoreError> {
    let sql = format!(
        "SELECT k.hash, k.authorization_id, k.client_id, k.user_id, k.redirect_uri, k.code_challenge, k.nonce, k.scope, k.resources, \
         k.claims, k.sid, k.auth_time, k.acr, k.amr, k.expires_at, k.spent_at, {USER_COLUMNS} \
         FROM authorization_codes k JOIN users u ON u.id = k.user_id WHERE k.hash = $1"
    );
    let Some(row) = query_one(db, &sql, [hash.into()]).await? else { return Ok(None) };
    let mut columns = Columns::of(&row);
    let code = CodeRow {
        hash: columns.take()?,
        authorization_id: columns.take()?,
        client_id: columns.take()?,
        user_id: columns.take()?,
        redirect_uri: columns.take()?,
        code_challenge: columns.take()?,
        nonce: columns.take()?,
        scope: columns.take()?,
        resources: columns.take()?,
        claims: columns.take()?,
        sid: columns.take()?,
        auth_time: columns.take()?,
        acr: columns.take()?,
        amr: columns.take()?,
        expires_at: columns.take()?,
        spent_at: columns.take()?,
    };
    Ok(Some((code, User::read(&mut columns)?)))
}

/// Spends the code `hash`. False if that was done before, or it is gone.
pub async fn spend(db: &impl ConnectionTrait, hash: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let sql = "UPDATE authorization_codes SET spent_at = $2 WHERE hash = $1 AND spent_at IS NULL";
    Ok(execute(db, sql, [hash.into(), now.into()]).await? == 1)
}

/// Forgets the codes that are not spent, of a user, or for a client, or both.
pub async fn withdraw(db: &impl ConnectionTrait, user: Option<Uuid>, client: Option<&str>) -> Result<(), StoreError> {
    let sql = "DELETE FROM authorization_codes WHERE spent_at IS NULL AND user_id = COALESCE($1, user_id) AND client_id = COALESCE($2, client_id)";
    execute(db, sql, [user.into(), client.into()]).await?;
    Ok(())
}

/// Forgets up to `limit` codes that expired before `before` and whose authorization is gone; gives their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM authorization_codes WHERE hash IN (SELECT k.hash FROM authorization_codes k WHERE k.expires_at < $1 \
               AND NOT EXISTS (SELECT 1 FROM authorizations a WHERE a.id = k.authorization_id) LIMIT $2)";
    execute(db, sql, [before.into(), limit.into()]).await
}
