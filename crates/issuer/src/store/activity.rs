//! Hourly counts of what happened, for charts. The rows with an empty client id are the sums of all clients.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

use crate::clock::UnixSeconds;
use crate::store::entity::activity::{Column, Entity};
use crate::store::query;
use crate::store::{Store, StoreError, commit};

pub use crate::store::entity::activity::Model as ActivityRow;

/// The rows that one statement adds.
const BATCH: usize = 500;

/// Adds the counts of `rows` to those that are stored: all or none. Locks the rows in the order of their keys, so that two nodes never wait
/// for each other in a circle.
pub async fn add(store: &Store, mut rows: Vec<ActivityRow>) -> Result<(), StoreError> {
    rows.sort_unstable_by(|a, b| (&a.client_id, a.hour, &a.kind).cmp(&(&b.client_id, b.hour, &b.kind)));
    let sum = Expr::col((Entity, Column::Count)).add(Expr::col((Alias::new("excluded"), Column::Count)));
    let add = OnConflict::columns([Column::ClientId, Column::Hour, Column::Kind]).value(Column::Count, sum).to_owned();
    let transaction = store.begin().await?;
    for batch in rows.chunks(BATCH) {
        let rows = batch.iter().map(|row| row.clone().into_active_model());
        Entity::insert_many(rows).on_conflict(add.clone()).exec_without_returning(&transaction).await?;
    }
    commit(transaction).await
}

/// Returns the counts of `client_id` (empty: of all clients) from the hour `from` on, oldest first.
pub async fn since(db: &impl ConnectionTrait, client_id: &str, from: UnixSeconds) -> Result<Vec<ActivityRow>, StoreError> {
    let rows = Entity::find().filter(Column::ClientId.eq(client_id)).filter(Column::Hour.gte(from));
    Ok(rows.order_by_asc(Column::Hour).order_by_asc(Column::Kind).all(db).await?)
}

/// Deletes up to `limit` rows of hours that began before `before`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::Hour.lt(before), limit).await
}
