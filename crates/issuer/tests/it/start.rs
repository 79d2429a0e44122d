//! Of several nodes that start at once one performs the first start. A first start that fails leaves nothing behind, and a later start
//! changes nothing.

use std::sync::Arc;

use signet_issuer::admin::{change, clients};
use signet_issuer::clock::FakeClock;
use signet_issuer::start;
use tempfile::TempDir;

use crate::support::{Database, SECRET, START, TestApp, test_settings};

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_nodes_on_an_empty_database_performs_the_first_start() {
    for _ in 0..3 {
        let (database, keys) = (Database::create().await, TempDir::new().unwrap());
        let mut nodes = tokio::task::JoinSet::new();
        for _ in 0..5 {
            let settings = test_settings("http://localhost:1", &database.url, keys.path());
            nodes.spawn(async move { start::open(settings, Arc::new(FakeClock::new(START))).await });
        }
        let opened: Vec<_> = nodes.join_all().await.into_iter().map(Result::unwrap).collect();
        assert_eq!(opened.iter().filter(|(_, administrator)| administrator.is_some()).count(), 1);
        for table in ["users", "signing_keys", "roles", "master_keys", "schema_lock"] {
            assert_eq!(database.count(&format!("SELECT count(*) FROM {table}")).await, 1, "{table}");
        }
        assert_eq!(database.count("SELECT count(*) FROM clients").await, 2, "cli and api-docs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_fails_leaves_nothing() {
    let (database, keys) = (Database::create().await, TempDir::new().unwrap());
    // One table exists already, so that the migration fails halfway.
    database.execute("CREATE TABLE attempts (id INTEGER)").await;
    let open = || start::open(test_settings("http://localhost:1", &database.url, keys.path()), Arc::new(FakeClock::new(START)));
    assert!(open().await.is_err());
    database.execute("DROP TABLE attempts").await;
    assert!(open().await.unwrap().1.is_some(), "the password is printed by the start that succeeds");
}

/// Every table of the schema.
const TABLES: [&str; 28] = [
    "attempts",
    "audit_events",
    "audit_personal",
    "authorization_codes",
    "authorizations",
    "browsers",
    "client_assertions",
    "client_logos",
    "client_origins",
    "client_scopes",
    "clients",
    "consents",
    "devices",
    "master_keys",
    "password_links",
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
    "write_probes",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_uses_a_filled_database_and_changes_nothing_in_it() {
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

/// Opens the issuer `issuer` on the database and the keys of `app`, and returns whether the client `cli` can be used.
async fn has_cli(app: &TestApp, issuer: &str) -> bool {
    let (opened, _) =
        start::open(test_settings(issuer, app.database_url(), app.keys_dir()), Arc::new(FakeClock::new(START))).await.unwrap();
    opened.store.client("cli").await.unwrap().is_some_and(|client| client.enabled)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_client_is_disabled_once_other_machines_reach_the_issuer() {
    let app = TestApp::new().await;
    assert!(has_cli(&app, "http://localhost:1").await);
    let disabled = "SELECT count(*) FROM audit_events WHERE event = 'client_disabled' AND actor_kind = 'issuer' AND face = 'start'";
    assert_eq!(app.count(disabled).await, 0);
    for _ in 0..2 {
        assert!(!has_cli(&app, "https://id.example").await);
    }
    assert_eq!(app.count(disabled).await, 1, "the second start changes nothing");
    let settings = test_settings("https://id.example", app.database_url(), app.keys_dir());
    let (https, _) = start::open(settings, Arc::new(FakeClock::new(START))).await.unwrap();
    let enabled = change(&https, &app.operator, |change| Box::pin(clients::set_enabled(change, "cli", true))).await;
    assert!(enabled.is_err_and(|error| error.to_string().contains("only for an issuer at a loopback URL")));
    let ask = |password: String| {
        let form = [("grant_type", "password"), ("client_id", "cli"), ("username", "admin"), ("password", &password), ("scope", "admin")];
        let request = app.post("/token").form(&form);
        async move { request.send().await }
    };
    assert_eq!(ask(app.admin_password.clone()).await.error(), (401, "invalid_client"));

    // An issuer that has never been a loopback URL gets no such client.
    let https = TestApp::with(|settings| settings.issuer = "https://id.example".to_owned().try_into().unwrap()).await;
    assert_eq!(https.count("SELECT count(*) FROM clients WHERE id = 'cli'").await, 0);

    // A client of the same name that an administrator made is left alone.
    let own = https.with_orders().await;
    own.add_client("cli", true, "password", &["orders:read"]).await;
    assert!(has_cli(&own, "https://id.example").await);
}
