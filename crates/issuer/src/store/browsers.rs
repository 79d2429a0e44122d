//! The data of the browsers that have our cookie. A row is found by the hash of the cookie's id, never by the id.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};

use crate::clock::UnixSeconds;
use crate::store::entity::browsers::{Column, Entity};
use crate::store::{StoreError, query};

pub use crate::store::entity::browsers::Model as BrowserRow;

/// Adds `row`. Returns `false` if there is one with this hash.
pub async fn insert(db: &impl ConnectionTrait, row: &BrowserRow, now: UnixSeconds) -> Result<bool, StoreError> {
    let row = BrowserRow { created_at: now, ..row.clone() };
    let unless_known = OnConflict::column(Column::IdHash).do_nothing().to_owned();
    Ok(Entity::insert(row.into_active_model()).on_conflict(unless_known).exec_without_returning(db).await? == 1)
}

/// The browser `id_hash`, unless its time is up.
pub async fn find(db: &impl ConnectionTrait, id_hash: &str, now: UnixSeconds) -> Result<Option<BrowserRow>, StoreError> {
    Ok(Entity::find_by_id(id_hash).filter(Column::ExpiresAt.gt(now)).one(db).await?)
}

/// Replaces the data if the stored row still has the version of `row`; the version then grows by one. Returns `false` if the
/// stored row has another version, or is gone.
pub async fn update(db: &impl ConnectionTrait, row: &BrowserRow) -> Result<bool, StoreError> {
    let updated = Entity::update_many()
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::Data, Expr::value(row.data.as_str()))
        .col_expr(Column::SignedIn, Expr::value(row.signed_in))
        .col_expr(Column::ExpiresAt, Expr::value(row.expires_at))
        .filter(Column::IdHash.eq(row.id_hash.as_str()))
        .filter(Column::Version.eq(row.version))
        .exec(db)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Forgets the browser `id_hash` if it is signed in. A browser that is not signed in holds nothing but requests that were begun
/// in it, perhaps in another tab that is about to go on: such a row is left to expire.
pub async fn remove_signed_in(db: &impl ConnectionTrait, id_hash: &str) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::IdHash.eq(id_hash)).filter(Column::SignedIn.eq(true)).exec(db).await?;
    Ok(())
}

/// Forgets up to `limit` browsers whose time is up; returns their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::ExpiresAt.lte(now), limit).await
}
