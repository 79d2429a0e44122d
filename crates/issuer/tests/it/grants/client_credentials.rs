//! With client credentials a client acts for itself, and gets no scopes that are about users.

use serde_json::json;

use crate::support::{ORDERS, SECRET, TestApp};

async fn app() -> TestApp {
    let app = TestApp::new().await.with_orders().await;
    app.add_client("worker", false, "client_credentials", &["orders:read", "openid", "offline_access"]).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_acts_for_itself() {
    let app = app().await;
    let answer = app.client_token("worker", "orders:read orders:write").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((answer.str("scope"), &answer.json["refresh_token"]), ("orders:read", &json!(null)));
    let claims = answer.claims();
    assert_eq!((&claims["sub"], &claims["client_id"], &claims["aud"]), (&json!("worker"), &json!("worker"), &json!(ORDERS)));
    assert!(claims["auth_time"].is_null() && claims["acr"].is_null() && claims["amr"].is_null());
    assert_eq!(app.client_token("worker", "").await.str("scope"), "orders:read");
    assert_eq!(app.count("SELECT count(*) FROM authorizations").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE client_id = 'worker' AND event <> 'client_added'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_credentials_get_no_openid_scopes() {
    let app = app().await;
    assert_eq!(app.client_token("worker", "openid offline_access").await.error(), (400, "invalid_scope"));
    let mixed = app.client_token("worker", "openid orders:read").await;
    assert_eq!((mixed.str("scope"), &mixed.json["id_token"]), ("orders:read", &json!(null)));
    let userinfo = format!("{}/userinfo", app.url);
    let form = [("grant_type", "client_credentials"), ("resource", userinfo.as_str())];
    assert_eq!(app.post("/token").basic_auth("worker", SECRET).form(&form).send().await.error(), (400, "invalid_target"));
}

#[tokio::test(flavor = "multi_thread")]
async fn public_clients_cannot_use_client_credentials() {
    let app = app().await;
    app.add_client("public", true, "", &["orders:read"]).await;
    app.sql("UPDATE clients SET grant_types = 'client_credentials' WHERE id = 'public'").await;
    assert_eq!(app.token(&[("grant_type", "client_credentials"), ("client_id", "public")]).await.error(), (400, "unauthorized_client"));
}
