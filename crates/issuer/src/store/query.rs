//! Building blocks that the queries of several aggregates share.

use sea_orm::sea_query::{Expr, ExprTrait, IntoCondition};
use sea_orm::{ConnectionTrait, EntityTrait, Iterable, PrimaryKeyToColumn, QueryFilter, QuerySelect, QueryTrait, Statement, Value};

use crate::store::StoreError;

/// A statement in SQL text, for the few queries that the query builder would make slower or harder to read.
pub(super) fn text(db: &impl ConnectionTrait, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

/// Deletes up to `limit` rows of `E` that meet `condition`; returns their number. The limit keeps each statement, and with it
/// the time for which it holds locks, short.
pub(super) async fn purge<E: EntityTrait>(db: &impl ConnectionTrait, condition: impl IntoCondition, limit: i64) -> Result<u64, StoreError> {
    let keys: Vec<E::Column> = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect();
    let doomed = E::find().select_only().columns(keys.clone()).filter(condition.into_condition()).limit(limit.unsigned_abs()).into_query();
    let key = Expr::tuple(keys.into_iter().map(|key| Expr::col((E::default(), key))));
    Ok(E::delete_many().filter(key.in_subquery(doomed)).exec(db).await?.rows_affected)
}
