//! A service learns about live tokens that are meant for it, and nothing about other tokens.

use serde_json::json;

use crate::support::{ORDERS, TestApp};

async fn app() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client("service", false, "", &[]).await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    app
}

fn inactive() -> serde_json::Value {
    json!({ "active": false })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_learns_of_tokens_meant_for_it() {
    let app = app().await;
    let answer = app.sign_in("alice", "orders:read").await;
    let told = app.introspect("service", answer.str("access_token")).await;
    assert_eq!(told.header("cache-control"), "no-store");
    let claims = answer.claims();
    for name in ["iss", "sub", "aud", "client_id", "scope", "exp", "iat", "jti", "auth_time", "acr", "amr"] {
        assert_eq!(told.json[name], claims[name], "{name}");
    }
    assert_eq!((&told.json["active"], &told.json["token_type"], &told.json["username"]), (&json!(true), &json!("Bearer"), &json!("alice")));
    let own = app.client_token("worker", "").await;
    let told = app.introspect("service", own.str("access_token")).await;
    assert_eq!((&told.json["active"], &told.json["sub"], &told.json["aud"]), (&json!(true), &json!("worker"), &json!(ORDERS)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_learns_nothing_of_other_tokens() {
    let app = app().await;
    let answer = app.sign_in("alice", "openid orders:read").await;
    let only_userinfo = app.sign_in("alice", "openid").await;
    app.add_resource("https://other.example", &[], None).await;
    for (id, resource) in [("elsewhere", Some("https://other.example".to_owned())), ("nowhere", None)] {
        app.add_client_with(id, false, "", &[], |client| client.default_resource = resource).await;
    }
    let access = answer.str("access_token");
    for (client, token, why) in [
        ("elsewhere", access, "another resource's"),
        ("nowhere", access, "of no resource"),
        ("service", answer.str("refresh_token"), "a refresh token"),
        ("service", answer.str("id_token"), "an ID token"),
        ("service", only_userinfo.str("access_token"), "for UserInfo"),
        ("service", "nonsense", "nonsense"),
        ("service", &access[..access.len() - 4], "truncated"),
    ] {
        assert_eq!(app.introspect(client, token).await.json, inactive(), "{why}");
    }
    let foreign = TestApp::new().await.with_orders().await.with_user("alice").await;
    assert_eq!(app.introspect("service", foreign.sign_in("alice", "").await.str("access_token")).await.json, inactive());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_inactive_once_it_expires_or_its_user_or_client_is_disabled() {
    let app = app().await;
    let access = app.sign_in("alice", "orders:read").await.str("access_token").to_owned();
    let own = app.client_token("worker", "").await.str("access_token").to_owned();
    app.advance(600);
    assert_eq!(app.introspect("service", &access).await.json, inactive(), "expired");
    let access = app.sign_in("alice", "orders:read").await.str("access_token").to_owned();
    app.disable_user("alice").await;
    assert_eq!(app.introspect("service", &access).await.json, inactive(), "user disabled");
    app.disable_client("worker").await;
    assert_eq!(app.introspect("service", &own).await.json, inactive(), "client disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_confidential_clients_may_ask() {
    let app = app().await;
    let access = app.sign_in("alice", "orders:read").await.str("access_token").to_owned();
    for client in ["shop", "nobody"] {
        assert_eq!(
            app.post("/introspect").form(&[("client_id", client), ("token", &access)]).send().await.error(),
            (401, "invalid_client")
        );
    }
    assert_eq!(app.post("/introspect").form(&[("token", &access)]).send().await.error(), (401, "invalid_client"));
    assert_eq!(
        app.post("/introspect").basic_auth("service", "wrong").form(&[("token", &access)]).send().await.error(),
        (401, "invalid_client")
    );
    assert_eq!(
        app.post("/introspect").basic_auth("service", crate::support::SECRET).form(&[]).send().await.error(),
        (400, "invalid_request")
    );
}
