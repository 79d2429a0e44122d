//! Waiting requests: authorization requests that are stored while their interaction goes on. Each belongs to the browser in which
//! it was begun.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::clock::UnixSeconds;
use crate::store::entity::waiting_requests::{ActiveModel, Column, Entity};
use crate::store::{StoreError, query};

pub use crate::store::entity::waiting_requests::Model as RequestRow;

/// The largest number of requests that wait in one browser. A further one replaces the oldest.
const MOST: u64 = 32;

/// Inserts the request `id`, and deletes the oldest requests of `browser` if more than 32 wait in it. Returns `false` if the request was
/// inserted before, even if it has been answered meanwhile.
pub async fn insert(db: &impl ConnectionTrait, id: &str, browser: &str, request: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let row = ActiveModel {
        sequence: ActiveValue::NotSet,
        id: ActiveValue::Set(id.to_owned()),
        browser: ActiveValue::Set(browser.to_owned()),
        request: ActiveValue::Set(request.to_owned()),
        created_at: ActiveValue::Set(now),
        answered_at: ActiveValue::Set(None),
    };
    let unless_known = OnConflict::column(Column::Id).do_nothing().to_owned();
    if Entity::insert(row).on_conflict(unless_known).exec_without_returning(db).await? == 0 {
        return Ok(false);
    }
    let others = || Entity::find().filter(Column::Browser.eq(browser)).filter(Column::AnsweredAt.is_null()).filter(Column::Id.ne(id));
    let kept = others().select_only().column(Column::Id).order_by_desc(Column::Sequence).limit(MOST - 1).into_query();
    Entity::delete_many()
        .filter(Column::Browser.eq(browser))
        .filter(Column::AnsweredAt.is_null())
        .filter(Column::Id.ne(id))
        .filter(Column::Id.not_in_subquery(kept))
        .exec(db)
        .await?;
    Ok(true)
}

/// Returns the request `id` if it was begun in `browser`, even if it has been answered.
pub async fn find(db: &impl ConnectionTrait, id: &str, browser: &str) -> Result<Option<RequestRow>, StoreError> {
    Ok(Entity::find().filter(Column::Id.eq(id)).filter(Column::Browser.eq(browser)).all(db).await?.pop())
}

/// Replaces the text `old` of the request `id` by `new`, unless the request was changed or answered meanwhile.
pub async fn replace(db: &impl ConnectionTrait, id: &str, browser: &str, old: &str, new: &str) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Request, Expr::value(new))
        .filter(Column::Id.eq(id))
        .filter(Column::Browser.eq(browser))
        .filter(Column::Request.eq(old))
        .filter(Column::AnsweredAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Marks the request `id`, which the caller is about to answer, as answered. Returns `false` if it was answered already, for example in
/// another tab. The row stays until the request has expired, so that the same request cannot be inserted again.
pub async fn take(db: &impl ConnectionTrait, id: &str, browser: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let taken = Entity::update_many()
        .col_expr(Column::AnsweredAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::Browser.eq(browser))
        .filter(Column::AnsweredAt.is_null())
        .exec(db)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Deletes up to `limit` requests that were stored at `before` or earlier; returns their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::CreatedAt.lte(before), limit).await
}
