//! The stored signing keys, and the fingerprints of the master keys under which they are sealed.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::signing_keys::Column;
use crate::store::entity::{master_keys, signing_keys};
use crate::store::query::{columns, text};

pub use crate::store::entity::signing_keys::Model as SigningKeyRow;

/// Returns all keys, in the order in which they sign.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<SigningKeyRow>, StoreError> {
    Ok(signing_keys::Entity::find().order_by_asc(Column::Sequence).all(db).await?)
}

/// Returns all keys, in the order in which they sign. Fails with [`StoreError::Unwritable`] if the server refuses to write, because what a
/// standby, or a primary that was demoted, shows may be old. SQLite has one file, so what it shows is never old.
pub async fn all_of_primary(db: &impl ConnectionTrait) -> Result<Vec<SigningKeyRow>, StoreError> {
    if db.get_database_backend() != DbBackend::Postgres {
        return all(db).await;
    }
    // One statement, because the next one may run on a connection to another server.
    let sql = format!(
        "SELECT {}, current_setting('transaction_read_only') = 'on' AS read_only FROM signing_keys ORDER BY sequence",
        columns::<signing_keys::Entity>("signing_keys", "")
    );
    let mut keys = Vec::new();
    for row in db.query_all_raw(text(db, sql, [])).await? {
        if row.try_get::<bool>("", "read_only")? {
            return Err(StoreError::Unwritable(DbErr::Custom("the server is read-only".to_owned())));
        }
        keys.push(SigningKeyRow::from_query_result(&row, "")?);
    }
    Ok(keys)
}

/// Inserts `key`. Fails with [`StoreError::Conflict`] if its place in the sequence is taken.
pub async fn insert(db: &impl ConnectionTrait, key: SigningKeyRow) -> Result<(), StoreError> {
    signing_keys::Entity::insert(key.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Inserts `key`. Returns `false` if another node took its place in the sequence.
pub async fn insert_if_free(db: &impl ConnectionTrait, key: SigningKeyRow) -> Result<bool, StoreError> {
    let on_conflict = OnConflict::column(Column::Sequence).do_nothing().to_owned();
    // `try_insert` is not used here, because it reports a success even if it inserted no row.
    Ok(signing_keys::Entity::insert(key.into_active_model()).on_conflict(on_conflict).exec_without_returning(db).await? == 1)
}

/// Locks all keys against changes until the caller's transaction ends.
pub async fn lock(db: &impl ConnectionTrait) -> Result<(), StoreError> {
    signing_keys::Entity::find().order_by_asc(Column::Sequence).lock_exclusive().all(db).await?;
    Ok(())
}

/// Marks `kid` as revoked and erases its private part. Returns `false` if it is unknown or was revoked before.
pub async fn revoke(db: &impl ConnectionTrait, kid: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let revoked = signing_keys::Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .col_expr(Column::SealedPrivate, Expr::value(None::<String>))
        .filter(Column::Kid.eq(kid))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(revoked.rows_affected == 1)
}

/// Makes `kid` sign from `now` on, if it would otherwise sign only later.
pub async fn activate(db: &impl ConnectionTrait, kid: &str, now: UnixSeconds) -> Result<(), StoreError> {
    signing_keys::Entity::update_many()
        .col_expr(Column::ActivatesAt, Expr::value(now))
        .filter(Column::Kid.eq(kid))
        .filter(Column::ActivatesAt.gt(now))
        .exec(db)
        .await?;
    Ok(())
}

/// Erases the private part of `kid`, and keeps the public part. Returns `false` if it was already erased.
pub async fn erase_private(db: &impl ConnectionTrait, kid: &str) -> Result<bool, StoreError> {
    let erased = signing_keys::Entity::update_many()
        .col_expr(Column::SealedPrivate, Expr::value(None::<String>))
        .filter(Column::Kid.eq(kid))
        .filter(Column::SealedPrivate.is_not_null())
        .exec(db)
        .await?;
    Ok(erased.rows_affected == 1)
}

/// Deletes the row of `kid`, with the public part.
pub async fn remove(db: &impl ConnectionTrait, kid: &str) -> Result<(), StoreError> {
    signing_keys::Entity::delete_by_id(kid).exec(db).await?;
    Ok(())
}

/// Returns the number of signing keys, in whatever state.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64, StoreError> {
    Ok(signing_keys::Entity::find().count(db).await?)
}

/// Returns the versions and fingerprints of the master keys that this database was ever sealed under, by version.
pub async fn master_fingerprints(db: &impl ConnectionTrait) -> Result<Vec<(i32, String)>, StoreError> {
    let rows = master_keys::Entity::find().order_by_asc(master_keys::Column::Version).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.version, row.fingerprint)).collect())
}

/// Stores the fingerprint of a master key version, unless that version is stored already.
pub async fn note_master(db: &impl ConnectionTrait, version: i32, fingerprint: &str) -> Result<(), StoreError> {
    let row = master_keys::Model { version, fingerprint: fingerprint.to_owned() };
    let unless_known = OnConflict::new().do_nothing().to_owned();
    master_keys::Entity::insert(row.into_active_model()).on_conflict(unless_known).exec_without_returning(db).await?;
    Ok(())
}
