//! The clients to which a user has signed in within a session. A trigger of the database writes a row with the first authorization of each
//! client, and the row is deleted with the session.

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::store::StoreError;
use crate::store::clients::ClientRow;
use crate::store::entity::session_clients::{Column, Entity};
use crate::store::entity::{clients, sessions};

/// Forgets the clients of up to `limit` sessions that meet `condition`, so that they are not told when the sessions are deleted.
pub(super) async fn forget(db: &impl ConnectionTrait, condition: Condition, limit: i64) -> Result<(), StoreError> {
    let sids = sessions::Entity::find().select_only().column(sessions::Column::Sid).filter(condition).limit(limit.unsigned_abs());
    Entity::delete_many().filter(Column::Sid.in_subquery(sids.into_query())).exec(db).await?;
    Ok(())
}

/// Returns up to `limit` enabled clients of the session `sid` that sign people out in a frame, in the order of their ids. The metadata of a
/// client is compact JSON, in whose texts each quotation mark has a backslash before it, so that only a member can look like this.
pub async fn with_frames(db: &impl ConnectionTrait, sid: &str, limit: u64) -> Result<Vec<ClientRow>, StoreError> {
    let own = Entity::find().select_only().column(Column::ClientId).filter(Column::Sid.eq(sid)).into_query();
    Ok(clients::Entity::find()
        .filter(clients::Column::Id.in_subquery(own))
        .filter(clients::Column::DisabledAt.is_null())
        .filter(clients::Column::Metadata.like("%\"frontchannel_logout_uri\":\"%"))
        .order_by_asc(clients::Column::Id)
        .limit(limit)
        .all(db)
        .await?)
}
