//! Every kind of event is written where it happens, and docs/audit.md lists each.

use std::collections::BTreeSet;

use serde_json::json;
use signet_issuer::accounts::session;
use signet_issuer::admin::{keys, users};
use signet_issuer::audit::{self, Kind};
use signet_issuer::clock::DAY;

use super::events;
use crate::support::{PASSWORD, SECRET, TestApp, real_time};

/// Ends a session of alice, of which the client `web` cannot be told, because its server is at an address that is not public.
async fn tell_in_vain(app: &TestApp) {
    app.sql("UPDATE clients SET metadata = '{\"backchannel_logout_uri\":\"https://127.0.0.1/logout\"}' WHERE id = 'web'").await;
    let browser = app.signed_in("alice").await;
    app.code_flow(&browser, &[]).await;
    let page = browser.get("/account").await;
    browser.submit(&page, "/account/sign-out", &[]).await;
    for _ in 0..100 {
        app.sql("UPDATE outbox SET attempts = 11, next_attempt_at = 0").await;
        if app.count("SELECT count(*) FROM outbox").await == 0 {
            return;
        }
        real_time(100).await;
    }
    panic!("the message was not given up");
}

/// Lets the last attempt for the events of a stream fail, whose receiver is at an address that is not public.
async fn push_in_vain(app: &TestApp) {
    for _ in 0..100 {
        app.sql("UPDATE outbox SET attempts = 6, next_attempt_at = 0 WHERE event = 'verification'").await;
        if app.count("SELECT count(*) FROM streams WHERE failing_since IS NOT NULL AND status = 'paused'").await == 1 {
            return;
        }
        real_time(100).await;
    }
    panic!("the stream was not paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_event_is_written_where_it_happens() {
    // Failed sign-ins are kept for the months that this test lasts.
    let kept = |settings: &mut signet_issuer::config::Settings| settings.failed_sign_in_retention = 365 * DAY;
    let app = TestApp::with(kept).await.with_orders().await.with_user("alice").await.with_web().await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    app.try_password("alice", "wrong", "").await;
    let browser = app.signed_in("alice").await;
    let code = browser.code(&app.authorize(&[])).await;
    app.redeem(&code, &[]).await;
    app.redeem(&code, &[]).await;
    tell_in_vain(&app).await;
    let first = app.sign_in("alice", "").await.str("refresh_token").to_owned();
    let second = app.refresh(&first).await.str("refresh_token").to_owned();
    app.refresh(&second).await;
    app.refresh(&first).await;
    let first = app.sign_in("alice", "").await.str("refresh_token").to_owned();
    let second = app.refresh(&first).await.str("refresh_token").to_owned();
    app.sql("UPDATE authorizations SET generation = 0").await;
    app.refresh(&second).await;
    app.post("/revoke").form(&[("client_id", "shop"), ("token", &first)]).send().await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    let own = app.client_token("worker", "").await.str("access_token").to_owned();
    app.post("/revoke").basic_auth("worker", SECRET).form(&[("token", &own)]).send().await;
    let page = browser.get("/account").await;
    browser.submit(&page, "/account", &[("nickname", "Al")]).await;
    let page = browser.get("/account/consents").await;
    browser.submit(&page, "/account/consents", &[]).await;
    app.signed_in("alice").await;
    let page = browser.get("/account/devices").await;
    browser.submit(&page, "/account/devices", &[("action", "end-others")]).await;
    let page = browser.get("/account/password").await;
    let chosen = "a better passphrase than before";
    browser
        .submit(&page, "/account/password", &[("current_password", PASSWORD), ("new_password", chosen), ("repeat_password", chosen)])
        .await;
    let link = app.operate(|change| Box::pin(users::make_link(change, alice))).await.unwrap().url;
    let page = browser.get(&link).await;
    let chosen = "an even better passphrase";
    browser.submit(&page, "/set-password", &[("new_password", chosen), ("repeat_password", chosen)]).await;
    session::end(&app.app, &app.operator, "nonsense", alice, "nobody").await.unwrap();
    app.sql("UPDATE clients SET access = 'groups' WHERE id = 'shop'").await;
    app.token(&[("grant_type", "password"), ("client_id", "shop"), ("username", "alice"), ("password", chosen)]).await;
    app.add_client("hub", false, "client_credentials", &["ssf.manage"]).await;
    let form = [("grant_type", "client_credentials"), ("scope", "ssf.manage"), ("resource", &app.url)];
    let token = app.post("/token").basic_auth("hub", SECRET).form(&form).send().await.str("access_token").to_owned();
    let made = app.post("/ssf/streams").bearer(&token).json(&json!({})).send().await;
    let status = json!({ "stream_id": made.str("stream_id"), "status": "paused" });
    app.post("/ssf/status").bearer(&token).json(&status).send().await;
    let delivery = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": "https://app.example/events" });
    let pushed = app.post("/ssf/streams").bearer(&token).json(&json!({ "delivery": delivery })).send().await;
    app.sql("UPDATE streams SET endpoint_url = 'https://127.0.0.1:1/events' WHERE method = 'push'").await;
    app.post("/ssf/verify").bearer(&token).json(&json!({ "stream_id": pushed.str("stream_id") })).send().await;
    push_in_vain(&app).await;
    let removed = format!("{}/ssf/streams?stream_id={}", app.url, made.str("stream_id"));
    app.http.delete(removed).bearer_auth(&token).send().await.unwrap();
    let spare = app.app.rotation().generate().unwrap();
    let active = keys::list(&app.reading()).await.unwrap().remove(0).kid;
    app.operate(|change| Box::pin(keys::revoke(change, &active, spare))).await.unwrap();
    // Rotation publishes keys and erases those that no longer sign.
    for _ in 0..6 {
        app.advance(10 * DAY.unsigned_abs());
        app.app.rotation().maintain().await.unwrap();
    }
    for kind in Kind::ALL {
        assert!(events(&app, kind.name(), "1 = 1").await >= 1, "{kind:?}");
    }
    assert!(events(&app, "key_erased", "actor_kind = 'issuer' AND face = 'job'").await >= 1);
}

#[test]
fn the_guide_lists_every_event() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit.md")).unwrap();
    let section = guide.split_once("## The events").unwrap().1.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |").map(|(name, _)| name));
    // A missing event needs a row in docs/audit.md that says what happened.
    assert_eq!(rows.collect::<BTreeSet<_>>(), audit::names());
}
