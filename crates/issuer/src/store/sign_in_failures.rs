//! Counters of failed sign-ins, one per account or address and hour. They bound how many events strangers can cause.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter};

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::sign_in_failures::{Column, Entity};
use crate::store::query::{self, text};

/// A counter after a failure was counted.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Counted {
    /// The number of failures in the hour.
    pub count: i64,
    /// The event that counts the failures from the tenth on; `None` if there is no such event yet.
    pub event_id: Option<i64>,
}

/// Counts a failure of `key` in the hour that begins at `hour`.
pub async fn count(db: &impl ConnectionTrait, key: &str, hour: UnixSeconds) -> Result<Counted, StoreError> {
    let sql = "INSERT INTO sign_in_failures (key, hour, count) VALUES ($1, $2, 1) \
               ON CONFLICT (key, hour) DO UPDATE SET count = sign_in_failures.count + 1 RETURNING count, event_id";
    let counted = Counted::find_by_statement(text(db, sql, [key.into(), hour.into()])).all(db).await?.pop();
    counted.ok_or_else(|| StoreError::Corrupt("counting a failed sign-in returned no row".to_owned()))
}

/// Notes that the event `id` counts the further failures of `key` in this hour.
pub async fn count_in(db: &impl ConnectionTrait, key: &str, hour: UnixSeconds, id: i64) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::EventId, Expr::value(id))
        .filter(Column::Key.eq(key).and(Column::Hour.eq(hour)))
        .exec(db)
        .await?;
    Ok(())
}

/// Deletes up to `limit` counters of hours that began before `before`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::Hour.lt(before), limit).await
}
