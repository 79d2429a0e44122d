//! Pages of the users who are in a group or have a role.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef,
};
use uuid::Uuid;

use crate::store::StoreError;
use crate::store::entity::users;

/// A user who is in a group or has a role, as lists name them.
#[derive(Debug, Clone, FromQueryResult)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct MemberRow {
    pub id: Uuid,
    pub username: String,
    pub name: Option<String>,
}

/// Returns up to `limit` users after the user `after` whose rows of `E` meet `condition`, in the order of their ids, by which the index of
/// `E` is sorted. The column `user_id` of `E` refers to them by the relation `to_users`.
pub(super) async fn page<E: EntityTrait>(
    db: &impl ConnectionTrait,
    condition: Condition,
    (user_id, to_users): (E::Column, RelationDef),
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<MemberRow>, StoreError> {
    Ok(E::find()
        .select_only()
        .columns([users::Column::Id, users::Column::Username, users::Column::Name])
        .join(JoinType::InnerJoin, to_users)
        .filter(condition.add_option(after.map(|after| user_id.gt(after))))
        .order_by_asc(user_id)
        .limit(limit)
        .into_model::<MemberRow>()
        .all(db)
        .await?)
}
