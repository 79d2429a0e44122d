//! What users have allowed clients, and remember having allowed.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::scope::ScopeSet;
use crate::store::{StoreError, execute, query_all, query_one, words};

/// One consent, with the client's name.
#[derive(Debug, Clone)]
pub struct Consent {
    /// To which client.
    pub client_id: String,
    /// What people call it.
    pub client_name: String,
    /// The scopes.
    pub scope: ScopeSet,
    /// When it was last given, in Unix seconds.
    pub given_at: UnixSeconds,
}

/// What `user` has allowed `client`.
pub async fn scopes(db: &impl ConnectionTrait, user: Uuid, client: &str) -> Result<ScopeSet, StoreError> {
    let sql = "SELECT scope FROM consents WHERE user_id = $1 AND client_id = $2";
    match query_one(db, sql, [user.into(), client.into()]).await? {
        Some(row) => Ok(words(&row.try_get::<String>("", "scope")?).collect()),
        None => Ok(ScopeSet::default()),
    }
}

/// Remembers that `user` allows `client` the scopes of `scope`, and no others any more.
pub async fn give(db: &impl ConnectionTrait, user: Uuid, client: &str, scope: &ScopeSet, now: UnixSeconds) -> Result<(), StoreError> {
    let sql = "INSERT INTO consents (user_id, client_id, scope, given_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (user_id, client_id) DO UPDATE SET scope = $3, given_at = $4";
    execute(db, sql, [user.into(), client.into(), scope.to_string().into(), now.into()]).await?;
    Ok(())
}

/// Forgets it. False if there was none.
pub async fn withdraw(db: &impl ConnectionTrait, user: Uuid, client: &str) -> Result<bool, StoreError> {
    Ok(execute(db, "DELETE FROM consents WHERE user_id = $1 AND client_id = $2", [user.into(), client.into()]).await? == 1)
}

/// All consents of `user`, by the client's name.
pub async fn of_user(db: &impl ConnectionTrait, user: Uuid) -> Result<Vec<Consent>, StoreError> {
    let sql = "SELECT k.client_id, c.name, k.scope, k.given_at FROM consents k JOIN clients c ON c.id = k.client_id \
               WHERE k.user_id = $1 ORDER BY c.name, c.id";
    let consent = |row: &sea_orm::QueryResult| {
        Ok(Consent {
            client_id: row.try_get("", "client_id")?,
            client_name: row.try_get("", "name")?,
            scope: words(&row.try_get::<String>("", "scope")?).collect(),
            given_at: row.try_get("", "given_at")?,
        })
    };
    query_all(db, sql, [user.into()]).await?.iter().map(consent).collect()
}
