//! A busy database is told from a broken one by the codes of the drivers. A request that finds a table missing fails, and gives no
//! token.

use sea_orm::DbErr;
use signet_issuer::store::StoreError;
use tempfile::TempDir;

use crate::store::{connection, run};
use crate::support::Database;

fn is_busy(result: Result<(), DbErr>) -> bool {
    let error = StoreError::from(result.unwrap_err());
    match &error {
        StoreError::Busy(_) => assert!(error.to_string().contains("busy; try again"), "{error}"),
        StoreError::Database(_) => {}
        other => panic!("{other:?}"),
    }
    matches!(error, StoreError::Busy(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_busy_while_another_process_writes() {
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite:{}?mode=rwc", dir.path().join("signet.db").display());
    let (own, other) = (connection(&url).await, connection(&url).await);
    run(&own, &["PRAGMA journal_mode = WAL", "PRAGMA busy_timeout = 0", "CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await.unwrap();

    run(&other, &["BEGIN IMMEDIATE"]).await.unwrap();
    assert!(is_busy(run(&own, &["INSERT INTO t VALUES (1)"]).await), "SQLITE_BUSY");
    run(&other, &["COMMIT"]).await.unwrap();

    run(&own, &["BEGIN", "SELECT count(*) FROM t"]).await.unwrap();
    run(&other, &["INSERT INTO t VALUES (1)"]).await.unwrap();
    assert!(is_busy(run(&own, &["INSERT INTO t VALUES (2)"]).await), "SQLITE_BUSY_SNAPSHOT");
    run(&own, &["ROLLBACK"]).await.unwrap();

    assert!(!is_busy(run(&own, &["SELECT * FROM nothing"]).await));
    let refused = StoreError::from(run(&own, &["INSERT INTO t VALUES (1)"]).await.unwrap_err());
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_busy_when_a_statement_or_a_lock_takes_too_long() {
    let database = Database::create().await;
    if !database.url.starts_with("postgres") {
        return;
    }
    let (own, other) = (connection(&database.url).await, connection(&database.url).await);
    run(&own, &["CREATE TABLE t (id INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1)"]).await.unwrap();
    run(&other, &["BEGIN", "SELECT * FROM t FOR UPDATE"]).await.unwrap();

    assert!(is_busy(run(&own, &["SET lock_timeout = '20ms'", "DELETE FROM t"]).await), "lock_not_available");
    assert!(is_busy(run(&own, &["SET lock_timeout = 0", "SET statement_timeout = '20ms'", "DELETE FROM t"]).await), "query_canceled");
    assert!(!is_busy(run(&own, &["SELECT * FROM nothing"]).await));
    let refused = StoreError::from(run(&own, &["INSERT INTO t VALUES (1)"]).await.unwrap_err());
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_busy_when_no_connection_becomes_free() {
    let dir = TempDir::new().unwrap();
    let db = connection(&format!("sqlite:{}?mode=rwc", dir.path().join("signet.db").display())).await;
    let held = db.get_sqlite_connection_pool().acquire().await.unwrap();
    assert!(is_busy(run(&db, &["SELECT 1"]).await));
    drop(held);
    run(&db, &["SELECT 1"]).await.unwrap();
}
