//! The events that wait in the queue of a stream. Triggers of the database put most of them there; the migration lists the triggers.

use std::collections::BTreeSet;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::clock::UnixSeconds;
use crate::oauth::ssf::EventType;
use crate::store::StoreError;
use crate::store::entity::outbox::{ActiveModel, Column, Entity};
use crate::store::query::{text, transaction_time};
use crate::store::streams::queue;

pub use crate::store::entity::outbox::Model as EventRow;

/// The `next_attempt_at` of an event that is not pushed: it waits until its receiver polls, or until the stream is enabled again.
const NEVER: UnixSeconds = UnixSeconds::MAX;

/// Puts an event about the stream `id` itself into its queue. `details` is a JSON object; `due` says whether the event is pushed.
pub async fn insert(
    db: &impl ConnectionTrait,
    id: &str,
    event: EventType,
    details: String,
    due: bool,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: ActiveValue::NotSet,
        receiver: ActiveValue::Set(queue(id)),
        client_id: ActiveValue::Set(None),
        event: ActiveValue::Set(event.name().to_owned()),
        user_id: ActiveValue::Set(None),
        sid: ActiveValue::Set(None),
        details: ActiveValue::Set(details),
        created_at: ActiveValue::Set(now),
        attempts: ActiveValue::Set(0),
        next_attempt_at: ActiveValue::Set(if due { 0 } else { NEVER }),
        leased_until: ActiveValue::Set(0),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Returns up to `limit` events of the stream `id`, oldest first, of the type `only` or of any.
pub async fn oldest(db: &impl ConnectionTrait, id: &str, only: Option<EventType>, limit: u64) -> Result<Vec<EventRow>, StoreError> {
    let rows = Entity::find().filter(Column::Receiver.eq(queue(id)));
    let rows = match only {
        Some(event) => rows.filter(Column::Event.eq(event.name())),
        None => rows,
    };
    Ok(rows.order_by_asc(Column::Id).limit(limit).all(db).await?)
}

/// Returns the ids and the details of all events of the stream `id`.
pub async fn details(db: &impl ConnectionTrait, id: &str) -> Result<Vec<(i64, String)>, StoreError> {
    let rows = Entity::find().select_only().columns([Column::Id, Column::Details]).filter(Column::Receiver.eq(queue(id)));
    Ok(rows.into_tuple().all(db).await?)
}

/// Deletes the events `ids` of the stream `id`.
pub async fn remove(db: &impl ConnectionTrait, id: &str, ids: Vec<i64>) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::Receiver.eq(queue(id))).filter(Column::Id.is_in(ids)).exec(db).await?;
    Ok(())
}

/// Deletes all events of the stream `id`, of the type `only` or of any.
pub async fn clear(db: &impl ConnectionTrait, id: &str, only: Option<EventType>) -> Result<(), StoreError> {
    let rows = Entity::delete_many().filter(Column::Receiver.eq(queue(id)));
    let rows = match only {
        Some(event) => rows.filter(Column::Event.eq(event.name())),
        None => rows,
    };
    rows.exec(db).await?;
    Ok(())
}

/// Lets the events of the stream `id` be pushed from now on, or not until further notice.
pub async fn set_due(db: &impl ConnectionTrait, id: &str, due: bool) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::NextAttemptAt, Expr::value(if due { 0 } else { NEVER }))
        .col_expr(Column::Attempts, Expr::value(0))
        .filter(Column::Receiver.eq(queue(id)))
        .exec(db)
        .await?;
    Ok(())
}

/// Lets no event of the stream `id` be pushed until further notice, and ends the lease of the one that was about to be. With `but_updates`,
/// the events that tell of the status of the stream stay due.
pub async fn hold(db: &impl ConnectionTrait, id: &str, but_updates: bool) -> Result<(), StoreError> {
    let held = Entity::update_many()
        .col_expr(Column::NextAttemptAt, Expr::value(NEVER))
        .col_expr(Column::LeasedUntil, Expr::value(0))
        .col_expr(Column::Attempts, Expr::value(0))
        .filter(Column::Receiver.eq(queue(id)));
    let held = if but_updates { held.filter(Column::Event.ne(EventType::StreamUpdated.name())) } else { held };
    held.exec(db).await?;
    Ok(())
}

/// Returns the number of events in the queue of the stream `id`.
pub async fn count(db: &impl ConnectionTrait, id: &str) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::Receiver.eq(queue(id))).count(db).await?)
}

/// Deletes up to `limit` events that were written more than `age` seconds ago for a stream which is disabled or does not exist; returns their
/// number. A transaction that writes an event does not see that its stream is disabled or removed at the same moment, and the reverse.
pub async fn purge_orphans(db: &impl ConnectionTrait, age: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let sql = format!(
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE created_at < {} - $1 \
         AND receiver LIKE 'stream:%' AND NOT EXISTS (SELECT 1 FROM streams \
         WHERE streams.id = substr(outbox.receiver, 8) AND streams.status <> 'disabled') ORDER BY created_at LIMIT $2)",
        transaction_time(db)
    );
    Ok(db.execute_raw(text(db, sql, [age.into(), limit.into()])).await?.rows_affected())
}

/// Returns the streams of the events after the id `after`, and the id of the newest of these rows, at most `limit`. Returns `after` if there is
/// none.
pub async fn since(db: &impl ConnectionTrait, after: i64, limit: u64) -> Result<(i64, BTreeSet<String>), StoreError> {
    let rows = Entity::find().select_only().columns([Column::Id, Column::Receiver]).filter(Column::Id.gt(after));
    let rows: Vec<(i64, String)> = rows.order_by_asc(Column::Id).limit(limit).into_tuple().all(db).await?;
    let newest = rows.last().map_or(after, |(id, _)| *id);
    Ok((newest, rows.iter().filter_map(|(_, receiver)| receiver.strip_prefix("stream:").map(str::to_owned)).collect()))
}

/// Returns the id of the newest row of all queues; 0 if there is none.
pub async fn newest(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let newest = Entity::find().select_only().column(Column::Id).order_by_desc(Column::Id).limit(1);
    Ok(newest.into_tuple::<i64>().all(db).await?.pop().unwrap_or_default())
}
