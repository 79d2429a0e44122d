//! Checks that queries use an index. [`Plans`] is a connection: it asks the database for the plan of each statement before it runs it.

use std::sync::Mutex;

use async_trait::async_trait;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::TestApp;

/// A connection that keeps the plans of the statements that ran on it.
pub struct Plans {
    db: DatabaseConnection,
    kept: Mutex<Vec<Plan>>,
}

/// A statement and the plan by which the database runs it.
#[derive(Debug, Clone)]
pub struct Plan {
    #[expect(dead_code, reason = "a failed assertion shows it")]
    pub sql: String,
    pub text: String,
}

impl TestApp {
    /// Returns a connection to the database of this issuer that keeps plans. Run queries of `store` on it, then call
    /// [`Plans::assert_indexed`]. On PostgreSQL it plans as if tables were large.
    pub async fn plans(&self) -> Plans {
        let options = ConnectOptions::new(self.database_url()).max_connections(1).to_owned();
        let db = sea_orm::Database::connect(options).await.unwrap();
        if db.get_database_backend() == DbBackend::Postgres {
            for what in ["seqscan", "sort", "incremental_sort", "bitmapscan", "hashjoin"] {
                db.execute_unprepared(&format!("SET enable_{what} = off")).await.unwrap();
            }
            db.execute_unprepared("ANALYZE").await.unwrap();
        }
        Plans { db, kept: Mutex::default() }
    }
}

impl Plans {
    /// Asserts that no statement since the last call scans a table or sorts, and that the plans use every index in `indexes`.
    #[track_caller]
    pub fn assert_indexed(&self, indexes: &[&str]) {
        let plans = std::mem::take(&mut *self.kept.lock().unwrap());
        assert!(!plans.is_empty(), "no statement ran");
        for plan in &plans {
            let scans =
                |line: &str| line.contains("Seq Scan") || (line.trim_start().starts_with("SCAN ") && !line.contains("CONSTANT ROW"));
            let sorts = |line: &str| line.contains("Sort  (") || line.contains("TEMP B-TREE");
            assert!(!plan.text.lines().any(|line| scans(line) || sorts(line)), "{plan:#?}");
        }
        for index in indexes {
            assert!(plans.iter().any(|plan| plan.text.contains(index)), "{index} is not used: {plans:#?}");
        }
    }

    async fn keep(&self, statement: &Statement) -> Result<(), DbErr> {
        let backend = self.db.get_database_backend();
        let (explain, column) = match backend {
            DbBackend::Postgres => ("EXPLAIN", "QUERY PLAN"),
            _ => ("EXPLAIN QUERY PLAN", "detail"),
        };
        let explained = Statement { sql: format!("{explain} {}", statement.sql), values: statement.values.clone(), db_backend: backend };
        let lines: Result<Vec<String>, DbErr> = self.db.query_all_raw(explained).await?.iter().map(|row| row.try_get("", column)).collect();
        self.kept.lock().unwrap().push(Plan { sql: statement.sql.clone(), text: lines?.join("\n") });
        Ok(())
    }
}

#[async_trait]
impl ConnectionTrait for Plans {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.keep(&statement).await?;
        self.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.keep(&statement).await?;
        self.db.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.keep(&statement).await?;
        self.db.query_all_raw(statement).await
    }
}
