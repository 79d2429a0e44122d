//! Groups: named sets of users, with their members and the roles that they carry.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait,
};
use uuid::Uuid;

use crate::store::StoreError;
use crate::store::entity::{group_members, group_roles, groups, users};

pub use crate::store::entity::groups::Model as GroupRow;

/// Returns up to `limit` groups after the name `after`, in the order of their names.
pub async fn page(db: &impl ConnectionTrait, after: Option<&str>, limit: u64) -> Result<Vec<GroupRow>, StoreError> {
    let condition = Condition::all().add_option(after.map(|after| groups::Column::Name.gt(after)));
    Ok(groups::Entity::find().filter(condition).order_by_asc(groups::Column::Name).limit(limit).all(db).await?)
}

/// Returns the group of this name.
pub async fn by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<GroupRow>, StoreError> {
    Ok(groups::Entity::find().filter(groups::Column::Name.eq(name)).all(db).await?.pop())
}

/// Returns the group whose name equals `name` but for upper and lower case.
pub async fn by_folded_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<GroupRow>, StoreError> {
    Ok(groups::Entity::find().filter(groups::Column::FoldedName.eq(name.to_lowercase())).all(db).await?.pop())
}

/// Returns the group of this name and locks it, so that no other transaction changes it until the caller's transaction ends.
pub async fn lock(db: &impl ConnectionTrait, name: &str) -> Result<Option<GroupRow>, StoreError> {
    Ok(groups::Entity::find().filter(groups::Column::Name.eq(name)).lock_exclusive().all(db).await?.pop())
}

/// Returns the groups that take in each new user.
pub async fn defaults(db: &impl ConnectionTrait) -> Result<Vec<GroupRow>, StoreError> {
    Ok(groups::Entity::find().filter(groups::Column::IsDefault.eq(true)).order_by_asc(groups::Column::Name).all(db).await?)
}

/// Inserts a group without members. Fails with [`StoreError::Conflict`] if the name or the external id is taken.
pub async fn insert(db: &impl ConnectionTrait, row: GroupRow) -> Result<(), StoreError> {
    groups::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Stores `row` in place of the row with the same id, and increments its version.
pub async fn update(db: &impl ConnectionTrait, row: &GroupRow) -> Result<(), StoreError> {
    use groups::Column;
    groups::Entity::update_many()
        .col_expr(Column::Name, Expr::value(row.name.as_str()))
        .col_expr(Column::FoldedName, Expr::value(row.folded_name.as_str()))
        .col_expr(Column::DisplayName, Expr::value(row.display_name.clone()))
        .col_expr(Column::ExternalId, Expr::value(row.external_id.clone()))
        .col_expr(Column::Delegated, Expr::value(row.delegated))
        .col_expr(Column::IsDefault, Expr::value(row.is_default))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.eq(row.id))
        .exec(db)
        .await?;
    Ok(())
}

/// Deletes a group. Its members lose it, and the roles that they have through it.
pub async fn remove(db: &impl ConnectionTrait, id: Uuid) -> Result<bool, StoreError> {
    Ok(groups::Entity::delete_by_id(id).exec(db).await?.rows_affected == 1)
}

/// Returns the roles of each of the groups `ids`, in alphabetical order. A group without roles is left out.
pub async fn roles_of(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, Vec<String>>, StoreError> {
    let rows = group_roles::Entity::find().filter(group_roles::Column::GroupId.is_in(ids)).order_by_asc(group_roles::Column::Role);
    let mut roles = HashMap::<Uuid, Vec<String>>::new();
    for row in rows.all(db).await? {
        roles.entry(row.group_id).or_default().push(row.role);
    }
    Ok(roles)
}

/// Gives the group `id` the roles `roles`, which must exist, in place of those that it had.
pub async fn replace_roles(db: &impl ConnectionTrait, id: Uuid, roles: &[String]) -> Result<(), StoreError> {
    group_roles::Entity::delete_many().filter(group_roles::Column::GroupId.eq(id)).exec(db).await?;
    if !roles.is_empty() {
        let rows = roles.iter().map(|role| group_roles::Model { group_id: id, role: role.clone() }.into_active_model());
        group_roles::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Makes `users` members of the group `id`. Those who are members already stay so. Returns the number of new members.
pub async fn add_members(db: &impl ConnectionTrait, id: Uuid, users: &[Uuid]) -> Result<u64, StoreError> {
    if users.is_empty() {
        return Ok(0);
    }
    let rows = users.iter().map(|user| group_members::Model { group_id: id, user_id: *user }.into_active_model());
    let unless_member = OnConflict::new().do_nothing().to_owned();
    Ok(group_members::Entity::insert_many(rows).on_conflict(unless_member).exec_without_returning(db).await?)
}

/// Takes `users` out of the group `id`. Returns the number of those who were members.
pub async fn remove_members(db: &impl ConnectionTrait, id: Uuid, users: &[Uuid]) -> Result<u64, StoreError> {
    let members = group_members::Entity::delete_many().filter(group_members::Column::GroupId.eq(id));
    Ok(members.filter(group_members::Column::UserId.is_in(users.iter().copied())).exec(db).await?.rows_affected)
}

/// A member of a group, as lists name them.
#[derive(Debug, Clone, FromQueryResult)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct MemberRow {
    pub id: Uuid,
    pub username: String,
    pub name: Option<String>,
}

/// Returns up to `limit` members of the group `id` after the user `after`, in the order of their ids, by which the index is sorted.
pub async fn members(db: &impl ConnectionTrait, id: Uuid, after: Option<Uuid>, limit: u64) -> Result<Vec<MemberRow>, StoreError> {
    use group_members::Column;
    let condition = Condition::all().add(Column::GroupId.eq(id)).add_option(after.map(|after| Column::UserId.gt(after)));
    Ok(group_members::Entity::find()
        .select_only()
        .columns([users::Column::Id, users::Column::Username, users::Column::Name])
        .join(JoinType::InnerJoin, group_members::Relation::Users.def())
        .filter(condition)
        .order_by_asc(Column::UserId)
        .limit(limit)
        .into_model::<MemberRow>()
        .all(db)
        .await?)
}

/// Counts the members of the group `id`, up to `most`.
pub async fn count_members(db: &impl ConnectionTrait, id: Uuid, most: u64) -> Result<u64, StoreError> {
    let rows = group_members::Entity::find().filter(group_members::Column::GroupId.eq(id)).limit(most);
    Ok(rows.all(db).await?.len() as u64)
}

/// Returns the names of the groups of each of the users `ids`, in alphabetical order. A user in no group is left out.
pub async fn of_users(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, Vec<String>>, StoreError> {
    #[derive(FromQueryResult)]
    struct Membership {
        user_id: Uuid,
        name: String,
    }
    let rows = group_members::Entity::find()
        .select_only()
        .column(group_members::Column::UserId)
        .column(groups::Column::Name)
        .join(JoinType::InnerJoin, group_members::Relation::Groups.def())
        .filter(group_members::Column::UserId.is_in(ids))
        .order_by_asc(groups::Column::Name)
        .into_model::<Membership>()
        .all(db)
        .await?;
    let mut names = HashMap::<Uuid, Vec<String>>::new();
    for row in rows {
        names.entry(row.user_id).or_default().push(row.name);
    }
    Ok(names)
}
