//! A connection that asks the database how it would run each statement that a query function sends, so that tests see which of them read
//! a whole table.

use std::sync::Mutex;

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use serde_json::Value;

use super::TestApp;

pub struct Planned {
    db: DatabaseConnection,
    scans: Mutex<Vec<String>>,
    statements: Mutex<usize>,
}

impl Planned {
    pub async fn connect(app: &TestApp) -> Self {
        let mut options = ConnectOptions::new(app.database_url());
        options.max_connections(1).sqlx_logging(false);
        let db = sea_orm::Database::connect(options).await.unwrap();
        if db.get_database_backend() == DbBackend::Postgres {
            // The planner reads small tables whole, although an index fits. With this setting it does so only if no index fits.
            db.execute_unprepared("SET enable_seqscan = off").await.unwrap();
            db.execute_unprepared("ANALYZE").await.unwrap();
        } else {
            db.execute_unprepared("ANALYZE").await.unwrap();
        }
        Self { db, scans: Mutex::default(), statements: Mutex::default() }
    }

    /// Returns the number of statements that were sent, and those among them that read one of `tables` whole.
    pub fn scans(&self, tables: &[&str]) -> (usize, Vec<String>) {
        let scans = self.scans.lock().unwrap();
        let of_tables = scans.iter().filter(|scan| tables.iter().any(|table| scan.starts_with(&format!("{table}: "))));
        (*self.statements.lock().unwrap(), of_tables.cloned().collect())
    }

    async fn explain(&self, statement: &Statement) -> Result<(), DbErr> {
        *self.statements.lock().unwrap() += 1;
        let is_sqlite = self.get_database_backend() == DbBackend::Sqlite;
        let prefix = if is_sqlite { "EXPLAIN QUERY PLAN" } else { "EXPLAIN (FORMAT JSON)" };
        let explained = Statement { sql: format!("{prefix} {}", statement.sql), ..statement.clone() };
        for row in self.db.query_all_raw(explained).await? {
            let found = if is_sqlite {
                let detail: String = row.try_get("", "detail")?;
                detail.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next()).map(str::to_owned).into_iter().collect()
            } else {
                let mut found = Vec::new();
                whole_tables(&row.try_get_by_index::<Value>(0)?, &mut found);
                found
            };
            let mut scans = self.scans.lock().unwrap();
            scans.extend(found.into_iter().map(|table| format!("{table}: {}", statement.sql)));
        }
        Ok(())
    }
}

/// Adds the tables that a plan of PostgreSQL reads whole, with or without an index.
fn whole_tables(plan: &Value, found: &mut Vec<String>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| whole_tables(part, found)),
        Value::Object(node) => {
            let kind = node.get("Node Type").and_then(Value::as_str).unwrap_or_default();
            let is_whole = kind == "Seq Scan" || (kind.starts_with("Index") && !node.contains_key("Index Cond"));
            if let Some(table) = node.get("Relation Name").and_then(Value::as_str).filter(|_| is_whole) {
                found.push(table.to_owned());
            }
            node.values().for_each(|part| whole_tables(part, found));
        }
        _ => (),
    }
}

#[async_trait]
impl ConnectionTrait for Planned {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.explain(&statement).await?;
        self.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.explain(&statement).await?;
        self.db.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.explain(&statement).await?;
        self.db.query_all_raw(statement).await
    }
}
