//! An ID token comes where `openid` was asked for, and the resource sets the life of its access tokens.

use serde_json::json;

use crate::support::{ORDERS, PASSWORD, START, TestApp, claims, header};

#[tokio::test(flavor = "multi_thread")]
async fn openid_adds_an_id_token_and_userinfo_to_the_audience() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let answer = app.sign_in("alice", "openid orders:read profile").await;
    assert_eq!(answer.claims()["aud"], json!([ORDERS, format!("{}/userinfo", app.url)]));
    assert_eq!(answer.str("scope"), "openid orders:read profile");
    let id_token = claims(answer.str("id_token"));
    assert_eq!(header(answer.str("id_token"))["typ"], "JWT");
    assert_eq!((&id_token["aud"], &id_token["iss"], &id_token["sub"]), (&json!("shop"), &json!(app.url), &answer.claims()["sub"]));
    assert_eq!((&id_token["exp"], &id_token["auth_time"]), (&json!(START + 3600), &json!(START)));
    assert!(id_token["at_hash"].is_string() && id_token["nonce"].is_null() && id_token["azp"].is_null());

    let only_oidc = app.sign_in("alice", "openid email").await;
    assert_eq!(only_oidc.claims()["aud"], format!("{}/userinfo", app.url));
    assert_eq!(only_oidc.str("scope"), "email openid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_sets_the_lifetime_of_its_tokens() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_resource("https://brief.example", &["brief:read"], Some(120)).await;
    app.change_clerk(&["brief:read"], &[]).await;
    app.add_client_with("brief", true, "password", &["brief:read"], |client| {
        client.default_resource = Some("https://brief.example".into());
    })
    .await;
    let form = [("grant_type", "password"), ("client_id", "brief"), ("username", "alice"), ("password", PASSWORD)];
    let answer = app.token(&form).await;
    assert_eq!((&answer.json["expires_in"], &answer.claims()["exp"]), (&json!(120), &json!(START + 120)));
}
