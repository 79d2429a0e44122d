//! The schema: nodes that start at once, newer and older schemas. Connections: who may write, and what a busy database says.
//! The authorizations that are listed, and the rows that are forgotten.

mod busy;
mod connect;

use std::sync::Arc;

use signet_issuer::clock::FakeClock;
use signet_issuer::start;
use signet_issuer::store::{
    StoreError, attempts, authorization_codes, authorizations, browsers, client_assertions, registration_tokens, sessions, waiting_requests,
};
use tempfile::TempDir;

use crate::support::{Database, SECRET, START, TestApp, test_settings};

#[tokio::test(flavor = "multi_thread")]
async fn of_several_nodes_on_one_empty_database_one_prints() {
    for _ in 0..3 {
        let (database, keys) = (Database::create().await, TempDir::new().unwrap());
        let mut nodes = tokio::task::JoinSet::new();
        for _ in 0..5 {
            let settings = test_settings("http://localhost:1", &database.url, keys.path());
            nodes.spawn(async move { start::open(settings, Arc::new(FakeClock::new(START))).await });
        }
        let opened: Vec<_> = nodes.join_all().await.into_iter().map(Result::unwrap).collect();
        assert_eq!(opened.iter().filter(|(_, administrator)| administrator.is_some()).count(), 1);
        for table in ["users", "signing_keys", "clients", "roles", "master_keys", "schema_lock"] {
            assert_eq!(database.count(&format!("SELECT count(*) FROM {table}")).await, 1, "{table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_fails_leaves_nothing() {
    let (database, keys) = (Database::create().await, TempDir::new().unwrap());
    // A table of ours is in the way: the migration fails in its middle.
    database.execute("CREATE TABLE attempts (id INTEGER)").await;
    let open = || start::open(test_settings("http://localhost:1", &database.url, keys.path()), Arc::new(FakeClock::new(START)));
    assert!(open().await.is_err());
    database.execute("DROP TABLE attempts").await;
    assert!(open().await.unwrap().1.is_some(), "the password is printed by the start that succeeds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let app = TestApp::new().await;
    app.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_future', 0)").await;
    let (clock, mut settings) = (Arc::new(FakeClock::new(START)), app.app.settings.clone());
    settings.issuer = "http://localhost:1".to_owned().try_into().unwrap();
    let error = start::open(settings, clock).await.unwrap_err().to_string();
    assert!(error.contains("newer"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("private.db");
    let settings = test_settings("http://localhost:1", &format!("sqlite:{}", file.display()), dir.path());
    let (app, _) = start::open(settings, Arc::new(FakeClock::new(START))).await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let mode = std::fs::metadata(format!("{}{suffix}", file.display())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
    drop(app);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_sqlite_refuse_to_write() {
    let dir = TempDir::new().unwrap();
    let settings = test_settings("http://localhost:1", &format!("sqlite:{}", dir.path().join("signet.db").display()), dir.path());
    let (app, _) = start::open(settings, Arc::new(FakeClock::new(START))).await.unwrap();
    let refused = registration_tokens::insert(app.store.reader(), "hash", 1, START).await;
    assert!(matches!(&refused, Err(StoreError::Database(error)) if error.to_string().contains("readonly")), "{refused:?}");
    registration_tokens::insert(app.store.writer(), "hash", 1, START).await.unwrap();
    assert!(registration_tokens::is_good(app.store.reader(), "hash", START - 1).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_the_queue_holds_are_all_answered() {
    let app = TestApp::new().await;
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let app = Arc::clone(&app.app);
        let id = if number % 2 == 0 { "cli" } else { "unknown" };
        requests.spawn(async move { (id, app.store.client(id).await.unwrap().map(|client| client.id)) });
    }
    let answers = requests.join_all().await;
    assert_eq!(answers.len(), 1000);
    assert!(answers.iter().all(|(id, client)| client.as_deref() == Some("cli").filter(|cli| cli == id)));
}

/// Every table of the schema.
const TABLES: [&str; 24] = [
    "attempts",
    "audit_events",
    "authorization_codes",
    "authorizations",
    "browsers",
    "client_assertions",
    "client_logos",
    "client_origins",
    "client_scopes",
    "clients",
    "consents",
    "master_keys",
    "registration_tokens",
    "resources",
    "role_scopes",
    "roles",
    "schema_lock",
    "scopes",
    "seaql_migrations",
    "sessions",
    "signing_keys",
    "user_roles",
    "users",
    "waiting_requests",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_leaves_a_filled_database_as_it_is_and_goes_on_with_it() {
    let app = TestApp::new().await.with_orders().await.with_web().await.with_user("alice").await;
    let refresh_token = app.sign_in("alice", "orders:read").await.str("refresh_token").to_owned();
    let alice = app.signed_in("alice").await;
    let of_code = app.code_flow(&alice, &[("scope", "openid offline_access orders:read")]).await.str("refresh_token").to_owned();
    // The migration is not applied again.
    app.sql("UPDATE seaql_migrations SET applied_at = 1").await;
    let rows = async || {
        let mut counts = Vec::new();
        for table in TABLES {
            counts.push((table, app.count(&format!("SELECT count(*) FROM {table}")).await));
        }
        for (table, column) in [("seaql_migrations", "applied_at"), ("users", "updated_at"), ("authorizations", "generation")] {
            counts.push((column, app.count(&format!("SELECT CAST(sum({column}) AS BIGINT) FROM {table}")).await));
        }
        counts
    };
    let before = rows().await;
    for filled in ["authorizations", "browsers", "clients", "consents", "sessions", "signing_keys", "users"] {
        assert!(before.iter().any(|(table, count)| *table == filled && *count > 0), "{filled} holds something: {before:?}");
    }

    let node = app.another_node().await;
    assert_eq!(node.admin_password, "", "it is no first start");
    assert_eq!(rows().await, before);
    let refreshed = node.refresh(&refresh_token).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    let parameters = [("grant_type", "refresh_token"), ("refresh_token", &of_code)];
    let refreshed = node.post("/token").basic_auth("web", SECRET).form(&parameters).send().await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    let elsewhere = node.browser();
    elsewhere.set_cookie(&alice.cookie().unwrap());
    assert_eq!(elsewhere.get("/account").await.heading(), "Profile");
    assert_eq!(node.signed_in("alice").await.get("/account").await.heading(), "Profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_authorizations_that_can_still_be_used_are_listed() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.sign_in("alice", "").await;
    let idle = app.app.settings.refresh_idle_lifetime;
    let listed = async || authorizations::live(app.app.store.reader(), (None, None), app.app.now(), idle, None, 100).await.unwrap().len();
    assert_eq!(listed().await, 1);
    // Given in a session that is no more.
    app.sql("UPDATE authorizations SET sid = 'ended'").await;
    assert_eq!(listed().await, 0);
    let session = "INSERT INTO sessions (sid, user_id, passed, user_agent, address, created_at, last_used_at, expires_at) \
                   SELECT 'ended', user_id, '[]', '', '', 0, 0";
    app.sql(&format!("{session}, {} FROM authorizations", app.app.now() + 60)).await;
    assert_eq!(listed().await, 1);
    app.advance(60);
    assert_eq!(listed().await, 0);
    app.sql("UPDATE authorizations SET offline = TRUE").await;
    assert_eq!(listed().await, 1);
    app.advance(idle.unsigned_abs());
    assert_eq!(listed().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_time_is_up_are_forgotten_and_no_others() {
    let app = TestApp::new().await.with_orders().await.with_web().await.with_user("alice").await;
    let alice = app.signed_in("alice").await;
    app.code_flow(&alice, &[]).await;
    app.sign_in("alice", "").await;
    let db = app.app.store.writer();
    let (now, later) = (app.app.now(), app.app.now() + 1000 * 24 * 60 * 60);
    for id in ["one", "two"] {
        waiting_requests::insert(db, id, "browser", "{}", now).await.unwrap();
        registration_tokens::insert(db, id, 1, now + 1).await.unwrap();
        assert!(client_assertions::spend(db, id, now + 1).await.unwrap());
        assert!(!client_assertions::spend(db, id, now + 1).await.unwrap());
    }
    let rows = async |table: &str| app.count(&format!("SELECT count(*) FROM {table}")).await;
    assert!(rows("authorizations").await >= 2);

    assert_eq!(authorization_codes::purge(db, later, 500).await.unwrap(), 0, "a code is kept while its authorization is");
    // Before its time no row goes, and afterwards no more than the limit.
    macro_rules! forgets {
        ($purge:path, $table:literal, $each:literal) => {
            let before = rows($table).await;
            assert!(before > 0, "{}", $table);
            assert_eq!($purge(db, now - 1, 500).await.unwrap(), 0, "{}", $table);
            assert_eq!($purge(db, later, 1).await.unwrap(), $each, "{}", $table);
            assert_eq!(rows($table).await, before - 1, "{}", $table);
            while $purge(db, later, 500).await.unwrap() > 0 {}
            assert_eq!(rows($table).await, 0, "{}", $table);
        };
    }
    forgets!(authorizations::purge, "authorizations", 1);
    forgets!(authorization_codes::purge, "authorization_codes", 1);
    forgets!(attempts::purge, "attempts", 1);
    forgets!(waiting_requests::purge, "waiting_requests", 1);
    forgets!(browsers::purge, "browsers", 1);
    forgets!(sessions::purge, "sessions", 1);
    forgets!(registration_tokens::purge, "registration_tokens", 1);
    forgets!(client_assertions::purge, "client_assertions", 1);
    assert_eq!(rows("client_assertions").await, 0);
}
