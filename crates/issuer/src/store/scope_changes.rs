//! Changes of the scopes that a resource owns. A scope that is removed is taken from all who hold it: clients, roles, consents and authorizations.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use crate::clock::UnixSeconds;
use crate::store::entity::{client_scopes, role_scopes, scopes};
use crate::store::resources::{ScopeRow, scopes_of};
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
        take(db, lost, now).await?;
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

/// Deletes the scopes `lost`. The database deletes with them that clients and roles hold them.
async fn take(db: &impl ConnectionTrait, lost: &[String], now: UnixSeconds) -> Result<(), StoreError> {
    revocations::of_clients_with(db, lost).await?;
    roles::count_change_of_holders(db, lost).await?;
    consents::forget_scopes(db, lost).await?;
    revocations::of_removed_scopes(db, lost, now).await?;
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
