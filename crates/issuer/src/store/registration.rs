//! Secrets of clients that register or authenticate themselves: initial access tokens, and assertions that were used.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, SelectExt};

use crate::clock::UnixSeconds;
use crate::store::entity::{client_assertions, registration_tokens};
use crate::store::{StoreError, query};

/// Adds an initial access token that is good for `uses` registrations until `expires_at`.
pub async fn insert_token(db: &impl ConnectionTrait, hash: &str, uses: i32, expires_at: UnixSeconds) -> Result<(), StoreError> {
    let token = registration_tokens::Model { hash: hash.to_owned(), uses_left: uses, expires_at };
    registration_tokens::Entity::insert(token.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Holds for the token `hash` while it is neither expired nor used up.
fn good_token(hash: &str, now: UnixSeconds) -> Condition {
    use registration_tokens::Column;
    Condition::all().add(Column::Hash.eq(hash)).add(Column::UsesLeft.gt(0)).add(Column::ExpiresAt.gt(now))
}

/// Uses an initial access token once. Returns `false` if it is unknown, expired or used up.
pub async fn use_token(db: &impl ConnectionTrait, hash: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let used = registration_tokens::Entity::update_many()
        .col_expr(registration_tokens::Column::UsesLeft, Expr::col(registration_tokens::Column::UsesLeft).sub(1))
        .filter(good_token(hash, now))
        .exec(db)
        .await?;
    Ok(used.rows_affected == 1)
}

/// Whether an initial access token is good. Does not use it.
pub async fn token_is_good(db: &impl ConnectionTrait, hash: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    Ok(registration_tokens::Entity::find().filter(good_token(hash, now)).exists(db).await?)
}

/// Notes that the client assertion `hash` was used. Returns `false` if that was noted before.
pub async fn use_assertion(db: &impl ConnectionTrait, hash: &str, expires_at: UnixSeconds) -> Result<bool, StoreError> {
    let assertion = client_assertions::Model { hash: hash.to_owned(), expires_at };
    let unless_known = OnConflict::column(client_assertions::Column::Hash).do_nothing().to_owned();
    let insert = client_assertions::Entity::insert(assertion.into_active_model()).on_conflict(unless_known);
    Ok(insert.exec_without_returning(db).await? == 1)
}

/// Forgets up to `limit` tokens and as many assertions whose time is up; returns their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let tokens = query::purge::<registration_tokens::Entity>(db, registration_tokens::Column::ExpiresAt.lte(now), limit).await?;
    Ok(tokens + query::purge::<client_assertions::Entity>(db, client_assertions::Column::ExpiresAt.lte(now), limit).await?)
}
