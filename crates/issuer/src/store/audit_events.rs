//! The stored audit trail. Events are only added; no query changes or deletes one.

use sea_orm::{ActiveValue, ConnectionTrait, EntityTrait, IntoActiveModel};

use crate::store::StoreError;
use crate::store::entity::audit_events::Entity;

pub use crate::store::entity::audit_events::Model as AuditRow;

/// Appends an event. The database assigns its id; the id in `row` is ignored.
pub async fn insert(db: &impl ConnectionTrait, row: AuditRow) -> Result<(), StoreError> {
    let mut row = row.into_active_model();
    row.id = ActiveValue::NotSet;
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}
