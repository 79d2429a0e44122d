//! What is to be told to others. Triggers of the database write the rows, in the transaction of what they tell; the migration lists them.
//!
//! The rows of one receiver form a queue. A node leases a row before it delivers it, and leases none of a receiver of which another row is
//! leased. So no two nodes deliver the same row, and a receiver is never asked twice at once. Whoever reads a queue may find another row
//! than a node that reads it a moment later; then both deliver to the receiver at once, which does no harm.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Value};

use crate::clock::UnixSeconds;
use crate::store::entity::outbox::{Column, Entity};
use crate::store::query::{columns, text, transaction_time};
use crate::store::{StoreError, batch};

pub use crate::store::entity::outbox::Model as OutboxRow;

/// A row that is due.
#[derive(Debug, FromQueryResult)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Due {
    pub id: i64,
    pub receiver: String,
}

/// Returns up to `limit` rows that are due at `now`, one for each receiver of which no row is leased, the one that has waited longest first.
pub async fn due(db: &impl ConnectionTrait, now: UnixSeconds, limit: usize) -> Result<Vec<Due>, StoreError> {
    // A recursive query finds each receiver by one step in an index, however many rows wait for it. What follows is found by subqueries of
    // one value, because PostgreSQL would turn a join into one that reads the whole table.
    let first = |column: &str| {
        format!(
            "(SELECT due.{column} FROM outbox AS due WHERE due.receiver = receivers.receiver AND due.next_attempt_at <= $1 \
             ORDER BY due.next_attempt_at, due.id LIMIT 1)"
        )
    };
    let sql = format!(
        "WITH RECURSIVE receivers (receiver) AS (SELECT min(receiver) FROM outbox UNION ALL \
         SELECT (SELECT min(others.receiver) FROM outbox AS others WHERE others.receiver > receivers.receiver) \
         FROM receivers WHERE receivers.receiver IS NOT NULL) \
         SELECT heads.id, heads.receiver FROM (SELECT receivers.receiver AS receiver, {} AS id, {} AS due_at, \
         (SELECT max(busy.leased_until) FROM outbox AS busy WHERE busy.receiver = receivers.receiver) AS leased_until \
         FROM receivers) AS heads \
         WHERE heads.id IS NOT NULL AND heads.leased_until <= $1 ORDER BY heads.due_at, heads.id LIMIT {limit}",
        first("id"),
        first("next_attempt_at")
    );
    Ok(Due::find_by_statement(text(db, sql, [now.into()])).all(db).await?)
}

/// Leases those of the rows `ids`, each of another receiver, that are still due at `now`, until `until`, and counts an attempt for each.
/// Writes nothing if there are none.
pub async fn lease(
    writer: &impl ConnectionTrait,
    ids: Vec<i64>,
    now: UnixSeconds,
    until: UnixSeconds,
) -> Result<Vec<OutboxRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut values: Vec<Value> = ids.into_iter().map(Value::from).collect();
    let ids = batch::placeholders(&mut values);
    let place = values.len() + 1;
    values.extend([now.into(), until.into()]);
    // Another node may have leased or delivered a row since it was found.
    let sql = format!(
        "UPDATE outbox SET leased_until = ${}, attempts = attempts + 1 \
         WHERE id IN ({ids}) AND leased_until <= ${place} AND next_attempt_at <= ${place} RETURNING {}",
        place + 1,
        columns::<Entity>("outbox", "")
    );
    Ok(OutboxRow::find_by_statement(text(writer, sql, values)).all(writer).await?)
}

/// Deletes the row `id`, which was delivered or given up. Returns `false` if there is none.
pub async fn remove(db: &impl ConnectionTrait, id: i64) -> Result<bool, StoreError> {
    Ok(Entity::delete_by_id(id).exec(db).await?.rows_affected == 1)
}

/// Ends the lease of the row `id`, which was attempted `attempts` times and is due again at `at`.
pub async fn retry(db: &impl ConnectionTrait, id: i64, attempts: i32, at: UnixSeconds) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::LeasedUntil, Expr::value(0))
        .col_expr(Column::Attempts, Expr::value(attempts))
        .col_expr(Column::NextAttemptAt, Expr::value(at))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// Lets all rows of `receiver` that would be due earlier wait until `at`, because the receiver does not answer.
pub async fn postpone(db: &impl ConnectionTrait, receiver: &str, at: UnixSeconds) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::NextAttemptAt, Expr::value(at))
        .filter(Column::Receiver.eq(receiver))
        .filter(Column::NextAttemptAt.lt(at))
        .exec(db)
        .await?;
    Ok(())
}

/// Returns up to `limit` rows about clients that were written more than `age` seconds ago, by the clock of the database.
pub async fn older_than(db: &impl ConnectionTrait, age: UnixSeconds, limit: u64) -> Result<Vec<OutboxRow>, StoreError> {
    let old = Expr::col(Column::CreatedAt).lt(Expr::cust(transaction_time(db)).sub(age));
    Ok(Entity::find().filter(old).filter(Column::ClientId.is_not_null()).order_by_asc(Column::CreatedAt).limit(limit).all(db).await?)
}
