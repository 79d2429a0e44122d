//! Roles: named sets of scopes that users are given.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::{role_scopes, roles, user_roles};

/// The names of all roles.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let rows = roles::Entity::find().order_by_asc(roles::Column::Name).all(db).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Whether there is a role `name`.
pub async fn exists(db: &impl ConnectionTrait, name: &str) -> Result<bool, StoreError> {
    Ok(roles::Entity::find_by_id(name).one(db).await?.is_some())
}

/// The scopes of the role `name`.
pub async fn scopes(db: &impl ConnectionTrait, name: &str) -> Result<Vec<String>, StoreError> {
    let rows =
        role_scopes::Entity::find().filter(role_scopes::Column::Role.eq(name)).order_by_asc(role_scopes::Column::Scope).all(db).await?;
    Ok(rows.into_iter().map(|row| row.scope).collect())
}

/// Adds a role of `scopes`, which must exist.
pub async fn insert(db: &impl ConnectionTrait, name: &str, scopes: &[String], now: UnixSeconds) -> Result<(), StoreError> {
    let role = roles::Model { name: name.to_owned(), created_at: now };
    roles::Entity::insert(role.into_active_model()).exec_without_returning(db).await?;
    if !scopes.is_empty() {
        let rows = scopes.iter().map(|scope| role_scopes::Model { role: name.to_owned(), scope: scope.clone() }.into_active_model());
        role_scopes::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Removes the role `name`, from its users too. Returns `false` if there is no such role.
pub async fn remove(db: &impl ConnectionTrait, name: &str) -> Result<bool, StoreError> {
    Ok(roles::Entity::delete_by_id(name).exec(db).await?.rows_affected == 1)
}

/// The roles of a user.
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

/// Takes the role `name` from a user.
pub async fn take(db: &impl ConnectionTrait, user: Uuid, name: &str) -> Result<(), StoreError> {
    user_roles::Entity::delete_by_id((user, name.to_owned())).exec(db).await?;
    Ok(())
}
