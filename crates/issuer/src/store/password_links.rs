//! One-time links by which people set a password. A user has at most one.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::entity::password_links::{Column, Entity};
use crate::store::{StoreError, query};

pub use crate::store::entity::password_links::Model as PasswordLink;

/// Stores a link, in place of the one that its user had before.
pub async fn put(db: &impl ConnectionTrait, link: PasswordLink) -> Result<(), StoreError> {
    let columns = [Column::Hash, Column::ByAdministrator, Column::ExpiresAt];
    let or_replace = OnConflict::column(Column::UserId).update_columns(columns).to_owned();
    Entity::insert(link.into_active_model()).on_conflict(or_replace).exec_without_returning(db).await?;
    Ok(())
}

/// Returns the link with this hash, unless it has expired at `now`.
pub async fn by_hash(db: &impl ConnectionTrait, hash: &str, now: UnixSeconds) -> Result<Option<PasswordLink>, StoreError> {
    Ok(Entity::find().filter(Column::Hash.eq(hash)).filter(Column::ExpiresAt.gt(now)).all(db).await?.pop())
}

/// Spends the link of `user` with this hash. Returns `false` if it is spent, expired, or replaced by another link.
pub async fn spend(db: &impl ConnectionTrait, user: Uuid, hash: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let link = Entity::delete_many().filter(Column::UserId.eq(user)).filter(Column::Hash.eq(hash));
    Ok(link.filter(Column::ExpiresAt.gt(now)).exec(db).await?.rows_affected == 1)
}

/// Ends the link of `user`, if there is one.
pub async fn withdraw(db: &impl ConnectionTrait, user: Uuid) -> Result<(), StoreError> {
    Entity::delete_by_id(user).exec(db).await?;
    Ok(())
}

/// Deletes up to `limit` links that have expired at `now`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::ExpiresAt.lte(now), limit).await
}
