//! The secrets of clients. A client has at most two: the current one, and the one before it.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use crate::clock::UnixSeconds;
use crate::oauth::scope::words;
use crate::store::entity::client_secrets::{Column, Entity};
use crate::store::{StoreError, query};

pub use crate::store::entity::client_secrets::Model as SecretRow;

/// An SQL expression: the hashes of the client's secrets, each followed by its end date or `-`, separated by spaces.
pub(super) const SECRETS: &str = "COALESCE((SELECT string_agg(client_secrets.hash || ' ' || COALESCE(CAST(client_secrets.expires_at AS TEXT), '-'), ' ') \
     FROM client_secrets WHERE client_secrets.client_id = clients.id), '')";

/// A secret of a client, as authentication needs it.
#[derive(Clone)]
pub struct Secret {
    /// The SHA-256 in base64url.
    pub hash: String,
    /// Unix seconds; `None` if it is valid until the next rotation but one.
    expires_at: Option<UnixSeconds>,
}

impl Secret {
    /// Returns whether the secret is valid at `now`.
    pub fn is_valid(&self, now: UnixSeconds) -> bool {
        self.expires_at.is_none_or(|until| until > now)
    }

    /// Parses the value of [`SECRETS`], pairs of a hash and an end date.
    pub(super) fn parse(text: &str) -> Vec<Self> {
        let words: Vec<&str> = words(text).collect();
        let secret = |pair: &[&str]| Self { hash: pair[0].to_owned(), expires_at: pair[1].parse().ok() };
        words.chunks_exact(2).map(secret).collect()
    }
}

/// Returns the secrets of the clients `ids` that have not ended at `now`, the newest of each client first.
pub async fn of(db: &impl ConnectionTrait, ids: &[&str], now: UnixSeconds) -> Result<HashMap<String, Vec<SecretRow>>, StoreError> {
    let own = Entity::find().filter(Column::ClientId.is_in(ids.iter().copied()));
    let rows = own.order_by_desc(Column::CreatedAt).all(db).await?;
    let mut secrets: HashMap<String, Vec<SecretRow>> = HashMap::new();
    for row in rows.into_iter().filter(|row| row.expires_at.is_none_or(|until| until > now)) {
        secrets.entry(row.client_id.clone()).or_default().push(row);
    }
    Ok(secrets)
}

/// Inserts a secret of the client `id`, which has this hash.
pub async fn insert(db: &impl ConnectionTrait, id: &str, hash: String, now: UnixSeconds) -> Result<(), StoreError> {
    let row = SecretRow { hash, client_id: id.to_owned(), created_at: now, expires_at: None, last_used_at: None };
    Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Gives the secret of the client `id` that has this hash the end date `at`.
pub async fn set_end(db: &impl ConnectionTrait, id: &str, hash: &str, at: UnixSeconds) -> Result<(), StoreError> {
    let own = Entity::update_many().filter(Column::ClientId.eq(id)).filter(Column::Hash.eq(hash));
    own.col_expr(Column::ExpiresAt, Expr::value(at)).exec(db).await?;
    Ok(())
}

/// Deletes the secrets of the client `id`, except the one with the hash `kept`.
pub async fn remove(db: &impl ConnectionTrait, id: &str, kept: Option<&str>) -> Result<(), StoreError> {
    let mut own = Entity::delete_many().filter(Column::ClientId.eq(id));
    if let Some(kept) = kept {
        own = own.filter(Column::Hash.ne(kept));
    }
    own.exec(db).await?;
    Ok(())
}

/// Returns up to `limit` secrets that were made before `before` and have not ended at `now`, the oldest first.
pub async fn older_than(
    db: &impl ConnectionTrait,
    before: UnixSeconds,
    now: UnixSeconds,
    limit: u64,
) -> Result<Vec<SecretRow>, StoreError> {
    let valid = Column::ExpiresAt.is_null().or(Column::ExpiresAt.gt(now));
    Ok(Entity::find().filter(Column::CreatedAt.lt(before)).filter(valid).order_by_asc(Column::CreatedAt).limit(limit).all(db).await?)
}

/// Deletes up to `limit` secrets that ended before `now`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::ExpiresAt.lte(now), limit).await
}
