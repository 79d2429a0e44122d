//! Sessions: browsers that are signed in at the issuer.

use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DerivePartialModel, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    RelationTrait,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::entity::sessions::{Column, Entity, Relation};
use crate::store::entity::{session_clients as remembered, users};
use crate::store::query::{self, insert_if};
use crate::store::users::User;
use crate::store::{StoreError, session_clients};

pub use crate::store::entity::sessions::Model as SessionRow;

#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
struct WithUser {
    #[sea_orm(nested)]
    session: SessionRow,
    #[sea_orm(nested)]
    user: User,
}

/// Returns the session `sid` with its user, if it has neither ended nor expired at `now` and the user is enabled.
pub async fn live(db: &impl ConnectionTrait, sid: &str, now: UnixSeconds) -> Result<Option<(SessionRow, User)>, StoreError> {
    let found = Entity::find_by_id(sid)
        .join(JoinType::InnerJoin, Relation::Users.def())
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .filter(users::Column::DisabledAt.is_null())
        .into_partial_model::<WithUser>()
        .all(db)
        .await?
        .pop();
    Ok(found.map(|found| (found.session, found.user)))
}

/// Returns the session `sid` with the username of its user, whether it is live or not.
pub async fn by_sid(db: &impl ConnectionTrait, sid: &str) -> Result<Option<(SessionRow, String)>, StoreError> {
    let found =
        Entity::find_by_id(sid).join(JoinType::InnerJoin, Relation::Users.def()).into_partial_model::<WithUsername>().all(db).await?.pop();
    Ok(found.map(|found| (found.session, found.username)))
}

/// Returns the live sessions of a user, the one that was used last first.
pub async fn of_user(db: &impl ConnectionTrait, user: Uuid, now: UnixSeconds) -> Result<Vec<SessionRow>, StoreError> {
    Ok(Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .order_by_desc(Column::LastUsedAt)
        .order_by_asc(Column::Sid)
        .all(db)
        .await?)
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
struct WithUsername {
    #[sea_orm(nested)]
    session: SessionRow,
    #[sea_orm(from_expr = "Expr::col((users::Entity, users::Column::Username))")]
    username: String,
}

/// Returns up to `limit` live sessions of `user` (`None`: of all users), newest first, each with the username of its user. `after` are the time
/// and the `sid` of the last session of the previous page.
pub async fn page(
    db: &impl ConnectionTrait,
    user: Option<Uuid>,
    now: UnixSeconds,
    after: Option<(UnixSeconds, &str)>,
    limit: u64,
) -> Result<Vec<(SessionRow, String)>, StoreError> {
    // The first comparison alone bounds the index; the second one tells apart what began in the same second.
    let older = |(at, sid): (UnixSeconds, &str)| Column::CreatedAt.lte(at).and(Column::CreatedAt.lt(at).or(Column::Sid.lt(sid)));
    let condition = Condition::all()
        .add(Column::EndedAt.is_null())
        .add(Column::ExpiresAt.gt(now))
        .add_option(user.map(|user| Column::UserId.eq(user)))
        .add_option(after.map(older));
    let found = Entity::find()
        .join(JoinType::InnerJoin, Relation::Users.def())
        .filter(condition)
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Sid)
        .limit(limit)
        .into_partial_model::<WithUsername>()
        .all(db)
        .await?;
    Ok(found.into_iter().map(|found| (found.session, found.username)).collect())
}

/// Inserts a session if its user is enabled and still has this `credential_version`; otherwise returns `false`.
pub async fn insert(db: &impl ConnectionTrait, row: &SessionRow, credential_version: i32) -> Result<bool, StoreError> {
    let decision = Query::select()
        .from(users::Entity)
        .and_where(users::Column::Id.eq(row.user_id))
        .and_where(users::Column::DisabledAt.is_null())
        .and_where(users::Column::CredentialVersion.eq(credential_version))
        .lock(LockType::Share)
        .take();
    insert_if::<Entity>(db, row, decision).await
}

/// Stores in a live session that its user has signed in again, if the user is enabled and still has this `credential_version`;
/// otherwise returns `false`.
pub async fn signed_in_again(db: &impl ConnectionTrait, row: &SessionRow, credential_version: i32) -> Result<bool, StoreError> {
    let user = users::Entity::find()
        .filter(Expr::col((users::Entity, users::Column::Id)).equals((Entity, Column::UserId)))
        .filter(users::Column::DisabledAt.is_null())
        .filter(users::Column::CredentialVersion.eq(credential_version));
    let updated = Entity::update_many()
        .col_expr(Column::Passed, Expr::value(row.passed.as_str()))
        .col_expr(Column::LastUsedAt, Expr::value(row.last_used_at))
        .col_expr(Column::ExpiresAt, Expr::value(row.expires_at))
        .filter(Column::Sid.eq(row.sid.as_str()))
        .filter(Column::EndedAt.is_null())
        .filter(Expr::exists(user.into_query()))
        .exec(db)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Stores that a live session was used at `now` from `address`, and when it will therefore expire.
pub async fn touch(
    db: &impl ConnectionTrait,
    sid: &str,
    address: &str,
    now: UnixSeconds,
    expires_at: UnixSeconds,
) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .col_expr(Column::Address, Expr::value(address))
        .filter(Column::Sid.eq(sid))
        .filter(Column::EndedAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Ends the session `sid` of `user`. Returns `false` if it had already ended, or if it belongs to another user.
pub async fn end(db: &impl ConnectionTrait, sid: &str, user: Uuid, now: UnixSeconds) -> Result<bool, StoreError> {
    let ended = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::Sid.eq(sid))
        .filter(Column::UserId.eq(user))
        .filter(Column::EndedAt.is_null())
        .exec(db)
        .await?;
    Ok(ended.rows_affected == 1)
}

/// Deletes up to `limit` sessions that ended or expired before `before`; returns their number. Nobody is told of those that only expired.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let over = || Condition::any().add(Column::ExpiresAt.lt(before)).add(Column::EndedAt.lt(before));
    session_clients::forget(db, over(), limit).await?;
    let own = Expr::col((remembered::Entity, remembered::Column::Sid)).equals((Entity, Column::Sid));
    let clients = remembered::Entity::find().filter(own).into_query();
    query::purge::<Entity>(db, Condition::all().add(over()).add(Expr::exists(clients).not()), limit).await
}
