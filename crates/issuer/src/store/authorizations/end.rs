//! Ends authorizations. From then on the issuer refuses all tokens that were given under them.

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::authorizations::{Column, Entity};
use crate::store::query::allow_long_statements;

use super::of;

/// Ends the authorization `id`. Returns `false` if it had already ended, or if it does not exist.
pub async fn end(db: &impl ConnectionTrait, id: Uuid, now: UnixSeconds) -> Result<bool, StoreError> {
    let ended = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::EndedAt.is_null())
        .exec(db)
        .await?;
    Ok(ended.rows_affected == 1)
}

/// Ends all authorizations of a user, of a client, or of a user for a client; returns their number.
pub async fn end_all(db: &impl ConnectionTrait, user: Option<Uuid>, client: Option<&str>, now: UnixSeconds) -> Result<u64, StoreError> {
    allow_long_statements(db).await?;
    end_where(db, of(user, client), now).await
}

/// Ends the authorizations that were given in the session `sid` and do not outlive it; returns their number.
pub async fn end_of_session(db: &impl ConnectionTrait, sid: &str, now: UnixSeconds) -> Result<u64, StoreError> {
    end_where(db, Condition::all().add(Column::Sid.eq(sid)).add(Column::Offline.eq(false)), now).await
}

/// Ends the authorizations of `user` that were given in any session and do not outlive it; returns their number.
pub async fn end_of_all_sessions(db: &impl ConnectionTrait, user: Uuid, now: UnixSeconds) -> Result<u64, StoreError> {
    let in_session = of(Some(user), None).add(Column::Sid.is_not_null()).add(Column::Offline.eq(false));
    end_where(db, in_session, now).await
}

/// Ends all authorizations of `user`, except those that end with the session `sid`, and except those of `kept` that outlive a session;
/// returns their number.
pub async fn end_elsewhere(db: &impl ConnectionTrait, user: Uuid, sid: &str, kept: &[Uuid], now: UnixSeconds) -> Result<u64, StoreError> {
    let outlives = Condition::any().add(Column::Sid.is_null()).add(Column::Offline.eq(true));
    let elsewhere = Condition::any().add(Column::Sid.ne(sid)).add(outlives.clone());
    let kept = Condition::all().add(Column::Id.is_in(kept.iter().copied())).add(outlives);
    end_where(db, of(Some(user), None).add(elsewhere).add(kept.not()), now).await
}

/// Ends the authorizations that meet `condition`. Locks them by id, as the order of locks in [`crate::store`] requires.
async fn end_where(db: &impl ConnectionTrait, condition: Condition, now: UnixSeconds) -> Result<u64, StoreError> {
    let locked = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::EndedAt.is_null())
        .filter(condition)
        .order_by_asc(Column::Id)
        .lock(LockType::Update)
        .into_query();
    let ended = Entity::update_many().col_expr(Column::EndedAt, Expr::value(now)).filter(Column::Id.in_subquery(locked)).exec(db).await?;
    Ok(ended.rows_affected)
}
