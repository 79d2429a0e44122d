//! INSERT statements of many rows. They are built before the transaction in which they run, because building them takes about as long as
//! running them, and other writers of SQLite wait until the transaction ends.

use std::borrow::Borrow;

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, IdenStatic, Iterable, ModelTrait, Statement, Value, Values};

use crate::store::StoreError;

/// The largest number of values in one statement, those of 512 users. SQLite allows 32,766.
const MOST_VALUES: usize = 512 * 17;

/// Statements that insert many rows.
#[derive(Debug)]
pub struct Inserts {
    backend: DbBackend,
    statements: Vec<Statement>,
}

impl Inserts {
    /// Returns no statements yet, for the kind of database that `db` is.
    pub fn new(db: &impl ConnectionTrait) -> Self {
        Self { backend: db.get_database_backend(), statements: Vec::new() }
    }

    /// Adds statements that insert `rows`. The numbers of rows in a statement are powers of two, so that there are few different
    /// statements, which the database prepares once and not again for each batch.
    pub(super) fn add<E: EntityTrait>(&mut self, rows: &[impl Borrow<E::Model>]) {
        let columns: Vec<E::Column> = E::Column::iter().collect();
        let most = 1 << (MOST_VALUES / columns.len()).ilog2();
        let mut rest = rows;
        while !rest.is_empty() {
            let size = most.min(1 << rest.len().ilog2());
            let (some, others) = rest.split_at(size);
            rest = others;
            let values: Vec<Value> = some.iter().flat_map(|row| columns.iter().map(|column| row.borrow().get(*column))).collect();
            let sql = sql(self.backend, E::default().table_name(), &columns, size);
            self.statements.push(Statement { sql, values: Some(Values(values)), db_backend: self.backend });
        }
    }

    /// Runs the statements in the order in which they were added. Fails with [`StoreError::Conflict`] if a row cannot be inserted beside
    /// those that exist.
    pub async fn run(self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        for statement in self.statements {
            db.execute_raw(statement).await?;
        }
        Ok(())
    }
}

/// Returns the statement that inserts `rows` rows.
fn sql(backend: DbBackend, table: &str, columns: &[impl IdenStatic], rows: usize) -> String {
    let names: Vec<&str> = columns.iter().map(IdenStatic::as_str).collect();
    let mut sql = format!("INSERT INTO \"{table}\" (\"{}\") VALUES ", names.join("\", \""));
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns.len() {
            let comma = if column == 0 { "" } else { ", " };
            sql.push_str(comma);
            match backend {
                DbBackend::Postgres => sql.push_str(&format!("${}", row * columns.len() + column + 1)),
                _ => sql.push('?'),
            }
        }
        sql.push(')');
    }
    sql
}
