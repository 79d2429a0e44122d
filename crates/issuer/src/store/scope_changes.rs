//! Changes of the scopes that a resource owns. A scope that is removed is taken from all who hold it: clients, roles, consents and authorizations.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use crate::clock::UnixSeconds;
use crate::store::entity::{client_scopes, resources, role_scopes, scopes};
use crate::store::resources::{ResourceRow, ScopeRow, row, scopes_of};
use crate::store::{StoreError, consents, revocations, roles};

/// The number of scopes that are taken away in one go, because each makes the conditions of the statements longer.
const AT_ONCE: usize = 100;

/// Gives the resource `id` the scopes `owned` in place of those that it has. A scope that stays can get another description. The new ones
/// must not exist yet. The order of the statements is that of the locks in [`crate::store`].
pub async fn set(db: &impl ConnectionTrait, id: &str, owned: Vec<ScopeRow>, now: UnixSeconds) -> Result<(), StoreError> {
    let earlier = scopes_of(db, std::iter::once(id)).await?;
    let is_kept = |scope: &ScopeRow| owned.iter().any(|kept| kept.name == scope.name);
    let lost: Vec<String> = earlier.iter().filter(|scope| !is_kept(scope)).map(|scope| scope.name.clone()).collect();
    for lost in lost.chunks(AT_ONCE) {
        take(db, lost, None, now).await?;
    }
    let mut new = Vec::new();
    for scope in owned {
        match earlier.iter().find(|earlier| earlier.name == scope.name) {
            Some(same) if *same == scope => {}
            Some(_) => describe(db, &scope).await?,
            None => new.push(scope.into_active_model()),
        }
    }
    if !new.is_empty() {
        scopes::Entity::insert_many(new).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Deletes the resource with the key `id` and all its scopes, and refuses the access tokens that may be for it. Returns `false` if there is no
/// such resource.
pub async fn remove_owner(db: &impl ConnectionTrait, id: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let Some(resource) = row(db, id).await? else { return Ok(false) };
    let lost: Vec<String> = scopes_of(db, std::iter::once(id)).await?.into_iter().map(|scope| scope.name).collect();
    // A resource without scopes can be named all the same.
    let (first, rest) = lost.split_at(lost.len().min(AT_ONCE));
    take(db, first, Some(&resource), now).await?;
    for lost in rest.chunks(AT_ONCE) {
        take(db, lost, None, now).await?;
    }
    Ok(resources::Entity::delete_by_id(id).exec(db).await?.rows_affected == 1)
}

/// Deletes the scopes `lost`. The database deletes with them that clients and roles hold them. Also refuses the access tokens that may be for
/// `resource`, if it is removed with them.
async fn take(db: &impl ConnectionTrait, lost: &[String], resource: Option<&ResourceRow>, now: UnixSeconds) -> Result<(), StoreError> {
    revocations::of_clients_with(db, lost, resource.map(|resource| resource.id.as_str())).await?;
    if !lost.is_empty() {
        roles::count_change_of_holders(db, lost).await?;
        consents::forget_scopes(db, lost).await?;
    }
    revocations::of_removed_scopes(db, lost, resource.and_then(|resource| resource.identifier.as_deref()), now).await?;
    scopes::Entity::delete_many().filter(scopes::Column::Name.is_in(lost.iter().map(String::as_str))).exec(db).await?;
    Ok(())
}

async fn describe(db: &impl ConnectionTrait, scope: &ScopeRow) -> Result<(), StoreError> {
    use scopes::Column;
    let described = scopes::Entity::update_many().col_expr(Column::Description, Expr::value(scope.description.as_str()));
    described.filter(Column::Name.eq(scope.name.as_str())).exec(db).await?;
    Ok(())
}

/// Returns up to `limit` roles that have the scope `name`, in alphabetical order.
pub async fn roles_with(db: &impl ConnectionTrait, name: &str, limit: u64) -> Result<Vec<String>, StoreError> {
    use role_scopes::Column;
    let holders = role_scopes::Entity::find().filter(Column::Scope.eq(name)).order_by_asc(Column::Role).limit(limit);
    Ok(holders.all(db).await?.into_iter().map(|row| row.role).collect())
}

/// Returns up to `limit` clients that are registered for the scope `name`, in the order of their ids.
pub async fn clients_with(db: &impl ConnectionTrait, name: &str, limit: u64) -> Result<Vec<String>, StoreError> {
    use client_scopes::Column;
    let holders = client_scopes::Entity::find().filter(Column::Scope.eq(name)).order_by_asc(Column::ClientId).limit(limit);
    Ok(holders.all(db).await?.into_iter().map(|row| row.client_id).collect())
}
