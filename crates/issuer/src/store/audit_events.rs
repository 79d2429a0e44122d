//! The stored audit trail.

use sea_orm::{ActiveValue, ConnectionTrait, EntityTrait};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::audit_events;

/// One event, as it is stored.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AuditRow<'a> {
    /// Unix seconds.
    pub at: UnixSeconds,
    pub event: &'a str,
    pub user_id: Option<Uuid>,
    pub client_id: Option<&'a str>,
    pub authorization_id: Option<Uuid>,
    /// Further facts, as JSON.
    pub detail: String,
}

/// Appends an event.
pub async fn insert(db: &impl ConnectionTrait, row: AuditRow<'_>) -> Result<(), StoreError> {
    let model = audit_events::ActiveModel {
        id: ActiveValue::NotSet,
        at: ActiveValue::Set(row.at),
        event: ActiveValue::Set(row.event.to_owned()),
        user_id: ActiveValue::Set(row.user_id),
        client_id: ActiveValue::Set(row.client_id.map(str::to_owned)),
        authorization_id: ActiveValue::Set(row.authorization_id),
        detail: ActiveValue::Set(row.detail),
    };
    audit_events::Entity::insert(model).exec_without_returning(db).await?;
    Ok(())
}
