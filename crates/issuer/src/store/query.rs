//! Building blocks that the queries of several aggregates share.

use sea_orm::{ConnectionTrait, Statement, Value};

/// A statement in SQL text, for the few queries that the query builder would make slower or harder to read.
pub(super) fn text(db: &impl ConnectionTrait, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}
