//! The versions of users. A version rises with each change of what administrators see of a user, also where that is stored elsewhere: groups,
//! roles and attributes. Otherwise somebody who has read the user before would overwrite what they have not seen.

use sea_orm::sea_query::{Expr, ExprTrait, LockType, SelectStatement};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use crate::oauth::group_name::folded;
use crate::store::StoreError;
use crate::store::entity::{group_members, groups, user_attributes, user_roles, users};
use crate::store::query::allow_long_statements;

/// Increments the versions of `users`.
pub async fn renew(db: &impl ConnectionTrait, users: &[Uuid]) -> Result<(), StoreError> {
    renew_where(db, users::Column::Id.is_in(users.iter().copied())).await
}

/// Increments the versions of the members of the group `name`. The caller has not locked the group yet, because users are locked before groups.
pub async fn renew_of_members(db: &impl ConnectionTrait, name: &str) -> Result<(), StoreError> {
    let group = groups::Entity::find().select_only().column(groups::Column::Id).filter(groups::Column::FoldedName.eq(folded(name)));
    let members = group_members::Entity::find().select_only().column(group_members::Column::UserId);
    renew_among(db, members.filter(group_members::Column::GroupId.in_subquery(group.into_query())).into_query()).await
}

/// Increments the versions of the users who have the role `name` directly. The caller has not locked the role yet.
pub async fn renew_of_holders(db: &impl ConnectionTrait, name: &str) -> Result<(), StoreError> {
    let holders = user_roles::Entity::find().select_only().column(user_roles::Column::UserId);
    renew_among(db, holders.filter(user_roles::Column::Role.eq(name)).into_query()).await
}

/// Increments the versions of the users who have a value of the attribute `name`.
pub async fn renew_of_attribute(db: &impl ConnectionTrait, name: &str) -> Result<(), StoreError> {
    let values = user_attributes::Entity::find().select_only().column(user_attributes::Column::UserId);
    renew_among(db, values.filter(user_attributes::Column::Name.eq(name)).into_query()).await
}

async fn renew_among(db: &impl ConnectionTrait, users: SelectStatement) -> Result<(), StoreError> {
    allow_long_statements(db).await?;
    renew_where(db, users::Column::Id.in_subquery(users)).await
}

/// Increments the versions of the users that meet `condition`, whom it locks by id.
async fn renew_where(db: &impl ConnectionTrait, condition: impl Into<Condition>) -> Result<(), StoreError> {
    use users::{Column, Entity};
    let locked =
        Entity::find().select_only().column(Column::Id).filter(condition.into()).order_by_asc(Column::Id).lock(LockType::NoKeyUpdate);
    let renewed = Entity::update_many().col_expr(Column::Version, Expr::col(Column::Version).add(1));
    renewed.filter(Column::Id.in_subquery(locked.into_query())).exec(db).await?;
    Ok(())
}
