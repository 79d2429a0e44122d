//! The password grant gives tokens for the right password, and one and the same answer for wrong credentials, whatever is wrong.

use serde_json::json;
use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::patch::Patch;

use crate::support::{ORDERS, PASSWORD, START, TestApp, header};

#[tokio::test(flavor = "multi_thread")]
async fn a_password_gives_an_access_token_for_the_default_resource() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let answer = app.sign_in("alice", "orders:read").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(
        (&answer.json["token_type"], &answer.json["expires_in"], &answer.json["scope"]),
        (&json!("Bearer"), &json!(600), &json!("orders:read"))
    );
    assert!(answer.json["refresh_token"].is_string() && answer.json["id_token"].is_null());

    let head = header(answer.str("access_token"));
    assert_eq!((&head["typ"], &head["alg"]), (&json!("at+jwt"), &json!("RS256")));
    let claims = answer.claims();
    let user = signet_issuer::store::users::row(app.app.store.reader(), "alice").await.unwrap().unwrap();
    assert_eq!(claims["iss"], app.url);
    assert_eq!(claims["sub"], user.id.to_string());
    assert_eq!(claims["aud"], ORDERS);
    assert_eq!((&claims["iat"], &claims["exp"], &claims["auth_time"]), (&json!(START), &json!(START + 600), &json!(START)));
    assert_eq!((&claims["client_id"], &claims["scope"]), (&json!("shop"), &json!("orders:read")));
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:signet:acr:password"), &json!(["pwd"])));
    assert!(claims["jti"].as_str().unwrap().len() >= 22);
}

/// Clients name the resource once, when the password is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_without_resource_is_for_the_one_that_the_password_was_sent_for() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_resource("https://bills.example", &["bills:read"], None).await;
    app.change_clerk(&["bills:read"], &[]).await;
    let scope = Patch::Set("openid orders:read bills:read".to_owned());
    app.edit_client("shop", ClientPatch { scope, ..ClientPatch::default() }).await.unwrap();
    for name in ["resource", "audience"] {
        for scope in ["openid bills:read", "openid orders:read bills:read"] {
            let form = [("grant_type", "password"), ("client_id", "shop"), ("username", "alice"), ("password", PASSWORD), ("scope", scope)];
            let tokens = app.token(&[&form[..], &[(name, "https://bills.example")]].concat()).await;
            assert_eq!((&tokens.claims()["aud"], tokens.str("scope")), (&json!("https://bills.example"), "bills:read"), "{name} {scope}");
            let again = app.refresh(tokens.str("refresh_token")).await;
            assert_eq!(again.status, 200, "{name} {scope}: {}", again.text);
            assert_eq!((&again.claims()["aud"], again.str("scope")), (&json!("https://bills.example"), "bills:read"), "{name} {scope}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_get_one_answer_whatever_is_wrong() {
    let app =
        TestApp::with(|settings| settings.account_attempts = 100).await.with_orders().await.with_user("alice").await.with_user("bob").await;
    app.disable_user("bob").await;
    app.add_user("carol", &[]).await;
    app.sql("UPDATE users SET password_hash = '$argon2id$broken' WHERE username = 'carol'").await;
    let wrong = app.try_password("alice", "wrong password", "").await;
    assert_eq!(wrong.error(), (400, "invalid_grant"));
    let attempts = [
        ("nobody", PASSWORD),
        ("bob", PASSWORD),
        ("bob", "wrong password"),
        ("carol", PASSWORD),
        ("alice", "short"),
        ("alice", &"x".repeat(300)),
        ("' OR 1=1 --", PASSWORD),
    ];
    for (username, password) in attempts {
        let answer = app.try_password(username, password, "").await;
        assert_eq!((answer.status, &answer.text), (wrong.status, &wrong.text), "{username}");
        assert!(answer.headers.keys().eq(wrong.headers.keys()), "{username}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_leaves_one_authorization_and_one_audit_line() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.sign_in("alice", "").await;
    app.try_password("alice", "wrong password", "").await;
    app.sign_in("alice", "nonsense").await;
    assert_eq!(app.count("SELECT count(*) FROM authorizations").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'authorization_given'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_cannot_be_granted_tells_nothing_of_a_disabled_user() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    assert_eq!(app.sign_in("alice", "nonsense").await.error(), (400, "invalid_scope"));
    app.disable_user("alice").await;
    assert_eq!(app.sign_in("alice", "nonsense").await.error(), (400, "invalid_grant"));
}
