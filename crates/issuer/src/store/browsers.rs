//! The browsers in which a user has signed in, one row each. A row says in which session the browser was last signed in, and which cookie
//! shows that. Only the transactions that sign a user in, sign the browser out or renew its cookie change a row, and each locks it first. So
//! of two that meet, the later one sees what the earlier one has done.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};

use crate::clock::UnixSeconds;
use crate::store::entity::browsers::{Column, Entity};
use crate::store::{StoreError, query};

pub use crate::store::entity::browsers::Model as BrowserRow;

/// Returns the browser whose cookie has the id with the hash `id_hash`, if it has not expired at `now`.
pub async fn by_cookie(db: &impl ConnectionTrait, id_hash: &str, now: UnixSeconds) -> Result<Option<BrowserRow>, StoreError> {
    Ok(Entity::find().filter(Column::IdHash.eq(id_hash)).filter(Column::ExpiresAt.gt(now)).all(db).await?.pop())
}

/// Returns the browser with the key `key`, also after it has signed out or expired.
pub async fn find(db: &impl ConnectionTrait, key: &str) -> Result<Option<BrowserRow>, StoreError> {
    Ok(Entity::find_by_id(key).all(db).await?.pop())
}

/// Returns the same browser as [`find`], locked until the commit.
pub async fn lock(db: &impl ConnectionTrait, key: &str) -> Result<Option<BrowserRow>, StoreError> {
    Ok(Entity::find_by_id(key).lock_exclusive().all(db).await?.pop())
}

/// Inserts `blank` unless there is a row with its key, and returns the row that there is now, locked until the commit.
pub async fn enter(db: &impl ConnectionTrait, blank: BrowserRow) -> Result<BrowserRow, StoreError> {
    // An update that changes nothing locks the row that another transaction has inserted, and returns it.
    let unless_known = OnConflict::column(Column::RequestKey).update_column(Column::RequestKey).to_owned();
    Ok(Entity::insert(blank.into_active_model()).on_conflict(unless_known).exec_with_returning(db).await?)
}

/// Stores `row`, which the caller has locked.
pub async fn store(db: &impl ConnectionTrait, row: &BrowserRow) -> Result<(), StoreError> {
    let changed = Entity::update_many().filter(Column::RequestKey.eq(row.request_key.as_str()));
    changed.set(row.clone().into_active_model().reset_all()).exec(db).await?;
    Ok(())
}

/// Deletes up to `limit` browsers that have expired at `now`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::ExpiresAt.lte(now), limit).await
}
