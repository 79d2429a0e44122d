//! Waiting requests: authorization requests that are stored while their interaction goes on. Each belongs to the browser in which
//! it was begun.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

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
        answered_in: ActiveValue::Set(None),
        code_hash: ActiveValue::Set(None),
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

/// How a waiting request is answered.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Answer<'a> {
    pub id: &'a str,
    pub browser: &'a str,
    /// The `sid` of the session in which the request is answered; `None` if nobody is signed in.
    pub sid: Option<&'a str>,
    /// The hash of the code that the client is sent; `None` if it is sent an error.
    pub code: Option<&'a str>,
}

/// Marks a request, which the caller is about to answer, as answered. Returns `false` if it was answered already, for example in another tab.
/// The row stays until the request has expired, so that the same request cannot be inserted again.
pub async fn take(db: &impl ConnectionTrait, answer: Answer<'_>, now: UnixSeconds) -> Result<bool, StoreError> {
    let taken = Entity::update_many()
        .col_expr(Column::AnsweredAt, Expr::value(now))
        .col_expr(Column::AnsweredIn, Expr::value(answer.sid))
        .col_expr(Column::CodeHash, Expr::value(answer.code))
        .filter(Column::Id.eq(answer.id))
        .filter(Column::Browser.eq(answer.browser))
        .filter(Column::AnsweredAt.is_null())
        .exec(db)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Replaces the code of a request that was answered after `since` in the same session. Returns the hash of the code before, which the
/// caller must delete; `None` if the request was answered earlier, in another session, or with an error. The row is locked until the commit,
/// so that of several requests each replaces the code of the one before. The time of the answer stays as it is.
pub async fn replace_code(db: &impl ConnectionTrait, answer: Answer<'_>, since: UnixSeconds) -> Result<Option<String>, StoreError> {
    let own = Condition::all()
        .add(Column::Id.eq(answer.id))
        .add(Column::Browser.eq(answer.browser))
        .add(Column::AnsweredAt.gt(since))
        .add(Column::AnsweredIn.eq(answer.sid));
    let Some(row) = Entity::find().filter(own.clone()).lock_exclusive().all(db).await?.pop() else { return Ok(None) };
    let Some(earlier) = row.code_hash else { return Ok(None) };
    Entity::update_many().col_expr(Column::CodeHash, Expr::value(answer.code)).filter(own).exec(db).await?;
    Ok(Some(earlier))
}

/// Deletes up to `limit` requests that were stored at `before` or earlier; returns their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::CreatedAt.lte(before), limit).await
}
