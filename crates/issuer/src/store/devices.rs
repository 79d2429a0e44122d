//! The browsers in which users have signed in before. The table stores the hash of the device cookie, never the cookie itself.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, JoinType, QueryFilter, QueryOrder, QuerySelect, QueryTrait, RelationTrait,
    SelectExt,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::entity::devices::{Column, Entity, Model, Relation};
use crate::store::entity::users;
use crate::store::{StoreError, query};

/// The largest number of devices of one user. A further one replaces the one that was not used for the longest time.
const MOST: u64 = 20;

/// Returns whether the user with this username (in normal form) has signed in on the device before.
pub async fn is_known(db: &impl ConnectionTrait, hash: &str, username: &str) -> Result<bool, StoreError> {
    let known = Entity::find().join(JoinType::InnerJoin, Relation::Users.def()).filter(Column::Hash.eq(hash));
    Ok(known.filter(users::Column::Username.eq(username)).exists(db).await?)
}

/// Stores that `user` has signed in on the device, and deletes the user's oldest devices if there are more than 20.
pub async fn remember(db: &impl ConnectionTrait, hash: &str, user: Uuid, now: UnixSeconds) -> Result<(), StoreError> {
    let known = Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(now));
    if known.filter(Column::Hash.eq(hash)).filter(Column::UserId.eq(user)).exec(db).await?.rows_affected == 1 {
        return Ok(());
    }
    let row = Model { hash: hash.to_owned(), user_id: user, last_used_at: now };
    let or_renew = OnConflict::columns([Column::Hash, Column::UserId]).update_column(Column::LastUsedAt).to_owned();
    Entity::insert(row.into_active_model()).on_conflict(or_renew).exec_without_returning(db).await?;
    let others = || Entity::find().filter(Column::UserId.eq(user)).filter(Column::Hash.ne(hash));
    let kept = others().select_only().column(Column::Hash).order_by_desc(Column::LastUsedAt).order_by_asc(Column::Hash).limit(MOST - 1);
    Entity::delete_many()
        .filter(Column::UserId.eq(user))
        .filter(Column::Hash.ne(hash))
        .filter(Column::Hash.not_in_subquery(kept.into_query()))
        .exec(db)
        .await?;
    Ok(())
}

/// Forgets the devices of `user`, except `kept`.
pub async fn forget(db: &impl ConnectionTrait, user: Uuid, kept: Option<&str>) -> Result<(), StoreError> {
    let others = Entity::delete_many().filter(Column::UserId.eq(user));
    match kept {
        Some(kept) => others.filter(Column::Hash.ne(kept)).exec(db).await?,
        None => others.exec(db).await?,
    };
    Ok(())
}

/// Deletes up to `limit` devices that were last used before `before`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::LastUsedAt.lt(before), limit).await
}
