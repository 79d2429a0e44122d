//! Roles: named sets of scopes that users are given.

use std::collections::{BTreeSet, HashMap};

use sea_orm::sea_query::{Expr, ExprTrait, LockType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, JoinType, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, RelationTrait, Select, UpdateMany,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::config::ADMIN;
use crate::oauth::scope::ADMIN_SCOPES;
use crate::store::entity::{group_members, group_roles, groups, role_scopes, roles, scopes, user_roles, users};
use crate::store::members::{self, MemberRow};
use crate::store::query::insert_unless_taken;
use crate::store::revocations::Loss;
use crate::store::{Inserts, StoreError, revocations};

pub use crate::store::entity::roles::Model as RoleRow;

/// Returns up to `limit` roles after the name `after`, in the order of their names.
pub async fn page(db: &impl ConnectionTrait, after: Option<&str>, limit: u64) -> Result<Vec<RoleRow>, StoreError> {
    let condition = Condition::all().add_option(after.map(|after| roles::Column::Name.gt(after)));
    Ok(roles::Entity::find().filter(condition).order_by_asc(roles::Column::Name).limit(limit).all(db).await?)
}

/// Returns the role `name`.
pub async fn row(db: &impl ConnectionTrait, name: &str) -> Result<Option<RoleRow>, StoreError> {
    Ok(roles::Entity::find_by_id(name).all(db).await?.pop())
}

/// Locks the role `name`, so that no other transaction changes it until the caller's transaction ends.
pub async fn lock(db: &impl ConnectionTrait, name: &str) -> Result<(), StoreError> {
    roles::Entity::find_by_id(name).lock_exclusive().all(db).await?;
    Ok(())
}

/// Increments the version of each role that has one of `scopes`, which are about to be removed.
pub async fn count_change_of_holders(db: &impl ConnectionTrait, scopes: &[String]) -> Result<(), StoreError> {
    let holders = role_scopes::Entity::find().select_only().column(role_scopes::Column::Role);
    let holders = holders.filter(role_scopes::Column::Scope.is_in(scopes.iter().map(String::as_str))).into_query();
    roles::Entity::update_many()
        .col_expr(roles::Column::Version, Expr::col(roles::Column::Version).add(1))
        .filter(roles::Column::Name.in_subquery(holders))
        .exec(db)
        .await?;
    Ok(())
}

/// Sets the display name of a role, and whether the help desk may give it.
pub async fn set(db: &impl ConnectionTrait, name: &str, display_name: Option<&str>, delegated: bool) -> Result<(), StoreError> {
    changed(name)
        .col_expr(roles::Column::DisplayName, Expr::value(display_name.map(str::to_owned)))
        .col_expr(roles::Column::Delegated, Expr::value(delegated))
        .exec(db)
        .await?;
    Ok(())
}

/// A statement that changes the role `name` and increments its version.
fn changed(name: &str) -> UpdateMany<roles::Entity> {
    let next = Expr::col(roles::Column::Version).add(1);
    roles::Entity::update_many().col_expr(roles::Column::Version, next).filter(roles::Column::Name.eq(name))
}

/// Returns the scopes of each of the roles `names`. A role without scopes is left out.
pub async fn scopes_of(db: &impl ConnectionTrait, names: impl Iterator<Item = &str>) -> Result<HashMap<String, Vec<String>>, StoreError> {
    let rows = role_scopes::Entity::find().filter(role_scopes::Column::Role.is_in(names)).order_by_asc(role_scopes::Column::Scope);
    let mut scopes = HashMap::<String, Vec<String>>::new();
    for row in rows.all(db).await? {
        scopes.entry(row.role).or_default().push(row.scope);
    }
    Ok(scopes)
}

/// Returns whether there is a role `name`.
pub async fn exists(db: &impl ConnectionTrait, name: &str) -> Result<bool, StoreError> {
    Ok(!roles::Entity::find_by_id(name).all(db).await?.is_empty())
}

/// Returns the scopes of the role `name` in alphabetical order; none if there is no such role.
pub async fn scopes(db: &impl ConnectionTrait, name: &str) -> Result<Vec<String>, StoreError> {
    let rows =
        role_scopes::Entity::find().filter(role_scopes::Column::Role.eq(name)).order_by_asc(role_scopes::Column::Scope).all(db).await?;
    Ok(rows.into_iter().map(|row| row.scope).collect())
}

/// Inserts a role with `scopes`, which must exist. `display_name` is what people are shown. Returns `false`, and inserts nothing, if the name
/// is taken.
pub async fn insert(
    db: &impl ConnectionTrait,
    name: &str,
    display_name: Option<&str>,
    delegated: bool,
    scopes: &[String],
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    let display_name = display_name.map(str::to_owned);
    let role = roles::Model { name: name.to_owned(), display_name, delegated, version: 0, created_at: now };
    if !insert_unless_taken::<roles::Entity>(db, role).await? {
        return Ok(false);
    }
    insert_scopes(db, name, scopes).await?;
    Ok(true)
}

async fn insert_scopes(db: &impl ConnectionTrait, name: &str, scopes: &[String]) -> Result<(), StoreError> {
    if !scopes.is_empty() {
        let rows = scopes.iter().map(|scope| role_scopes::Model { role: name.to_owned(), scope: scope.clone() }.into_active_model());
        role_scopes::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Gives the role `name` the scopes `scopes`, which must exist, in place of those that it had.
pub async fn replace_scopes(db: &impl ConnectionTrait, name: &str, scopes: &[String]) -> Result<(), StoreError> {
    let mut lost = self::scopes(db, name).await?;
    lost.retain(|scope| !scopes.contains(scope));
    if !lost.is_empty() {
        revocations::of_scopes(db, name, lost).await?;
    }
    role_scopes::Entity::delete_many().filter(role_scopes::Column::Role.eq(name)).exec(db).await?;
    changed(name).exec(db).await?;
    insert_scopes(db, name, scopes).await
}

/// Deletes the role `name`, which its users lose too. Returns `false` if there is no such role.
pub async fn remove(db: &impl ConnectionTrait, name: &str) -> Result<bool, StoreError> {
    revocations::of_role(db, name).await?;
    Ok(roles::Entity::delete_by_id(name).exec(db).await?.rows_affected == 1)
}

/// Returns the roles of a user in alphabetical order.
pub async fn of_user(db: &impl ConnectionTrait, user: Uuid) -> Result<Vec<String>, StoreError> {
    let rows =
        user_roles::Entity::find().filter(user_roles::Column::UserId.eq(user)).order_by_asc(user_roles::Column::Role).all(db).await?;
    Ok(rows.into_iter().map(|row| row.role).collect())
}

/// Gives a user the role `name`, which must exist and which the user must not have.
pub async fn give(db: &impl ConnectionTrait, user: Uuid, name: &str) -> Result<(), StoreError> {
    let row = user_roles::Model { user_id: user, role: name.to_owned() };
    user_roles::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Adds to `inserts` that each user gets the role that is named beside them, which must exist and which the user must not have.
pub fn give_all(inserts: &mut Inserts, given: impl Iterator<Item = (Uuid, String)>) {
    let rows: Vec<user_roles::Model> = given.map(|(user_id, role)| user_roles::Model { user_id, role }).collect();
    inserts.add::<user_roles::Entity>(&rows);
}

/// Takes the role `name` from a user, if the user has it.
pub async fn take(db: &impl ConnectionTrait, user: Uuid, name: &str) -> Result<(), StoreError> {
    if user_roles::Entity::delete_by_id((user, name.to_owned())).exec(db).await?.rows_affected == 0 {
        return Ok(());
    }
    revocations::of_users(db, &[user], &Loss::of(db, &[name.to_owned()], None).await?).await
}

/// Returns the roles of each of the users `ids`. A user without roles is left out.
pub async fn of_users(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, Vec<String>>, StoreError> {
    let rows = user_roles::Entity::find().filter(user_roles::Column::UserId.is_in(ids)).order_by_asc(user_roles::Column::Role);
    let mut roles = HashMap::<Uuid, Vec<String>>::new();
    for row in rows.all(db).await? {
        roles.entry(row.user_id).or_default().push(row.role);
    }
    Ok(roles)
}

/// A role that a user has through a group.
#[derive(Debug, Clone, FromQueryResult)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ThroughGroup {
    pub user_id: Uuid,
    pub role: String,
    /// The name of the group.
    pub group: String,
}

/// Returns the roles that the users `ids` have through groups, in the order of the roles and then of the groups.
pub async fn through_groups(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<Vec<ThroughGroup>, StoreError> {
    Ok(group_members::Entity::find()
        .select_only()
        .column(group_members::Column::UserId)
        .column(group_roles::Column::Role)
        .column_as(groups::Column::Name, "group")
        .join(JoinType::InnerJoin, group_members::Relation::Groups.def())
        .join(JoinType::InnerJoin, group_roles::Relation::Groups.def().rev())
        .filter(group_members::Column::UserId.is_in(ids))
        .order_by_asc(group_roles::Column::Role)
        .order_by_asc(groups::Column::Name)
        .into_model::<ThroughGroup>()
        .all(db)
        .await?)
}

/// Returns up to `limit` users after the user `after` who have the role `name` directly, in the order of their ids, by which the index is
/// sorted.
pub async fn holders(db: &impl ConnectionTrait, name: &str, after: Option<Uuid>, limit: u64) -> Result<Vec<MemberRow>, StoreError> {
    use user_roles::{Column, Entity, Relation};
    let condition = Condition::all().add(Column::Role.eq(name));
    members::page::<Entity>(db, condition, (Column::UserId, Relation::Users.def()), after, limit).await
}

/// Makes every other caller wait until the caller's transaction ends. Each transaction that may reduce the number of administrators
/// calls it. It locks the scope `admin`, which always exists, in a mode that still lets other transactions refer to the scope from
/// roles and clients.
pub async fn lock_administrators(db: &impl ConnectionTrait) -> Result<(), StoreError> {
    scopes::Entity::find_by_id(ADMIN).lock(LockType::NoKeyUpdate).all(db).await?.pop();
    Ok(())
}

/// Selects the ids of the users who hold one of `scopes`: of those who have a role of it directly, and of those who have it through a group.
fn holders_of(scopes: impl IntoIterator<Item = &'static str>) -> (Select<user_roles::Entity>, Select<group_members::Entity>) {
    let roles = role_scopes::Entity::find()
        .select_only()
        .column(role_scopes::Column::Role)
        .filter(role_scopes::Column::Scope.is_in(scopes))
        .into_query();
    let directly = user_roles::Entity::find()
        .select_only()
        .column(user_roles::Column::UserId)
        .filter(user_roles::Column::Role.in_subquery(roles.clone()));
    let carriers =
        group_roles::Entity::find().select_only().column(group_roles::Column::GroupId).filter(group_roles::Column::Role.in_subquery(roles));
    let through_groups = group_members::Entity::find()
        .select_only()
        .column(group_members::Column::UserId)
        .filter(group_members::Column::GroupId.in_subquery(carriers.into_query()));
    (directly, through_groups)
}

/// Returns whether one of `users` holds a scope of administration, directly or through a group.
pub async fn hold_administration(db: &impl ConnectionTrait, users: &[Uuid]) -> Result<bool, StoreError> {
    administrators_among(db, users).await.map(|administrators| !administrators.is_empty())
}

/// Returns those of `users` who hold a scope of administration, directly or through a group.
pub async fn administrators_among(db: &impl ConnectionTrait, users: &[Uuid]) -> Result<BTreeSet<Uuid>, StoreError> {
    if users.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (directly, through_groups) = holders_of(ADMIN_SCOPES.iter().map(|(name, _)| *name));
    let directly = directly.filter(user_roles::Column::UserId.is_in(users.iter().copied()));
    let through_groups = through_groups.filter(group_members::Column::UserId.is_in(users.iter().copied()));
    let mut found: BTreeSet<Uuid> = directly.into_tuple().all(db).await?.into_iter().collect();
    found.extend(through_groups.into_tuple::<Uuid>().all(db).await?);
    Ok(found)
}

/// Returns the names of the first `limit` roles that are delegated to the help desk, in alphabetical order.
pub async fn delegated(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<String>, StoreError> {
    // The index `roles_delegated` is on this condition.
    let found = roles::Entity::find().filter(Expr::col(roles::Column::Delegated)).order_by_asc(roles::Column::Name).limit(limit);
    Ok(found.all(db).await?.into_iter().map(|row| row.name).collect())
}

/// Returns whether there is an enabled user with a password who holds the scope `admin`, directly or through a group.
pub async fn has_administrator(db: &impl ConnectionTrait) -> Result<bool, StoreError> {
    has_administrator_beside(db, &BTreeSet::new()).await
}

/// Returns whether there is such a user who is not one of `others`.
pub async fn has_administrator_beside(db: &impl ConnectionTrait, others: &BTreeSet<Uuid>) -> Result<bool, StoreError> {
    let (directly, through_groups) = holders_of([ADMIN]);
    for holders in [directly.into_query(), through_groups.into_query()] {
        let administrators = users::Entity::find()
            .select_only()
            .column(users::Column::Id)
            .filter(users::Column::DisabledAt.is_null())
            .filter(users::Column::PasswordHash.is_not_null())
            .filter(users::Column::Id.in_subquery(holders));
        // Of one more than there are others, at least one is none of them.
        let some: Vec<Uuid> = administrators.limit(others.len() as u64 + 1).into_tuple().all(db).await?;
        if some.iter().any(|id| !others.contains(id)) {
            return Ok(true);
        }
    }
    Ok(false)
}
