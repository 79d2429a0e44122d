//! What users have allowed clients, and remember having allowed.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::scope::{ScopeSet, words};
use crate::store::{Columns, StoreError, execute, query_all, query_one};

/// One consent.
#[derive(Debug, Clone)]
pub struct Consent {
    /// To which client.
    pub client_id: String,
    /// The scopes.
    pub scope: ScopeSet,
    /// When it was last given, in Unix seconds.
    pub given_at: UnixSeconds,
}

/// What `user` has allowed `client`.
pub async fn scopes(db: &impl ConnectionTrait, user: Uuid, client: &str) -> Result<ScopeSet, StoreError> {
    let sql = "SELECT scope FROM consents WHERE user_id = $1 AND client_id = $2";
    match query_one(db, sql, [user.into(), client.into()]).await? {
        Some(row) => Ok(words(&Columns::of(&row).take::<String>()?).collect()),
        None => Ok(ScopeSet::default()),
    }
}

/// Remembers that `user` allows `client` the scopes of `more`, too; gives all that are allowed now. In the caller's
/// transaction, which no other one that asks here can overtake.
pub async fn give(db: &impl ConnectionTrait, user: Uuid, client: &str, more: &ScopeSet, now: UnixSeconds) -> Result<ScopeSet, StoreError> {
    // The first statement takes the row, so that what is read next is the latest.
    let sql = "INSERT INTO consents (user_id, client_id, scope, given_at) VALUES ($1, $2, '', $3) \
               ON CONFLICT (user_id, client_id) DO UPDATE SET given_at = $3";
    execute(db, sql, [user.into(), client.into(), now.into()]).await?;
    let all: ScopeSet = scopes(db, user, client).await?.iter().chain(more.iter()).collect();
    let sql = "UPDATE consents SET scope = $3 WHERE user_id = $1 AND client_id = $2";
    execute(db, sql, [user.into(), client.into(), all.to_string().into()]).await?;
    Ok(all)
}

/// Whether `user` allows `client` all of `scope`, until the caller's transaction ends: who withdraws it waits for that.
pub async fn holds(db: &impl ConnectionTrait, user: Uuid, client: &str, scope: &ScopeSet) -> Result<bool, StoreError> {
    let sql = "UPDATE consents SET given_at = given_at WHERE user_id = $1 AND client_id = $2";
    let is_there = execute(db, sql, [user.into(), client.into()]).await? == 1;
    Ok(is_there && scope.is_subset(&scopes(db, user, client).await?))
}

/// Forgets it. False if there was none.
pub async fn withdraw(db: &impl ConnectionTrait, user: Uuid, client: &str) -> Result<bool, StoreError> {
    Ok(execute(db, "DELETE FROM consents WHERE user_id = $1 AND client_id = $2", [user.into(), client.into()]).await? == 1)
}

/// All consents of `user`, by the client's name.
pub async fn of_user(db: &impl ConnectionTrait, user: Uuid) -> Result<Vec<Consent>, StoreError> {
    let sql = "SELECT k.client_id, k.scope, k.given_at FROM consents k JOIN clients c ON c.id = k.client_id \
               WHERE k.user_id = $1 ORDER BY c.name, c.id";
    let consent = |row: &sea_orm::QueryResult| {
        let mut columns = Columns::of(row);
        Ok(Consent { client_id: columns.take()?, scope: words(&columns.take::<String>()?).collect(), given_at: columns.take()? })
    };
    query_all(db, sql, [user.into()]).await?.iter().map(consent).collect()
}
