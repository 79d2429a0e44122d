//! The database gone in mid-request: 5xx and no token, and back by itself.

use crate::support::{Answer, SECRET, TestApp};

async fn requests(app: &TestApp, refresh_token: &str) -> Vec<(&'static str, Answer)> {
    vec![
        ("password", app.sign_in("alice", "").await),
        ("refresh", app.refresh(refresh_token).await),
        ("client credentials", app.client_token("worker", "").await),
        ("revoke", app.post("/revoke").basic_auth("worker", SECRET).form(&[("token", "x")]).send().await),
        ("introspect", app.introspect("worker", "x").await),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn any_lost_table_fails_closed_and_comes_back() {
    let app = TestApp::with(|settings| settings.account_attempts = 1000).await.with_orders().await.with_user("alice").await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    let mut refresh_token = app.sign_in("alice", "").await.str("refresh_token").to_owned();
    for table in ["clients", "users", "authorizations", "attempts", "audit_events", "signing_keys", "user_roles"] {
        app.sql(&format!("ALTER TABLE {table} RENAME TO {table}_away")).await;
        // The view of the key ring is no older than this.
        app.advance(10);
        let before = app
            .count(&format!("SELECT count(*) FROM {}", if table == "authorizations" { "authorizations_away" } else { "authorizations" }))
            .await;
        for (name, answer) in requests(&app, &refresh_token).await {
            assert!(answer.json["access_token"].is_null() || answer.status == 200, "{table}, {name}");
            if answer.status != 200 {
                assert_eq!(answer.error(), (500, "server_error"), "{table}, {name}: {}", answer.text);
                assert!(!answer.text.contains(table), "an error tells nothing of the database");
            } else if name == "refresh" {
                refresh_token = answer.str("refresh_token").to_owned();
            }
        }
        let password = app.sign_in("alice", "").await;
        assert_eq!(password.error(), (500, "server_error"), "{table}");
        let after = app
            .count(&format!("SELECT count(*) FROM {}", if table == "authorizations" { "authorizations_away" } else { "authorizations" }))
            .await;
        assert_eq!(before, after, "{table}: nothing is half written");
        app.sql(&format!("ALTER TABLE {table}_away RENAME TO {table}")).await;
        for (name, answer) in requests(&app, &refresh_token).await {
            assert_eq!(answer.status, 200, "{table}, {name}: {}", answer.text);
            if name == "refresh" {
                refresh_token = answer.str("refresh_token").to_owned();
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
