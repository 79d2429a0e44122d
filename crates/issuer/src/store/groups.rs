//! Groups: named sets of users, with their members and the roles that they carry.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, LockType, OnConflict, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, JoinType, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, RelationTrait, SelectExt, UpdateMany,
};
use uuid::Uuid;

use crate::oauth::group_name::folded;
use crate::store::entity::{group_members, group_roles, group_terms, groups};
use crate::store::members::{self, MemberRow};
use crate::store::revocations::Loss;
use crate::store::search::{self, Found, Place, Terms};
use crate::store::{Inserts, StoreError, revocations, terms};

pub use crate::store::entity::groups::Model as GroupRow;

/// Returns up to `limit` groups after the name `after`, in the order of their names.
pub async fn page(db: &impl ConnectionTrait, after: Option<&str>, limit: u64) -> Result<Vec<GroupRow>, StoreError> {
    let condition = Condition::all().add_option(after.map(|after| groups::Column::Name.gt(after)));
    Ok(groups::Entity::find().filter(condition).order_by_asc(groups::Column::Name).limit(limit).all(db).await?)
}

/// Returns a page of the ids of the groups that have a word for each of `words`, which is its beginning.
pub async fn find(db: &impl ConnectionTrait, words: &[String], after: Option<Place<Uuid>>, limit: u64) -> Result<Found<Uuid>, StoreError> {
    search::find(db, Terms { table: "group_terms", key: "group_id" }, words, None, after, limit).await
}

/// Returns the groups `ids`.
pub async fn by_ids(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<Vec<GroupRow>, StoreError> {
    Ok(groups::Entity::find().filter(groups::Column::Id.is_in(ids)).all(db).await?)
}

/// Stores the words by which `row` is found, which has none yet.
async fn insert_terms(db: &impl ConnectionTrait, row: &GroupRow) -> Result<(), StoreError> {
    let terms = terms::of_all([Some(row.name.as_str()), row.display_name.as_deref()]);
    let rows = terms.into_iter().map(|term| group_terms::Model { term: term.into_bytes(), group_id: row.id }.into_active_model());
    group_terms::Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// Returns the group of this name, in any spelling of upper and lower case.
pub async fn by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<GroupRow>, StoreError> {
    Ok(groups::Entity::find().filter(groups::Column::FoldedName.eq(folded(name))).all(db).await?.pop())
}

/// Returns the group that has this id in the system that manages the groups.
pub async fn by_external_id(db: &impl ConnectionTrait, external_id: &str) -> Result<Option<GroupRow>, StoreError> {
    Ok(groups::Entity::find().filter(groups::Column::ExternalId.eq(external_id)).all(db).await?.pop())
}

/// Returns the group of this name, in any spelling of upper and lower case, and locks it, so that no other transaction changes it until
/// the caller's transaction ends.
pub async fn lock(db: &impl ConnectionTrait, name: &str) -> Result<Option<GroupRow>, StoreError> {
    Ok(groups::Entity::find().filter(groups::Column::FoldedName.eq(folded(name))).lock_exclusive().all(db).await?.pop())
}

/// Returns the groups that take in each new user, and those of `names`. No other transaction removes them until the caller's ends.
pub async fn keep_defaults_and(db: &impl ConnectionTrait, names: &[String]) -> Result<Vec<GroupRow>, StoreError> {
    use groups::Column;
    let named = Column::FoldedName.is_in(names.iter().map(|name| folded(name)));
    let found = groups::Entity::find().filter(Condition::any().add(Column::IsDefault.eq(true)).add(named));
    Ok(found.order_by_asc(Column::Id).lock(LockType::KeyShare).all(db).await?)
}

/// Returns the names of the first `limit` groups whose members the help desk may change, in alphabetical order.
pub async fn delegated(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<String>, StoreError> {
    // The index `groups_delegated` is on this condition.
    let found = groups::Entity::find().filter(Expr::col(groups::Column::Delegated)).order_by_asc(groups::Column::Name).limit(limit);
    Ok(found.all(db).await?.into_iter().map(|row| row.name).collect())
}

/// Returns the groups of a user, in the order of their names.
pub async fn of_user(db: &impl ConnectionTrait, user: Uuid) -> Result<Vec<GroupRow>, StoreError> {
    let own = group_members::Entity::find()
        .select_only()
        .column(group_members::Column::GroupId)
        .filter(group_members::Column::UserId.eq(user))
        .into_query();
    Ok(groups::Entity::find().filter(groups::Column::Id.in_subquery(own)).order_by_asc(groups::Column::Name).all(db).await?)
}

/// Selects the ids of the groups that carry the role `name`.
fn carriers(name: &str) -> SelectStatement {
    let rows = group_roles::Entity::find().select_only().column(group_roles::Column::GroupId);
    rows.filter(group_roles::Column::Role.eq(name)).into_query()
}

/// Returns up to `limit` groups that carry the role `name`, in the order of their names.
pub async fn carrying(db: &impl ConnectionTrait, name: &str, limit: u64) -> Result<Vec<GroupRow>, StoreError> {
    let rows = groups::Entity::find().filter(groups::Column::Id.in_subquery(carriers(name)));
    Ok(rows.order_by_asc(groups::Column::Name).limit(limit).all(db).await?)
}

/// Returns whether the role `name` is carried by a group that the help desk may fill, because it is delegated or takes in each new user.
pub async fn help_desk_gives(db: &impl ConnectionTrait, name: &str) -> Result<bool, StoreError> {
    use groups::Column;
    let open = Condition::any().add(Column::Delegated.eq(true)).add(Column::IsDefault.eq(true));
    Ok(groups::Entity::find().filter(Column::Id.in_subquery(carriers(name))).filter(open).exists(db).await?)
}

/// Increments the versions of the groups that carry the role `name`, which is about to be removed.
pub async fn count_change_of_carriers(db: &impl ConnectionTrait, name: &str) -> Result<(), StoreError> {
    changed().filter(groups::Column::Id.in_subquery(carriers(name))).exec(db).await?;
    Ok(())
}

/// A statement that increments the versions of groups.
fn changed() -> UpdateMany<groups::Entity> {
    groups::Entity::update_many().col_expr(groups::Column::Version, Expr::col(groups::Column::Version).add(1))
}

/// Inserts a group without members. Fails with [`StoreError::Conflict`] if the name or the external id is taken.
pub async fn insert(db: &impl ConnectionTrait, row: GroupRow) -> Result<(), StoreError> {
    groups::Entity::insert(row.clone().into_active_model()).exec_without_returning(db).await?;
    insert_terms(db, &row).await
}

/// Stores `row` in place of the row with the same id, and increments its version.
pub async fn update(db: &impl ConnectionTrait, row: &GroupRow) -> Result<(), StoreError> {
    use groups::Column;
    changed()
        .col_expr(Column::Name, Expr::value(row.name.as_str()))
        .col_expr(Column::FoldedName, Expr::value(row.folded_name.as_str()))
        .col_expr(Column::DisplayName, Expr::value(row.display_name.clone()))
        .col_expr(Column::ExternalId, Expr::value(row.external_id.clone()))
        .col_expr(Column::Delegated, Expr::value(row.delegated))
        .col_expr(Column::IsDefault, Expr::value(row.is_default))
        .filter(Column::Id.eq(row.id))
        .exec(db)
        .await?;
    group_terms::Entity::delete_many().filter(group_terms::Column::GroupId.eq(row.id)).exec(db).await?;
    insert_terms(db, row).await
}

/// Deletes a group. Its members lose it, and the roles that they have through it.
pub async fn remove(db: &impl ConnectionTrait, id: Uuid) -> Result<bool, StoreError> {
    revocations::of_members(db, id, &loss_of(db, id).await?).await?;
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

async fn carried(db: &impl ConnectionTrait, id: Uuid) -> Result<Vec<String>, StoreError> {
    Ok(roles_of(db, std::iter::once(id)).await?.remove(&id).unwrap_or_default())
}

/// Returns the access that a user loses who leaves the group `id`.
async fn loss_of(db: &impl ConnectionTrait, id: Uuid) -> Result<Loss, StoreError> {
    Loss::of(db, &carried(db, id).await?, Some(id)).await
}

/// Gives the group `id` the roles `roles`, which must exist, in place of those that it had.
pub async fn replace_roles(db: &impl ConnectionTrait, id: Uuid, roles: &[String]) -> Result<(), StoreError> {
    let lost: Vec<String> = carried(db, id).await?.into_iter().filter(|role| !roles.contains(role)).collect();
    if !lost.is_empty() {
        revocations::of_members(db, id, &Loss::of(db, &lost, None).await?).await?;
    }
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

/// Adds to `inserts` that each user becomes a member of the group that is named before them, of which they are not a member yet.
pub fn insert_members(inserts: &mut Inserts, members: impl Iterator<Item = (Uuid, Uuid)>) {
    let rows: Vec<group_members::Model> = members.map(|(group_id, user_id)| group_members::Model { group_id, user_id }).collect();
    inserts.add::<group_members::Entity>(&rows);
}

/// Takes `users` out of the group `id`. Returns the number of those who were members.
pub async fn remove_members(db: &impl ConnectionTrait, id: Uuid, users: &[Uuid]) -> Result<u64, StoreError> {
    revocations::of_users(db, users, &loss_of(db, id).await?).await?;
    let members = group_members::Entity::delete_many().filter(group_members::Column::GroupId.eq(id));
    Ok(members.filter(group_members::Column::UserId.is_in(users.iter().copied())).exec(db).await?.rows_affected)
}

/// Returns up to `limit` members of the group `id` after the user `after`, in the order of their ids, by which the index is sorted.
pub async fn members(db: &impl ConnectionTrait, id: Uuid, after: Option<Uuid>, limit: u64) -> Result<Vec<MemberRow>, StoreError> {
    use group_members::{Column, Entity, Relation};
    let condition = Condition::all().add(Column::GroupId.eq(id));
    members::page::<Entity>(db, condition, (Column::UserId, Relation::Users.def()), after, limit).await
}

/// Counts the members of the group `id`, up to `most`.
pub async fn count_members(db: &impl ConnectionTrait, id: Uuid, most: u64) -> Result<u64, StoreError> {
    let members = group_members::Entity::find().select_only().column(group_members::Column::UserId);
    let some = members.filter(group_members::Column::GroupId.eq(id)).limit(most);
    Ok(some.into_tuple::<Uuid>().all(db).await?.len() as u64)
}

/// Returns those of `users` who are members of the group `id`.
pub async fn members_among(db: &impl ConnectionTrait, id: Uuid, users: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let members = group_members::Entity::find().select_only().column(group_members::Column::UserId);
    let members = members.filter(group_members::Column::GroupId.eq(id)).filter(group_members::Column::UserId.is_in(users.iter().copied()));
    Ok(members.into_tuple().all(db).await?)
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
