//! Either token of a client ends its authorization, and a revocation that failed is never reported as done.

use crate::support::{SECRET, TestApp};

async fn signed_in() -> (TestApp, String, String) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client("service", false, "", &[]).await;
    let answer = app.sign_in("alice", "openid orders:read").await;
    let (access, refresh) = (answer.str("access_token").to_owned(), answer.str("refresh_token").to_owned());
    (app, access, refresh)
}

async fn revoke(app: &TestApp, client: &str, token: &str) -> u16 {
    app.post("/revoke").form(&[("client_id", client), ("token", token)]).send().await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn either_token_ends_the_authorization() {
    for which in ["access", "refresh"] {
        let (app, access, refresh) = signed_in().await;
        assert_eq!(app.introspect("service", &access).await.json["active"], true);
        let token = if which == "access" { &access } else { &refresh };
        assert_eq!(revoke(&app, "shop", token).await, 200);
        assert_eq!(app.refresh(&refresh).await.error(), (400, "invalid_grant"), "{which}");
        assert_eq!(app.introspect("service", &access).await.json, serde_json::json!({ "active": false }), "{which}");
        assert_eq!(app.get("/userinfo").bearer(&access).send().await.status, 401, "{which}");
        assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'authorization_ended'").await, 1);
        // A second revocation gets the same answer and changes nothing.
        assert_eq!(revoke(&app, "shop", token).await, 200);
        assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'authorization_ended'").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_refresh_token_still_names_its_authorization() {
    let (app, _, first) = signed_in().await;
    let second = app.refresh(&first).await.str("refresh_token").to_owned();
    assert_eq!(revoke(&app, "shop", &first).await, 200);
    assert_eq!(app.refresh(&second).await.error(), (400, "invalid_grant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_revokes_the_tokens_that_it_got_for_itself() {
    let (app, ..) = signed_in().await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    let token = app.client_token("worker", "").await.str("access_token").to_owned();
    let is_active = async |token: &str| app.introspect("service", token).await.json["active"].clone();
    assert_eq!(revoke(&app, "shop", &token).await, 200, "another client learns nothing");
    assert_eq!(is_active(&token).await, true);
    let answer = app.post("/revoke").basic_auth("worker", SECRET).form(&[("token", &token)]).send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(is_active(&token).await, false);
    let by_worker = "event = 'own_tokens_revoked' AND client_id = 'worker' AND actor_kind = 'client'";
    assert_eq!(app.count(&format!("SELECT count(*) FROM audit_events WHERE {by_worker}")).await, 1);
    let next = app.client_token("worker", "").await.str("access_token").to_owned();
    assert_eq!(is_active(&next).await, true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_revoke_only_its_own_tokens() {
    let (app, access, refresh) = signed_in().await;
    app.add_client("other", true, "", &[]).await;
    for token in [&access, &refresh] {
        assert_eq!(revoke(&app, "other", token).await, 200);
    }
    assert_eq!(app.introspect("service", &access).await.json["active"], true);
    assert_eq!(app.get("/userinfo").bearer(&access).send().await.status, 200);
    assert_eq!(app.refresh(&refresh).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_tokens_are_accepted_and_unknown_clients_refused() {
    let (app, _, refresh) = signed_in().await;
    for token in ["x", "a.b.c", &refresh[..refresh.len() - 2]] {
        assert_eq!(revoke(&app, "shop", token).await, 200);
    }
    assert_eq!(app.post("/revoke").form(&[("client_id", "shop")]).send().await.error(), (400, "invalid_request"));
    assert_eq!(revoke(&app, "nobody", "x").await, 401);
    let wrong = app.post("/revoke").basic_auth("service", "wrong").form(&[("token", "x")]).send().await;
    assert_eq!(wrong.error(), (401, "invalid_client"));
    let right = app.post("/revoke").basic_auth("service", SECRET).form(&[("token", "x"), ("token_type_hint", "nonsense")]).send().await;
    assert_eq!(right.status, 200);
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
