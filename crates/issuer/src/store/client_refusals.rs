//! The last refusals of each client.

use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::client_refusals::{Column, Entity};
use crate::store::query;

pub use crate::store::entity::client_refusals::Model as RefusalRow;

/// The number of refusals that are kept of each client.
pub const KEPT: u64 = 20;

/// Appends `rows`, all of the client `client`, whose ids are ignored, and deletes all but the last [`KEPT`] of the client. Fails with
/// [`StoreError`] if there is no such client.
pub async fn add(db: &impl ConnectionTrait, client: &str, rows: Vec<RefusalRow>) -> Result<(), StoreError> {
    let rows = rows.into_iter().map(|row| {
        let mut row = row.into_active_model();
        row.id = ActiveValue::NotSet;
        row
    });
    Entity::insert_many(rows).exec_without_returning(db).await?;
    let oldest =
        Entity::find().filter(Column::ClientId.eq(client)).order_by_desc(Column::Id).offset(KEPT - 1).limit(1).all(db).await?.pop();
    if let Some(oldest) = oldest {
        Entity::delete_many().filter(Column::ClientId.eq(client)).filter(Column::Id.lt(oldest.id)).exec(db).await?;
    }
    Ok(())
}

/// Returns the last refusals of a client, newest first.
pub async fn of_client(db: &impl ConnectionTrait, client: &str) -> Result<Vec<RefusalRow>, StoreError> {
    Ok(Entity::find().filter(Column::ClientId.eq(client)).order_by_desc(Column::Id).limit(KEPT).all(db).await?)
}

/// Deletes up to `limit` refusals that happened before `before`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::At.lt(before), limit).await
}
