//! Readiness follows the database and the stop of the node; liveness follows neither.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn health_states_live_ready_and_stopping() {
    let app = TestApp::new().await;
    assert_eq!(app.get("/health/live").send().await.json, json!({ "status": "live" }));
    assert_eq!(app.get("/health/ready").send().await.json, json!({ "status": "ready" }));
    app.app.announce_stop();
    let stopping = app.get("/health/ready").send().await;
    assert_eq!((stopping.status, stopping.str("reason"), stopping.header("retry-after")), (503, "stopping", "5"));
    assert_eq!(app.get("/health/live").send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_database_and_liveness_does_not() {
    let app = TestApp::new().await;
    app.sql("ALTER TABLE signing_keys RENAME TO signing_keys_away").await;
    app.advance(10);
    assert_eq!(app.get("/health/ready").send().await.status, 503);
    assert_eq!(app.get("/health/live").send().await.status, 200);
    assert_eq!(app.get("/.well-known/jwks.json").send().await.status, 200, "the last view is served");
    app.sql("ALTER TABLE signing_keys_away RENAME TO signing_keys").await;
    assert_eq!(app.get("/health/ready").send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_answered_at_the_root_of_the_host_too() {
    let app = TestApp::with(|settings| settings.issuer = format!("{}/tenant/one", settings.issuer.as_str()).try_into().unwrap()).await;
    let root = app.url.strip_suffix("/tenant/one").unwrap();
    for base in [root, &app.url] {
        for (path, state) in [("/health/live", "live"), ("/health/ready", "ready")] {
            let answer = app.http.get(format!("{base}{path}")).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (200, json!({ "status": state }).to_string()));
        }
    }
    assert_eq!(app.http.get(format!("{root}/token")).send().await.unwrap().status(), 404);
}
