//! A database for one test, which removes it at its end: a SQLite file, or a database on the server that `TEST_POSTGRES_URL` names.

use sea_orm::{ConnectionTrait, Statement};
use tempfile::TempDir;

pub struct Database {
    pub url: String,
    _dir: Option<TempDir>,
    postgres: Option<(String, String)>,
}

impl Database {
    pub async fn create() -> Self {
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
            let dir = TempDir::new().unwrap();
            let url = format!("sqlite:{}?mode=rwc", dir.path().join("signet.db").display());
            return Self { url, _dir: Some(dir), postgres: None };
        };
        let mut random = [0; 8];
        aws_lc_rs::rand::SecureRandom::fill(&aws_lc_rs::rand::SystemRandom::new(), &mut random).unwrap();
        let name = format!("signet_test_{:016x}", u64::from_be_bytes(random));
        execute(&server, &format!("CREATE DATABASE {name}")).await;
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        Self { url: url.into(), _dir: None, postgres: Some((server, name)) }
    }

    pub async fn execute(&self, sql: &str) {
        execute(&self.url, sql).await;
    }

    pub async fn count(&self, sql: &str) -> i64 {
        let db = sea_orm::Database::connect(&self.url).await.unwrap();
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
        let count = row.try_get_by_index(0).unwrap();
        db.close().await.unwrap();
        count
    }

    /// Returns every text in the rows of `table`, one on a line.
    pub async fn dump(&self, table: &str) -> String {
        let db = sea_orm::Database::connect(&self.url).await.unwrap();
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), format!("SELECT * FROM {table}"))).await.unwrap();
        let texts = rows.iter().flat_map(|row| row.column_names().into_iter().filter_map(|column| row.try_get::<String>("", &column).ok()));
        let text = texts.collect::<Vec<_>>().join("\n");
        db.close().await.unwrap();
        text
    }
}

/// Runs `sql` on the database at `url`.
pub async fn execute(url: &str, sql: &str) {
    let db = sea_orm::Database::connect(url).await.unwrap();
    db.execute_unprepared(sql).await.unwrap();
    db.close().await.unwrap();
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((server, name)) = self.postgres.take() else { return };
        // The runtime of the test may be ending, so the statement needs a runtime of its own.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(execute(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
        })
        .join();
    }
}
