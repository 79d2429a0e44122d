//! The browsers in which a user has signed in. The table stores the hash of the cookie's id, never the id itself. What a row says is never
//! changed, because each change gives the cookie a new id and so a new row; the old row expires at once.

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

/// Returns the browser `id_hash`, if it has expired at `now`, but not before `since`.
pub async fn find_expired(
    db: &impl ConnectionTrait,
    id_hash: &str,
    since: UnixSeconds,
    now: UnixSeconds,
) -> Result<Option<BrowserRow>, StoreError> {
    Ok(Entity::find_by_id(id_hash).filter(Column::ExpiresAt.between(since, now)).all(db).await?.pop())
}

/// Lets the browser `id_hash` expire at `now`, unless it has expired already.
pub async fn expire(db: &impl ConnectionTrait, id_hash: &str, now: UnixSeconds) -> Result<(), StoreError> {
    let live = Entity::update_many().filter(Column::IdHash.eq(id_hash)).filter(Column::ExpiresAt.gt(now));
    live.col_expr(Column::ExpiresAt, now.into()).exec(db).await?;
    Ok(())
}

/// Deletes up to `limit` browsers that have expired at `now`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::ExpiresAt.lte(now), limit).await
}
