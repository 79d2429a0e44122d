//! What administrators see of streams, and how they widen them.

use serde_json::json;
use signet_issuer::admin::checks;
use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::patch::Patch;

use super::{Hub, event};

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
    assert!(!found.ok && found.detail.contains(&format!("the stream {id} of the client hub is paused: the queue")), "{}", found.detail);
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
