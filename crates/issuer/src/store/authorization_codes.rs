//! Authorization codes, stored under their SHA-256. A spent code is kept until its authorization is deleted, so that a second use
//! of the code is noticed.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DerivePartialModel, EntityTrait, IntoActiveModel, JoinType, QueryFilter, QuerySelect,
    QueryTrait, RelationTrait,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::entity::authorization_codes::{Column, Entity, Relation};
use crate::store::entity::authorizations;
use crate::store::users::User;
use crate::store::{StoreError, query};

pub use crate::store::entity::authorization_codes::Model as CodeRow;

/// Inserts a new code.
pub async fn insert(db: &impl ConnectionTrait, row: &CodeRow) -> Result<(), StoreError> {
    Entity::insert(row.clone().into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
struct WithUser {
    #[sea_orm(nested)]
    code: CodeRow,
    #[sea_orm(nested)]
    user: User,
}

/// Returns the code with this hash and its user, even if the code is spent or expired.
pub async fn find(db: &impl ConnectionTrait, hash: &str) -> Result<Option<(CodeRow, User)>, StoreError> {
    let code = Entity::find_by_id(hash).join(JoinType::InnerJoin, Relation::Users.def());
    let found = code.into_partial_model::<WithUser>().all(db).await?.pop();
    Ok(found.map(|found| (found.code, found.user)))
}

/// Marks the code with this hash as spent. Returns `false` if it was already spent, or no longer exists.
pub async fn spend(db: &impl ConnectionTrait, hash: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let spent = Entity::update_many()
        .col_expr(Column::SpentAt, Expr::value(now))
        .filter(Column::Hash.eq(hash))
        .filter(Column::SpentAt.is_null())
        .exec(db)
        .await?;
    Ok(spent.rows_affected == 1)
}

/// Deletes the codes of a user, of a client, or of a user for a client, except those that are spent.
pub async fn withdraw(db: &impl ConnectionTrait, user: Option<Uuid>, client: Option<&str>) -> Result<(), StoreError> {
    let of =
        Condition::all().add_option(user.map(|user| Column::UserId.eq(user))).add_option(client.map(|client| Column::ClientId.eq(client)));
    Entity::delete_many().filter(Column::SpentAt.is_null()).filter(of).exec(db).await?;
    Ok(())
}

/// Deletes up to `limit` codes that expired before `before` and whose authorization does not exist; returns their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let own = Expr::col((authorizations::Entity, authorizations::Column::Id)).equals((Entity, Column::AuthorizationId));
    let authorization = authorizations::Entity::find().filter(own).into_query();
    let condition = Column::ExpiresAt.lt(before).and(Expr::exists(authorization).not());
    query::purge::<Entity>(db, condition, limit).await
}
