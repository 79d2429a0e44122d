//! The browsers in which a user has signed in. The table stores the hash of the cookie's id, never the id itself. A row is never updated,
//! because each change gives the cookie a new id and so a new row.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};

use crate::clock::UnixSeconds;
use crate::store::entity::browsers::{Column, Entity};
use crate::store::{StoreError, query};

pub use crate::store::entity::browsers::Model as BrowserRow;

/// Inserts `row`. Returns `false` if there is already a row with this hash.
pub async fn insert(db: &impl ConnectionTrait, row: BrowserRow) -> Result<bool, StoreError> {
    let unless_known = OnConflict::column(Column::IdHash).do_nothing().to_owned();
    Ok(Entity::insert(row.into_active_model()).on_conflict(unless_known).exec_without_returning(db).await? == 1)
}

/// Returns the browser `id_hash`, if it is known and has not expired at `now`.
pub async fn find(db: &impl ConnectionTrait, id_hash: &str, now: UnixSeconds) -> Result<Option<BrowserRow>, StoreError> {
    Ok(Entity::find_by_id(id_hash).filter(Column::ExpiresAt.gt(now)).all(db).await?.pop())
}

/// Deletes the browser `id_hash`.
pub async fn remove(db: &impl ConnectionTrait, id_hash: &str) -> Result<(), StoreError> {
    Entity::delete_by_id(id_hash).exec(db).await?;
    Ok(())
}

/// Deletes up to `limit` browsers that have expired at `now`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::ExpiresAt.lte(now), limit).await
}
