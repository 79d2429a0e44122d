//! The clients to which a user has signed in within a session. A trigger of the database writes a row with the first authorization of each
//! client, and the row is deleted with the session.

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use crate::store::StoreError;
use crate::store::entity::session_clients::{Column, Entity};
use crate::store::entity::sessions;

/// Forgets the clients of up to `limit` sessions that meet `condition`, so that they are not told when the sessions are deleted.
pub(super) async fn forget(db: &impl ConnectionTrait, condition: Condition, limit: i64) -> Result<(), StoreError> {
    let sids = sessions::Entity::find().select_only().column(sessions::Column::Sid).filter(condition).limit(limit.unsigned_abs());
    Entity::delete_many().filter(Column::Sid.in_subquery(sids.into_query())).exec(db).await?;
    Ok(())
}
