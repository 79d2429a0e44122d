//! Names of users and groups that were renamed or deleted, as keyed hashes.

use std::collections::HashSet;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::retired_names::{Column, Entity, Model};

/// Stores that a name of `kind` with this `hash` was retired at `at`. `owner` is the id of the user or group that gave it up; `None` if they
/// were deleted.
pub async fn insert(db: &impl ConnectionTrait, kind: &str, hash: &str, owner: Option<Uuid>, at: UnixSeconds) -> Result<(), StoreError> {
    let row = Model { kind: kind.to_owned(), hash: hash.to_owned(), owner, at };
    let unless_known = OnConflict::new().do_nothing().to_owned();
    Entity::insert(row.into_active_model()).on_conflict(unless_known).exec_without_returning(db).await?;
    Ok(())
}

/// Returns for each name of `kind` that was retired with one of `hashes` the id of its owner; `None` for one that was deleted.
pub async fn owners(db: &impl ConnectionTrait, kind: &str, hashes: &[String]) -> Result<Vec<Option<Uuid>>, StoreError> {
    let rows = Entity::find().filter(Column::Kind.eq(kind)).filter(Column::Hash.is_in(hashes)).all(db).await?;
    Ok(rows.into_iter().map(|row| row.owner).collect())
}

/// Returns those of `hashes` under which a name of `kind` was retired.
pub async fn among(db: &impl ConnectionTrait, kind: &str, hashes: impl Iterator<Item = &str>) -> Result<HashSet<String>, StoreError> {
    let rows = Entity::find().filter(Column::Kind.eq(kind)).filter(Column::Hash.is_in(hashes)).all(db).await?;
    Ok(rows.into_iter().map(|row| row.hash).collect())
}

/// Forgets the names of `kind` with one of `hashes`. Returns `false` if none of them was retired.
pub async fn remove(db: &impl ConnectionTrait, kind: &str, hashes: &[String]) -> Result<bool, StoreError> {
    let retired = Entity::delete_many().filter(Column::Kind.eq(kind)).filter(Column::Hash.is_in(hashes));
    Ok(retired.exec(db).await?.rows_affected > 0)
}
