//! The database gone in mid-request: 5xx and no token, and back by itself.

use crate::support::{Answer, SECRET, TestApp};

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
async fn any_lost_table_fails_closed_and_comes_back() {
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
        // The view of the key ring is no older than this.
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

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_failed_is_never_reported_as_done() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let token = app.sign_in("alice", "").await.str("refresh_token").to_owned();
    app.sql("ALTER TABLE audit_events RENAME TO audit_events_away").await;
    let answer = app.post("/revoke").form(&[("client_id", "shop"), ("token", &token)]).send().await;
    assert_eq!(answer.error(), (500, "server_error"));
    app.sql("ALTER TABLE audit_events_away RENAME TO audit_events").await;
    assert_eq!(app.refresh(&token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_database_and_liveness_does_not() {
    let app = TestApp::new().await;
    app.sql("ALTER TABLE signing_keys RENAME TO signing_keys_away").await;
    app.advance(10);
    assert_eq!(app.get("/health/ready").send().await.status, 503);
    assert_eq!(app.get("/health/live").send().await.status, 200);
    assert_eq!(app.get("/.well-known/jwks.json").send().await.status, 500);
    app.sql("ALTER TABLE signing_keys_away RENAME TO signing_keys").await;
    assert_eq!(app.get("/health/ready").send().await.status, 200);
}
