//! A busy database is told from a broken one by the codes of the drivers. A request that finds a table missing fails, and gives no
//! token. People are told what the database says, and the log shows its whole error.

use sea_orm::DbErr;
use signet_issuer::oauth::error::{Code, OAuthError};
use signet_issuer::store::StoreError;
use tempfile::TempDir;

use crate::cli::Signet;
use crate::store::{connection, run, try_connection};
use crate::support::{Answer, Database, Log, SECRET, TestApp};

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
async fn a_damaged_database_is_told_from_a_wrong_statement() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("signet.db");
    let url = format!("sqlite:{}?mode=rwc", file.display());
    let filled = "INSERT INTO t WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 500) \
                  SELECT value, printf('%0500d', value) FROM n";
    let create = "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)";
    run(&connection(&url).await, &["PRAGMA journal_mode = DELETE", create, filled]).await.unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 4096;
    bytes[last..].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let damaged = StoreError::from(run(&connection(&url).await, &["CREATE TABLE u AS SELECT text FROM t"]).await.unwrap_err());
    assert!(matches!(damaged, StoreError::Damaged(_)), "{damaged:?}");
    assert_eq!((damaged.reason(), OAuthError::from(damaged).code), ("it is damaged", Code::Unavailable));
    std::fs::write(&file, "This is a text and no database. ".repeat(100)).unwrap();
    let none = StoreError::from(try_connection(&url).await.unwrap_err());
    assert!(matches!(none, StoreError::Damaged(_)), "{none:?}");
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
async fn postgresql_is_busy_when_two_transactions_wait_for_each_other() {
    let database = Database::create().await;
    if !database.url.starts_with("postgres") {
        return;
    }
    let (own, other) = (connection(&database.url).await, connection(&database.url).await);
    run(&own, &["CREATE TABLE t (id INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)"]).await.unwrap();
    run(&own, &["BEGIN", "SELECT * FROM t WHERE id = 1 FOR UPDATE"]).await.unwrap();
    run(&other, &["BEGIN", "SELECT * FROM t WHERE id = 2 FOR UPDATE"]).await.unwrap();
    let (first, second) = tokio::join!(run(&own, &["DELETE FROM t WHERE id = 2", "COMMIT"]), run(&other, &["DELETE FROM t WHERE id = 1"]));
    let refused = if first.is_err() { first } else { second };
    assert!(is_busy(refused), "deadlock_detected");
    run(&own, &["ROLLBACK"]).await.unwrap();
    run(&other, &["ROLLBACK"]).await.unwrap();

    run(&own, &["BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT * FROM t"]).await.unwrap();
    run(&other, &["UPDATE t SET id = id + 10"]).await.unwrap();
    assert!(is_busy(run(&own, &["UPDATE t SET id = id + 20"]).await), "serialization_failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_does_not_become_free_is_told() {
    let dir = TempDir::new().unwrap();
    let db = connection(&format!("sqlite:{}?mode=rwc", dir.path().join("signet.db").display())).await;
    let held = db.get_sqlite_connection_pool().acquire().await.unwrap();
    let error = StoreError::from(run(&db, &["SELECT 1"]).await.unwrap_err());
    assert!(matches!(error, StoreError::TimedOut(_)) && error.to_string().contains("became free, in time"), "{error}");
    drop(held);
    run(&db, &["SELECT 1"]).await.unwrap();
}

async fn requests(app: &TestApp, refresh_token: &str, access_token: &str) -> [(&'static str, Answer); 5] {
    let worker = |path| app.post(path).basic_auth("worker", SECRET);
    [
        ("password", app.sign_in("alice", "").await),
        ("refresh", app.refresh(refresh_token).await),
        ("client_credentials", app.client_token("worker", "").await),
        ("revoke", worker("/revoke").form(&[("token", access_token)]).send().await),
        ("introspect", worker("/introspect").form(&[("token", access_token)]).send().await),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_gives_no_token_and_its_return_needs_no_restart() {
    let app = TestApp::with(|settings| settings.account_attempts = 1000).await.with_orders().await.with_user("alice").await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    let first = app.sign_in("alice", "").await;
    let (mut refresh_token, access_token) = (first.str("refresh_token").to_owned(), first.str("access_token").to_owned());
    let all = ["password", "refresh", "client_credentials", "revoke", "introspect"];
    let by_user = ["password", "refresh", "revoke", "introspect"];
    for (table, need_it) in [
        ("clients", all.as_slice()),
        ("signing_keys", &all),
        ("users", &by_user),
        ("authorizations", &by_user),
        ("user_roles", &by_user),
        ("attempts", &["password"]),
        ("audit_events", &["password"]),
    ] {
        let authorizations = if table == "authorizations" { "authorizations_away" } else { "authorizations" };
        let count = format!("SELECT count(*) FROM {authorizations}");
        app.sql(&format!("ALTER TABLE {table} RENAME TO {table}_away")).await;
        // Wait until the node must read the key ring again.
        app.advance(10);
        let before = app.count(&count).await;
        for (name, answer) in requests(&app, &refresh_token, &access_token).await {
            if need_it.contains(&name) {
                assert_eq!(answer.error(), (500, "server_error"), "{table}, {name}: {}", answer.text);
                assert!(answer.json["access_token"].is_null() && !answer.text.contains(table), "{table}, {name}: {}", answer.text);
            } else {
                assert_eq!(answer.status, 200, "{table}, {name}: {}", answer.text);
            }
            if name == "refresh" && answer.status == 200 {
                answer.str("refresh_token").clone_into(&mut refresh_token);
            }
        }
        let given = i64::from(!need_it.contains(&"password"));
        assert_eq!(app.count(&count).await, before + given, "{table}: nothing is half written");
        app.sql(&format!("ALTER TABLE {table}_away RENAME TO {table}")).await;
        for (name, answer) in requests(&app, &refresh_token, &access_token).await {
            assert_eq!(answer.status, 200, "{table}, {name}: {}", answer.text);
            if name == "refresh" {
                answer.str("refresh_token").clone_into(&mut refresh_token);
            }
        }
    }
}

#[test]
fn the_log_names_the_place_in_the_source_code_of_postgresql_and_no_message_to_people_does() {
    let log = Log::default();
    log.runtime().block_on(async {
        let app = TestApp::new().await.with_orders().await;
        app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
        app.sql("ALTER TABLE clients RENAME TO clients_away").await;

        assert_eq!(app.client_token("worker", "").await.error(), (500, "server_error"));
        let text = log.text();
        let (told, cause) = text.lines().find(|line| line.contains("request failed")).unwrap().split_once(" cause=").unwrap();
        assert!(told.contains("clients") && !told.contains(" at line "), "{told}");
        if app.database_url().starts_with("postgres") {
            assert!(cause.contains(" at line "), "{cause}");
        }

        let settings = [("SIGNET_DATABASE_URL", app.database_url()), ("SIGNET_KEYS_DIR", app.keys_dir().to_str().unwrap())];
        let command = Signet::new().run_with(&settings, &["client", "list"], "");
        assert!(!command.success && command.stderr.contains("clients"), "{}", command.stderr);
        assert!(!command.stderr.contains(" at line "), "{}", command.stderr);
    });
}
