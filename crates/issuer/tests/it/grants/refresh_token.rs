//! The refresh tokens of an authorization form one chain within what was granted, and reuse of an old one ends the authorization.

use serde_json::json;
use signet_issuer::admin::authorizations::{self, AuthorizationFilter};
use signet_issuer::clock::DAY;

use crate::support::{ORDERS, START, TestApp, at_once};

async fn signed_in() -> (TestApp, String) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let token = app.sign_in("alice", "openid orders:read orders:write").await.str("refresh_token").to_owned();
    (app, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_gives_new_tokens_and_keeps_the_sign_in() {
    let (app, first) = signed_in().await;
    app.advance(3600);
    let answer = app.refresh(&first).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_ne!(answer.str("refresh_token"), first);
    assert_eq!(answer.str("scope"), "openid orders:read orders:write");
    let claims = answer.claims();
    assert_eq!((&claims["auth_time"], &claims["iat"]), (&json!(START), &json!(START + 3600)));
    let id_token = crate::support::claims(answer.str("id_token"));
    assert_eq!((&id_token["auth_time"], &id_token["nonce"]), (&json!(START), &json!(null)));
    // There is one row, however often the tokens are refreshed.
    app.advance(11);
    app.refresh(answer.str("refresh_token")).await;
    assert_eq!(app.count("SELECT count(*) FROM authorizations").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_just_spent_gets_the_same_successor_for_ten_seconds() {
    let (app, first) = signed_in().await;
    let second = app.refresh(&first).await.str("refresh_token").to_owned();
    app.advance(9);
    assert_eq!(app.refresh(&first).await.str("refresh_token"), second);
    // The ten seconds count from the rotation, not from the last use.
    app.advance(1);
    assert_eq!(app.refresh(&first).await.error(), (400, "invalid_grant"));
    // The reuse ended the authorization.
    assert_eq!(app.refresh(&second).await.error(), (400, "invalid_grant"));
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'refresh_token_reused'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_generation_ends_the_authorization() {
    let (app, first) = signed_in().await;
    let second = app.refresh(&first).await.str("refresh_token").to_owned();
    let third = app.refresh(&second).await.str("refresh_token").to_owned();
    assert_eq!(app.refresh(&first).await.error(), (400, "invalid_grant"));
    assert_eq!(app.refresh(&third).await.error(), (400, "invalid_grant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn negative_elapsed_time_counts_as_none() {
    let (app, first) = signed_in().await;
    let second = app.refresh(&first).await.str("refresh_token").to_owned();
    app.clock.step(-3600);
    assert_eq!(app.refresh(&first).await.str("refresh_token"), second);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_parallel_refreshes_make_one_chain() {
    let (app, first) = signed_in().await;
    let answers = at_once((0..200).map(|_| app.refresh(&first)).collect()).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{:?}", answers.iter().find(|answer| answer.status != 200));
    let successor = answers[0].str("refresh_token");
    assert!(answers.iter().all(|answer| answer.str("refresh_token") == successor));
    assert_eq!(app.count("SELECT CAST(generation AS BIGINT) FROM authorizations").await, 1);
    assert_eq!(app.refresh(successor).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_issued_after_a_disable_or_a_revocation_was_answered() {
    for round in 0..10 {
        let (app, mut token) = signed_in().await;
        let refreshing = async {
            loop {
                let answer = app.refresh(&token).await;
                if answer.status != 200 {
                    break answer;
                }
                token = answer.str("refresh_token").to_owned();
            }
        };
        let ending = async {
            tokio::task::yield_now().await;
            if round % 2 == 0 {
                app.disable_user("alice").await;
            } else {
                let filter = AuthorizationFilter { client: Some("shop".to_owned()), ..AuthorizationFilter::default() };
                app.operate(|change| Box::pin(authorizations::end_all(change, &filter))).await.unwrap();
            }
            app.count("SELECT CAST(generation AS BIGINT) FROM authorizations").await
        };
        let (last, generation) = tokio::join!(refreshing, ending);
        assert_eq!(last.error(), (400, "invalid_grant"));
        assert_eq!(app.count("SELECT CAST(generation AS BIGINT) FROM authorizations").await, generation);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_clients_token_is_refused_and_ends_nothing() {
    let (app, token) = signed_in().await;
    app.add_client("other", true, "refresh_token", &["orders:read"]).await;
    let stolen = app.token(&[("grant_type", "refresh_token"), ("client_id", "other"), ("refresh_token", &token)]).await;
    assert_eq!(stolen.error(), (400, "invalid_grant"));
    assert_eq!(app.refresh(&token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_before_a_restored_backup_ends_nothing_and_is_noted() {
    let (app, first) = signed_in().await;
    let second = app.refresh(&first).await.str("refresh_token").to_owned();
    app.sql("UPDATE authorizations SET generation = 0").await;
    assert_eq!(app.refresh(&second).await.error(), (400, "invalid_grant"));
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'refresh_token_from_the_future'").await, 1);
    assert_eq!(app.refresh(&first).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn scope_narrows_one_access_token_and_never_widens() {
    let (app, token) = signed_in().await;
    let ask = |token: String, scope: &'static str| {
        let app = &app;
        async move { app.token(&[("grant_type", "refresh_token"), ("client_id", "shop"), ("refresh_token", &token), ("scope", scope)]).await }
    };
    assert_eq!(ask(token.clone(), "orders:read admin").await.error(), (400, "invalid_scope"));
    assert_eq!(ask(token.clone(), "profile").await.error(), (400, "invalid_scope"));
    let narrowed = ask(token, "orders:read").await;
    assert_eq!((narrowed.str("scope"), &narrowed.json["id_token"]), ("orders:read", &json!(null)));
    assert_eq!(narrowed.claims()["aud"], ORDERS);
    let whole = app.refresh(narrowed.str("refresh_token")).await;
    assert_eq!(whole.str("scope"), "openid orders:read orders:write");
    let unknown = [
        ("grant_type", "refresh_token"),
        ("client_id", "shop"),
        ("refresh_token", whole.str("refresh_token")),
        ("resource", "https://other.example"),
    ];
    assert_eq!(app.token(&unknown).await.error(), (400, "invalid_target"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_drops_scopes_that_the_user_has_lost() {
    let (app, token) = signed_in().await;
    app.change_clerk(&[], &["orders:write"]).await;
    let answer = app.refresh(&token).await;
    assert_eq!(answer.str("scope"), "openid orders:read");
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_tokens_expire_when_idle_and_after_an_absolute_time() {
    let (app, token) = signed_in().await;
    app.advance(14 * DAY as u64 - 1);
    let token = app.refresh(&token).await.str("refresh_token").to_owned();
    app.advance(14 * DAY as u64);
    assert_eq!(app.refresh(&token).await.error(), (400, "invalid_grant"));

    let (app, mut token) = signed_in().await;
    for _ in 0..6 {
        app.advance(13 * DAY as u64);
        token = app.refresh(&token).await.str("refresh_token").to_owned();
    }
    app.advance(12 * DAY as u64 - 1);
    token = app.refresh(&token).await.str("refresh_token").to_owned();
    app.advance(1);
    assert_eq!(app.refresh(&token).await.error(), (400, "invalid_grant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_clients_with_the_grant_get_a_refresh_token() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client("password-only", true, "password", &["orders:read"]).await;
    let parameters =
        [("grant_type", "password"), ("client_id", "password-only"), ("username", "alice"), ("password", crate::support::PASSWORD)];
    assert!(app.token(&parameters).await.json["refresh_token"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn reuse_is_detected_on_every_node_and_after_a_restart() {
    let (app, first) = signed_in().await;
    let node = app.another_node().await;
    let second = node.refresh(&first).await.str("refresh_token").to_owned();
    let third = app.refresh(&second).await.str("refresh_token").to_owned();
    let restarted = app.another_node().await;
    assert_eq!(restarted.refresh(&first).await.error(), (400, "invalid_grant"));
    assert_eq!(node.refresh(&third).await.error(), (400, "invalid_grant"));
}
