//! The stored key ring, and which master keys it is sealed under.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryOrder};

use crate::clock::UnixSeconds;
use crate::store::entity::{master_keys, signing_keys};
use crate::store::{StoreError, execute, locked, query_all};

pub use crate::store::entity::signing_keys::Model as SigningKeyRow;

/// All keys, in the order in which they sign.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<SigningKeyRow>, StoreError> {
    Ok(signing_keys::Entity::find().order_by_asc(signing_keys::Column::Sequence).all(db).await?)
}

/// Adds `key`, whose place in the sequence must be free.
pub async fn insert(db: &impl ConnectionTrait, key: SigningKeyRow) -> Result<(), StoreError> {
    signing_keys::Entity::insert(key.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Adds `key`. False if its place in the sequence was taken by another node.
pub async fn insert_if_free(db: &impl ConnectionTrait, key: SigningKeyRow) -> Result<bool, StoreError> {
    let on_conflict = OnConflict::column(signing_keys::Column::Sequence).do_nothing().to_owned();
    // Not by try_insert, which calls an insert of no row a success.
    Ok(signing_keys::Entity::insert(key.into_active_model()).on_conflict(on_conflict).exec_without_returning(db).await? == 1)
}

/// Keeps all keys as they are until the caller's transaction ends.
pub async fn lock(db: &impl ConnectionTrait) -> Result<(), StoreError> {
    query_all(db, &format!("SELECT kid FROM signing_keys ORDER BY sequence{}", locked(db, "UPDATE")), []).await?;
    Ok(())
}

/// Marks `kid` as revoked. False if it is unknown or was revoked before.
pub async fn revoke(db: &impl ConnectionTrait, kid: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let sql = "UPDATE signing_keys SET revoked_at = $2, sealed_private = NULL WHERE kid = $1 AND revoked_at IS NULL";
    Ok(execute(db, sql, [kid.into(), now.into()]).await? == 1)
}

/// Lets `kid` sign from `now` on, if it would only later.
pub async fn activate(db: &impl ConnectionTrait, kid: &str, now: UnixSeconds) -> Result<(), StoreError> {
    execute(db, "UPDATE signing_keys SET activates_at = $2 WHERE kid = $1 AND activates_at > $2", [kid.into(), now.into()]).await?;
    Ok(())
}

/// Erases the private part of `kid`.
pub async fn erase_private(db: &impl ConnectionTrait, kid: &str) -> Result<(), StoreError> {
    execute(db, "UPDATE signing_keys SET sealed_private = NULL WHERE kid = $1 AND sealed_private IS NOT NULL", [kid.into()]).await?;
    Ok(())
}

/// Forgets `kid` altogether.
pub async fn remove(db: &impl ConnectionTrait, kid: &str) -> Result<(), StoreError> {
    signing_keys::Entity::delete_by_id(kid).exec(db).await?;
    Ok(())
}

/// How many keys there are.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64, StoreError> {
    Ok(signing_keys::Entity::find().count(db).await?)
}

/// The fingerprints of the master keys that this database was ever sealed under, by version.
pub async fn master_fingerprints(db: &impl ConnectionTrait) -> Result<Vec<(i32, String)>, StoreError> {
    let rows = master_keys::Entity::find().order_by_asc(master_keys::Column::Version).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.version, row.fingerprint)).collect())
}

/// Notes the fingerprint of a master key version, unless it is known.
pub async fn note_master(db: &impl ConnectionTrait, version: i32, fingerprint: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO master_keys (version, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    execute(db, sql, [version.into(), fingerprint.into()]).await?;
    Ok(())
}
