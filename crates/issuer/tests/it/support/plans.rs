//! Checks that queries use an index. [`Plans`] is a connection: it asks the database for the plan of each statement before it runs it.

use std::sync::Mutex;

use async_trait::async_trait;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement, TryGetable};
use serde_json::Value;

use super::TestApp;

/// A connection that keeps the plans of the statements that ran on it.
pub struct Plans {
    db: DatabaseConnection,
    kept: Mutex<Vec<Plan>>,
    /// `true` if the planner may sort what an index selects, because the statistics say that this is little.
    may_sort: bool,
}

/// A statement and the plan by which the database runs it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub sql: String,
    pub text: String,
    /// The tables that the plan reads whole, on PostgreSQL also by an index without a condition.
    pub whole_tables: Vec<String>,
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
        Plans { db, kept: Mutex::default(), may_sort: false }
    }

    /// Returns such a connection that plans by the statistics of the tables, and reads a table whole only if no index fits.
    pub async fn plans_by_statistics(&self) -> Plans {
        let options = ConnectOptions::new(self.database_url()).max_connections(1).to_owned();
        let db = sea_orm::Database::connect(options).await.unwrap();
        if db.get_database_backend() == DbBackend::Postgres {
            db.execute_unprepared("SET enable_seqscan = off").await.unwrap();
        }
        db.execute_unprepared("ANALYZE").await.unwrap();
        let may_sort = db.get_database_backend() == DbBackend::Postgres;
        Plans { db, kept: Mutex::default(), may_sort }
    }
}

impl Plans {
    /// Asserts that no statement since the last call scans a table or sorts, and that the plans use every index in `indexes`.
    #[track_caller]
    pub fn assert_indexed(&self, indexes: &[&str]) {
        self.assert_planned(indexes, false);
    }

    /// Asserts the same, but lets a statement read a table in the order of an index, from one end. Such a statement must have a limit, and its
    /// other conditions must leave most rows.
    #[track_caller]
    pub fn assert_in_order(&self, indexes: &[&str]) {
        self.assert_planned(indexes, true);
    }

    #[track_caller]
    fn assert_planned(&self, indexes: &[&str], may_walk: bool) {
        let plans = std::mem::take(&mut *self.kept.lock().unwrap());
        assert!(!plans.is_empty(), "no statement ran");
        for plan in &plans {
            // SQLite also says that it scans the rows of a subquery, which it reads by an index.
            let is_subquery = |line: &str| plan.text.contains(&line.replacen("SCAN ", "CO-ROUTINE ", 1));
            let is_scan = |line: &str| line.trim_start().starts_with("SCAN ") && !line.contains("CONSTANT ROW") && !is_subquery(line);
            let walks = |line: &str| may_walk && plan.sql.contains("LIMIT") && line.contains(" USING ");
            let scans = |line: &str| line.contains("Seq Scan") || is_scan(line) && !walks(line);
            let sorts = |line: &str| !self.may_sort && (line.contains("Sort  (") || line.contains("TEMP B-TREE"));
            assert!(!plan.text.lines().any(|line| scans(line) || sorts(line)), "{plan:#?}");
        }
        for index in indexes {
            assert!(plans.iter().any(|plan| plan.text.contains(index)), "{index} is not used: {plans:#?}");
        }
    }

    /// Asserts that a statement since the last call reads the index `index`, whole or in part.
    #[track_caller]
    pub fn assert_reads(&self, index: &str) {
        let plans = std::mem::take(&mut *self.kept.lock().unwrap());
        assert!(plans.iter().any(|plan| plan.text.contains(index)), "{index} is not used: {plans:#?}");
    }

    /// Returns the number of statements that were sent, and those among them that read one of `tables` whole.
    pub fn scans(&self, tables: &[&str]) -> (usize, Vec<String>) {
        let kept = self.kept.lock().unwrap();
        let scans = kept.iter().flat_map(|plan| plan.whole_tables.iter().map(move |table| (table, &plan.sql)));
        let of_tables = scans.filter(|(table, _)| tables.contains(&table.as_str()));
        (kept.len(), of_tables.map(|(table, sql)| format!("{table}: {sql}")).collect())
    }

    async fn keep(&self, statement: &Statement) -> Result<(), DbErr> {
        let plan = if self.db.get_database_backend() == DbBackend::Postgres {
            let text = self.explain::<String>("EXPLAIN", "QUERY PLAN", statement).await?.join("\n");
            let mut whole_tables = Vec::new();
            for plan in self.explain::<Value>("EXPLAIN (FORMAT JSON)", "QUERY PLAN", statement).await? {
                add_whole_tables(&plan, &mut whole_tables);
            }
            Plan { sql: statement.sql.clone(), text, whole_tables }
        } else {
            let lines = self.explain::<String>("EXPLAIN QUERY PLAN", "detail", statement).await?;
            let scanned = |line: &String| line.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
            Plan { sql: statement.sql.clone(), whole_tables: lines.iter().filter_map(scanned).collect(), text: lines.join("\n") }
        };
        self.kept.lock().unwrap().push(plan);
        Ok(())
    }

    async fn explain<T: TryGetable>(&self, explain: &str, column: &str, statement: &Statement) -> Result<Vec<T>, DbErr> {
        let explained = Statement { sql: format!("{explain} {}", statement.sql), ..statement.clone() };
        self.db.query_all_raw(explained).await?.iter().map(|row| row.try_get("", column)).collect()
    }
}

/// Adds the tables that a plan of PostgreSQL reads whole, with or without an index.
fn add_whole_tables(plan: &Value, found: &mut Vec<String>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| add_whole_tables(part, found)),
        Value::Object(node) => {
            let kind = node.get("Node Type").and_then(Value::as_str).unwrap_or_default();
            let is_whole = kind == "Seq Scan" || (kind.starts_with("Index") && !node.contains_key("Index Cond"));
            if let Some(table) = node.get("Relation Name").and_then(Value::as_str).filter(|_| is_whole) {
                found.push(table.to_owned());
            }
            node.values().for_each(|part| add_whole_tables(part, found));
        }
        _ => (),
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
