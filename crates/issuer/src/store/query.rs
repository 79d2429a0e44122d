//! Helpers that several files of queries share.

use sea_orm::sea_query::{Expr, ExprTrait, IntoCondition, OnConflict, Query, SelectStatement};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, IdenStatic, IntoActiveModel, Iterable, ModelTrait, PrimaryKeyToColumn, QueryFilter,
    QuerySelect, QueryTrait, RuntimeErr, Statement, Value,
};

use crate::store::StoreError;

/// Returns the column list for a statement in SQL text: every column of `E`, each named with `prefix` before its own name. A
/// `FromQueryResult` that is given the same prefix reads it.
pub(super) fn columns<E: EntityTrait>(table: &str, prefix: &str) -> String {
    let column = |column: E::Column| format!("{table}.{name} AS {prefix}{name}", name = column.as_str());
    E::Column::iter().map(column).collect::<Vec<_>>().join(", ")
}

/// Makes a statement from SQL text, for the few queries that the query builder would make slower or harder to read.
pub(super) fn text(db: &impl ConnectionTrait, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

/// Returns the time by the clock of the database, as SQL.
pub(super) fn database_time(db: &impl ConnectionTrait) -> &'static str {
    match db.get_database_backend() {
        DbBackend::Postgres => "floor(extract(epoch from clock_timestamp()))::bigint",
        _ => "unixepoch()",
    }
}

/// Returns the same, but on PostgreSQL the time at which the transaction began, so that a condition with it can use an index.
pub(super) fn transaction_time(db: &impl ConnectionTrait) -> &'static str {
    match db.get_database_backend() {
        DbBackend::Postgres => "floor(extract(epoch from now()))::bigint",
        _ => "unixepoch()",
    }
}

/// The longest time that a statement of PostgreSQL may take after [`allow_long_statements`].
const LONG_STATEMENT_TIMEOUT: &str = "25s";

/// Lets each further statement of the transaction take [`LONG_STATEMENT_TIMEOUT`] on PostgreSQL: a client may have a hundred thousand and more
/// authorizations, all of which must be refused in the transaction that disables the client.
pub(super) async fn allow_long_statements(transaction: &impl ConnectionTrait) -> Result<(), StoreError> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        transaction.execute_unprepared(&format!("SET LOCAL statement_timeout = '{LONG_STATEMENT_TIMEOUT}'")).await?;
    }
    Ok(())
}

/// Inserts `row`. Returns `false`, and inserts nothing, if another row has one of its unique values, also if that row was inserted since the
/// transaction last looked.
pub(super) async fn insert_unless_taken<E: EntityTrait>(db: &impl ConnectionTrait, row: E::Model) -> Result<bool, StoreError>
where
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let unless_taken = OnConflict::new().do_nothing().to_owned();
    Ok(E::insert(row.into_active_model()).on_conflict(unless_taken).exec_without_returning(db).await? == 1)
}

/// Inserts `row` if `decision`, a SELECT without columns, finds one row. Returns `false` if it finds none.
///
/// Deciding and inserting are one statement, so that the decision still holds when the row is written.
pub(super) async fn insert_if<E: EntityTrait>(
    db: &impl ConnectionTrait,
    row: &E::Model,
    mut decision: SelectStatement,
) -> Result<bool, StoreError> {
    let values = E::Column::iter().map(|column| Expr::val(row.get(column)));
    let select = decision.exprs(values).take();
    let mut insert = Query::insert();
    insert
        .into_table(E::default().table_ref())
        .columns(E::Column::iter())
        .select_from(select)
        .map_err(|error| DbErr::Query(RuntimeErr::Internal(error.to_string())))?;
    Ok(db.execute(&insert).await?.rows_affected() == 1)
}

/// Deletes up to `limit` rows of `E` that meet `condition`; returns their number. The limit keeps each statement, and with it
/// the time for which it holds locks, short.
pub(super) async fn purge<E: EntityTrait>(db: &impl ConnectionTrait, condition: impl IntoCondition, limit: i64) -> Result<u64, StoreError> {
    let keys: Vec<E::Column> = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect();
    let doomed = E::find().select_only().columns(keys.clone()).filter(condition.into_condition()).limit(limit.unsigned_abs()).into_query();
    let key = Expr::tuple(keys.into_iter().map(|key| Expr::col((E::default(), key))));
    Ok(E::delete_many().filter(key.in_subquery(doomed)).exec(db).await?.rows_affected)
}
