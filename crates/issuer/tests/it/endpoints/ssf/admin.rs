//! What administrators see of streams, and how they widen them.

use serde_json::{Value, json};
use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::patch::Patch;
use signet_issuer::admin::{checks, roles};

use super::{Hub, STREAM_UPDATED, event};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_lets_streams_tell_of_all_users() {
    let hub = Hub::new().await;
    let id = hub.stream().await;
    hub.app.disable_user("alice").await;
    assert_eq!(hub.drain(&id).await.len(), 0, "alice has never used the client");
    let widened = ClientPatch { signals_of_all_users: Patch::Set(true), ..ClientPatch::default() };
    hub.app.edit_client("hub", widened).await.unwrap();
    hub.app.disable_user("bob").await;
    let told = hub.drain(&id).await;
    assert_eq!((told.len(), event(&told[0]).0), (1, super::SESSION_REVOKED));
    // A receiver may still take a user out.
    let carol = hub.app.add_user("carol", &[]).await;
    let subject = json!({ "format": "opaque", "id": carol });
    assert_eq!(hub.post("/ssf/subjects/remove", json!({ "stream_id": id, "subject": subject })).await.status, 204);
    hub.app.disable_user("carol").await;
    assert_eq!(hub.drain(&id).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_in_trouble_is_shown_everywhere() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let made = hub.post("/ssf/streams", json!({ "events_requested": [super::CREDENTIAL_CHANGE], "description": "Night shift" })).await;
    let id = made.str("stream_id");
    let trouble = async || checks::at_start(&hub.app.app).await.into_iter().find(|finding| finding.check == "shared signals");
    assert!(trouble().await.is_none());
    super::poll::many(&hub, 1001).await;
    let found = trouble().await.unwrap();
    assert!(!found.ok);
    assert_eq!(
        found.detail,
        format!(
            "the stream {id} of the client hub is paused and loses its events since 2026-01-01T00:00:00Z: the queue of 1000 events is full; \
             later events are lost until the stream is enabled again. Make the receiver take events. Then let it set the status to enabled, \
             or run signet client stream resume hub {id}"
        )
    );
    hub.app.add_user("boss", &["admin"]).await;
    let browser = hub.app.signed_in("boss").await;
    let page = browser.get("/admin/clients/hub").await;
    assert_eq!(page.status, 200);
    for said in ["Streams of Shared Signals", "Night shift", "paused", "the queue of 1000 events is full", "1001", "poll"] {
        assert!(page.text.contains(said), "{said}");
    }
    let page = browser.get("/admin/clients/web").await;
    assert!(!page.text.contains("Streams of Shared Signals"), "it may make none");
    let form = [
        ("grant_type", "password"),
        ("client_id", "cli"),
        ("username", "boss"),
        ("password", crate::support::PASSWORD),
        ("scope", "admin:read"),
    ];
    let token = hub.app.token(&form).await;
    let shown = hub.app.get("/api/v1/clients/hub").bearer(token.str("access_token")).send().await;
    assert_eq!(shown.json["streams"][0]["status"], "paused", "{}", shown.text);
    assert_eq!(shown.json["streams"][0]["waiting"], 1001);
    assert_eq!(shown.json["signals_of_all_users"], false);
}

/// Returns a token with which `boss` calls the REST API.
async fn boss(hub: &Hub, scope: &str) -> String {
    let (client, password) = (("client_id", "cli"), ("password", crate::support::PASSWORD));
    let form = [("grant_type", "password"), client, ("username", "boss"), password, ("scope", scope)];
    hub.app.token(&form).await.str("access_token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_pauses_a_stream_and_lets_it_go_on_and_its_receiver_is_told() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    hub.app.add_user("boss", &["admin"]).await;
    let (id, token) = (hub.stream().await, boss(&hub, "admin").await);
    let tell = async |token: &str, path: &str| hub.app.post(&format!("/api/v1/clients/{path}")).bearer(token).send().await;
    let paused = tell(&token, &format!("hub/streams/{id}/pause")).await;
    assert_eq!(
        (paused.status, paused.str("status"), paused.str("reason")),
        (200, "paused", "an administrator paused it"),
        "{}",
        paused.text
    );
    assert_eq!(tell(&token, &format!("hub/streams/{id}/pause")).await.str("status"), "paused", "twice does no harm");
    super::poll::many(&hub, 2).await;
    let told = hub.drain(&id).await;
    assert_eq!(told.len(), 1, "the events wait");
    let (name, members) = event(&told[0]);
    assert_eq!((name, &members["status"], &members["reason"]), (STREAM_UPDATED, &json!("paused"), &json!("an administrator paused it")));
    let resumed = tell(&token, &format!("hub/streams/{id}/resume")).await;
    assert_eq!((resumed.status, resumed.str("status"), &resumed.json["waiting"]), (200, "enabled", &json!(3)), "{}", resumed.text);
    let told = hub.drain(&id).await;
    assert_eq!(told.iter().map(|told| event(told).0).filter(|name| *name == super::CREDENTIAL_CHANGE).count(), 2);
    let updated = told.iter().map(event).find(|(name, _)| *name == STREAM_UPDATED).unwrap().1;
    assert_eq!((&updated["status"], &updated["reason"]), (&json!("enabled"), &json!("an administrator enabled it")));
    // Who only reads, another client's path and another stream.
    let reader = boss(&hub, "admin:read").await;
    assert_eq!(tell(&reader, &format!("hub/streams/{id}/pause")).await.status, 403);
    for path in [format!("web/streams/{id}/pause"), "hub/streams/x/pause".to_owned(), "hub/streams/%00/resume".to_owned()] {
        assert!(matches!(tell(&token, &path).await.status, 400 | 404), "{path}");
    }
    // The receiver has the last word about a stream that it has disabled.
    hub.post("/ssf/status", json!({ "stream_id": id, "status": "disabled" })).await;
    let refused = tell(&token, &format!("hub/streams/{id}/resume")).await;
    assert!(refused.status == 409 && refused.text.contains("only the receiver can enable it again"), "{}", refused.text);
    let remove = format!("hub/streams/{id}/remove");
    assert_eq!((tell(&token, &remove).await.status, tell(&token, &remove).await.status), (204, 404));
    assert_eq!(hub.poll(&id, json!({})).await.error(), (404, "not_found"));
    for (event, count) in [("stream_changed", 2), ("stream_removed", 1)] {
        let sql = format!("SELECT count(*) FROM audit_events WHERE event = '{event}' AND actor_kind = 'user' AND client_id = 'hub'");
        assert_eq!(hub.app.count(&sql).await, count, "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_pauses_resumes_and_removes_a_stream_on_the_page_of_its_client() {
    let hub = Hub::new().await;
    hub.app.add_user("boss", &["admin"]).await;
    let (id, other) = (hub.stream().await, hub.stream().await);
    let browser = hub.app.signed_in("boss").await;
    let page = "/admin/clients/hub";
    let press = async |action: &str| {
        let shown = browser.get(page).await;
        let asked = browser.submit(&shown, page, &[("action", action), ("stream", &id)]).await;
        if action == "resume-stream" {
            return asked;
        }
        assert!(asked.status == 200 && asked.text.contains(&format!("the stream {id}?")), "{}", asked.text);
        browser.submit(&asked, page, &[("action", action), ("stream", &id), ("agreed", "true")]).await
    };
    let status = async || hub.get(&format!("/ssf/status?stream_id={id}")).await.json["status"].clone();
    for (action, said, expected) in [
        ("pause-stream", "Paused. The events wait.", Value::from("paused")),
        ("resume-stream", "It goes on.", Value::from("enabled")),
        ("remove-stream", "Removed.", Value::Null),
    ] {
        let done = press(action).await;
        assert!(done.status == 200 && done.text.contains(said) && done.text.contains(&other), "{action}: {}", done.text);
        assert_eq!(status().await, expected, "{action}");
    }
    let page = browser.get(page).await;
    assert!(page.text.contains("remove-stream") && page.text.contains(">Action</th>"));
    let reads = roles::NewRole::check("auditor", &["admin:read".to_owned()]).unwrap();
    hub.app.operate(|change| Box::pin(roles::add(change, reads))).await.unwrap();
    hub.app.add_user("reader", &["auditor"]).await;
    let reader = hub.app.signed_in("reader").await;
    let shown = reader.get("/admin/clients/hub").await;
    assert!(shown.text.contains(&other) && !shown.text.contains("remove-stream") && !shown.text.contains(">Action</th>"), "{}", shown.text);
}
