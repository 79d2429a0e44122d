//! Initial access tokens (RFC 7591 §3), by which clients may register themselves.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, SelectExt};

use crate::clock::UnixSeconds;
use crate::store::entity::registration_tokens::{Column, Entity, Model};
use crate::store::{StoreError, query};

/// Inserts a token that is good for `uses` registrations until `expires_at`.
pub async fn insert(db: &impl ConnectionTrait, hash: &str, uses: i32, expires_at: UnixSeconds) -> Result<(), StoreError> {
    let token = Model { hash: hash.to_owned(), uses_left: uses, expires_at };
    Entity::insert(token.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// A condition for the token with this hash, if it is neither expired nor used up.
fn is_good_now(hash: &str, now: UnixSeconds) -> Condition {
    Condition::all().add(Column::Hash.eq(hash)).add(Column::UsesLeft.gt(0)).add(Column::ExpiresAt.gt(now))
}

/// Uses a token once. Returns `false` if it is unknown, expired or used up.
pub async fn spend(db: &impl ConnectionTrait, hash: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let one_less = Entity::update_many().col_expr(Column::UsesLeft, Expr::col(Column::UsesLeft).sub(1));
    Ok(one_less.filter(is_good_now(hash, now)).exec(db).await?.rows_affected == 1)
}

/// Returns whether a token is known, not expired and not used up. Does not use it.
pub async fn is_good(db: &impl ConnectionTrait, hash: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    Ok(Entity::find().filter(is_good_now(hash, now)).exists(db).await?)
}

/// Deletes up to `limit` tokens that have expired at `now`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::ExpiresAt.lte(now), limit).await
}
