//! Authorization codes, stored under their SHA-256. A spent code is deleted together with its authorization, so that a
//! second use of the code is noticed until then.

use sea_orm::sea_query::{Expr, ExprTrait, LockType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DerivePartialModel, EntityName, EntityTrait, IntoActiveModel, JoinType, QueryFilter,
    QuerySelect, QueryTrait, RelationTrait,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::authorizations::parties;
use crate::store::client_groups::may_use;
use crate::store::entity::authorization_codes::{Column, Entity, Relation};
use crate::store::entity::{clients, sessions, users};
use crate::store::users::User;
use crate::store::{StoreError, query};

pub use crate::store::entity::authorization_codes::Model as CodeRow;

/// A code that is to be spent, with the rows that must not change meanwhile.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SpentCode<'a> {
    pub hash: &'a str,
    pub user: Uuid,
    pub client: &'a str,
    pub sid: &'a str,
}

/// Inserts a new code.
pub async fn insert(db: &impl ConnectionTrait, row: &CodeRow) -> Result<(), StoreError> {
    Entity::insert(row.clone().into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// A code, with its user and the session in which it was given.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
#[expect(missing_docs, reason = "the names say it")]
pub struct CodeInSession {
    #[sea_orm(nested)]
    pub code: CodeRow,
    #[sea_orm(nested)]
    pub user: User,
    /// Unix seconds; `None` if the session has ended.
    #[sea_orm(from_expr = "session_expires_at()")]
    pub session_expires_at: Option<UnixSeconds>,
    /// `true` if the user may sign in to the client.
    #[sea_orm(from_expr = r#"Expr::cust(may_use("authorization_codes.client_id"))"#)]
    pub may_use: bool,
}

fn session_expires_at() -> Expr {
    let own = Expr::col((sessions::Entity, sessions::Column::Sid)).equals((Entity, Column::Sid));
    let session = sessions::Entity::find().filter(own).filter(sessions::Column::EndedAt.is_null());
    Expr::SubQuery(None, Box::new(session.select_only().column(sessions::Column::ExpiresAt).into_query().into()))
}

/// Returns the code with this hash, even if it is spent or expired.
pub async fn find(db: &impl ConnectionTrait, hash: &str) -> Result<Option<CodeInSession>, StoreError> {
    let code = Entity::find_by_id(hash).join(JoinType::InnerJoin, Relation::Users.def());
    Ok(code.into_partial_model::<CodeInSession>().all(db).await?.pop())
}

/// Marks `code` as spent. Returns `false` if it was already spent, or no longer exists. Locks the rows of the user, the client and the
/// session before the code, in the order that store/mod.rs states. So whoever ends the session at the same moment waits, and then finds the
/// authorization that is inserted after this.
pub async fn spend(db: &impl ConnectionTrait, code: &SpentCode<'_>, now: UnixSeconds) -> Result<bool, StoreError> {
    let mut held = parties(code.user, code.client);
    held.from(sessions::Entity)
        .and_where(sessions::Column::Sid.eq(code.sid))
        .lock_with_tables(LockType::Share, [users::Entity.table_ref(), clients::Entity.table_ref(), sessions::Entity.table_ref()]);
    let spent = Entity::update_many()
        .col_expr(Column::SpentAt, Expr::value(now))
        .filter(Column::Hash.eq(code.hash))
        .filter(Column::SpentAt.is_null())
        .filter(Expr::exists(held.expr(Expr::val(1)).take()))
        .exec(db)
        .await?;
    Ok(spent.rows_affected == 1)
}

/// Deletes the code `hash` that `user` gave in the session `sid`. Returns `false` if it is spent, or no longer exists. A redemption of the same
/// code at the same moment either comes first and is seen here, or finds no code.
pub async fn recall(db: &impl ConnectionTrait, hash: &str, user: Uuid, sid: &str) -> Result<bool, StoreError> {
    let own = Column::UserId.eq(user).and(Column::Sid.eq(sid));
    let deleted = Entity::delete_many().filter(Column::Hash.eq(hash)).filter(own).filter(Column::SpentAt.is_null()).exec(db).await?;
    Ok(deleted.rows_affected == 1)
}

/// Deletes the codes of a user, of a client, or of a user for a client, except those that are spent.
pub async fn withdraw(db: &impl ConnectionTrait, user: Option<Uuid>, client: Option<&str>) -> Result<(), StoreError> {
    let of =
        Condition::all().add_option(user.map(|user| Column::UserId.eq(user))).add_option(client.map(|client| Column::ClientId.eq(client)));
    Entity::delete_many().filter(Column::SpentAt.is_null()).filter(of).exec(db).await?;
    Ok(())
}

/// Deletes up to `limit` codes that expired before `before` and that nobody redeemed; returns their number. A redeemed one is deleted with its
/// authorization.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::ExpiresAt.lt(before).and(Column::SpentAt.is_null()), limit).await
}
