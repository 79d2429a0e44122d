//! UserInfo gives the claims of the granted scopes for a valid token, and refuses all other tokens.

use serde_json::json;

use crate::support::TestApp;

async fn signed_in(scope: &str) -> (TestApp, String) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let token = app.sign_in("alice", scope).await.str("access_token").to_owned();
    (app, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_follow_the_scopes() {
    let (app, token) = signed_in("openid profile email").await;
    let answer = app.get("/userinfo").bearer(&token).send().await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let sub = crate::support::claims(&token)["sub"].clone();
    let expected = json!({
        "sub": sub, "name": "alice Example", "preferred_username": "alice", "updated_at": crate::support::START,
        "email": "alice@example.com", "email_verified": true,
    });
    assert_eq!(answer.json, expected);
    let only = app.sign_in("alice", "openid").await;
    assert_eq!(app.get("/userinfo").bearer(only.str("access_token")).send().await.json, json!({ "sub": sub }));
    // The token may also have UserInfo as its second audience.
    let both = app.sign_in("alice", "openid orders:read").await;
    assert_eq!(app.get("/userinfo").bearer(both.str("access_token")).send().await.json, json!({ "sub": sub }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_may_come_in_the_body_of_a_post() {
    let (app, token) = signed_in("openid").await;
    assert_eq!(app.post("/userinfo").form(&[("access_token", &token)]).send().await.status, 200);
    assert_eq!(app.post("/userinfo").bearer(&token).send().await.status, 200);
    let twice = app.post("/userinfo").bearer(&token).form(&[("access_token", &token)]).send().await;
    assert_eq!(twice.error(), (400, "invalid_request"));
    let beside_nothing = app.post("/userinfo").header("authorization", "Bearer undefined").form(&[("access_token", &token)]).send().await;
    assert_eq!(beside_nothing.status, 200);
    let two_headers = app.get("/userinfo").bearer(&token).bearer(&token).send().await;
    assert_eq!(two_headers.error(), (400, "invalid_request"));
    assert_eq!(app.get(&format!("/userinfo?access_token={token}")).send().await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_follow_rfc_6750() {
    let (app, token) = signed_in("orders:read").await;
    let realm = format!("Bearer realm=\"{}/userinfo\"", app.url);
    let bare = app.get("/userinfo").send().await;
    assert_eq!((bare.error(), bare.header("www-authenticate")), ((401, "invalid_token"), format!("{realm}, scope=\"openid\"").as_str()));
    for nothing in ["", "Bearer", "Bearer undefined", "bearer null", "Basic Og=="] {
        let answer = app.get("/userinfo").header("authorization", nothing).send().await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, bare.header("www-authenticate")), "{nothing}");
    }
    let forged = app.get("/userinfo").bearer(&format!("{token}x")).send().await;
    assert_eq!(forged.error(), (401, "invalid_token"));
    assert!(forged.header("www-authenticate").starts_with(&format!("{realm}, error=\"invalid_token\"")));
    // A token of this issuer that lacks the scope is told so, whatever resource it is for.
    let of_orders = app.get("/userinfo").bearer(&token).send().await;
    assert_eq!(of_orders.error(), (403, "insufficient_scope"));
    app.add_client("machine", false, "client_credentials", &["orders:read"]).await;
    let of_client = app.client_token("machine", "orders:read").await;
    assert_eq!(app.get("/userinfo").bearer(of_client.str("access_token")).send().await.error(), (403, "insufficient_scope"));
    let profile = app.sign_in("alice", "profile").await;
    let no_openid = app.get("/userinfo").bearer(profile.str("access_token")).send().await;
    assert_eq!(no_openid.error(), (403, "insufficient_scope"));
    assert!(no_openid.header("www-authenticate").ends_with("scope=\"openid\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tokens_are_refused() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let answer = app.sign_in("alice", "openid").await;
    let expired = answer.str("access_token");
    for token in [answer.str("id_token"), answer.str("refresh_token"), "nonsense", &expired[..expired.len() - 1]] {
        assert_eq!(app.get("/userinfo").bearer(token).send().await.error(), (401, "invalid_token"), "{token}");
    }
    app.advance(600);
    assert_eq!(app.get("/userinfo").bearer(expired).send().await.error(), (401, "invalid_token"));
    let fresh = app.sign_in("alice", "openid").await;
    app.disable_user("alice").await;
    assert_eq!(app.get("/userinfo").bearer(fresh.str("access_token")).send().await.error(), (401, "invalid_token"));
}
