//! The stored audit trail. Events are only added; no query changes one, and only those that strangers can cause are deleted.

use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel};

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::audit_events::{Column, Entity};
use crate::store::query;

pub use crate::store::entity::audit_events::Model as AuditRow;

/// Appends an event. The database assigns its id; the id in `row` is ignored.
pub async fn insert(db: &impl ConnectionTrait, row: AuditRow) -> Result<(), StoreError> {
    let mut row = row.into_active_model();
    row.id = ActiveValue::NotSet;
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes up to `limit` events of the name `event` that happened before `before`, and returns their number.
pub async fn purge(db: &impl ConnectionTrait, event: &str, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::Event.eq(event).and(Column::At.lt(before)), limit).await
}
