//! The client assertions that were used, so that none is accepted twice (RFC 7523 §3).

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel};

use crate::clock::UnixSeconds;
use crate::store::entity::client_assertions::{Column, Entity, Model};
use crate::store::{StoreError, query};

/// Stores that the assertion with this hash was used, until `expires_at`. Returns `false` if the assertion was used before.
pub async fn spend(db: &impl ConnectionTrait, hash: &str, expires_at: UnixSeconds) -> Result<bool, StoreError> {
    let assertion = Model { hash: hash.to_owned(), expires_at };
    let unless_known = OnConflict::column(Column::Hash).do_nothing().to_owned();
    Ok(Entity::insert(assertion.into_active_model()).on_conflict(unless_known).exec_without_returning(db).await? == 1)
}

/// Deletes up to `limit` assertions that have expired at `now`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::ExpiresAt.lte(now), limit).await
}
