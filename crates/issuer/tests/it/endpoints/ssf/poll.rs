//! Poll delivery (RFC 8936), and the bounds of a queue.

use std::time::Duration;

use serde_json::{Value, json};
use signet_issuer::admin::users::{PasswordHash, set_password};
use tokio::time::timeout;

use super::{CREDENTIAL_CHANGE, Hub, STREAM_UPDATED, VERIFICATION, event};
use crate::support::{claims, header};

/// Puts `count` events about alice into the streams, by the trigger that a new password fires.
pub async fn many(hub: &Hub, count: usize) {
    let id = if hub.app.database_url().starts_with("postgres") { format!("'{}'", hub.alice) } else { format!("x'{}'", hub.alice.simple()) };
    let one =
        format!("UPDATE users SET password_hash = password_hash || 'x', credential_version = credential_version + 1 WHERE id = {id};");
    hub.app.sql(&one.repeat(count)).await;
}

fn ids(answer: &crate::support::Answer) -> Vec<String> {
    answer.json["sets"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_until_they_are_acknowledged() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    let now = json!({ "returnImmediately": true });
    assert_eq!(hub.poll(&id, now.clone()).await.json, json!({ "sets": {} }));
    many(&hub, 3).await;
    let first = hub.poll(&id, now.clone()).await;
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(ids(&first).len(), 3);
    // Without an acknowledgement they come again, with the same ids.
    assert_eq!(ids(&hub.poll(&id, now.clone()).await), ids(&first));
    let part = hub.poll(&id, json!({ "maxEvents": 2, "returnImmediately": true })).await;
    assert_eq!((ids(&part).len(), &part.json["moreAvailable"]), (2, &json!(true)));
    let none = hub.poll(&id, json!({ "maxEvents": 0, "returnImmediately": true })).await;
    assert_eq!(none.json, json!({ "sets": {}, "moreAvailable": true }));
    // One request acknowledges and takes. An id that is unknown, or was acknowledged before, does no harm.
    let acks = [ids(&part), vec!["unknown".to_owned()]].concat();
    let rest = hub.poll(&id, json!({ "ack": acks, "returnImmediately": true })).await;
    assert_eq!(ids(&rest).len(), 1);
    assert!(!ids(&part).contains(&ids(&rest)[0]));
    // An event that the receiver refuses does not come again.
    let errors = json!({ ids(&rest)[0].clone(): { "err": "invalid_key", "description": "no such key" } });
    let after = hub.poll(&id, json!({ "ack": acks, "setErrs": errors, "returnImmediately": true })).await;
    assert_eq!(after.json, json!({ "sets": {} }));
    assert_eq!(hub.app.count("SELECT count(*) FROM streams WHERE last_error = 'invalid_key: no such key'").await, 1);
    for body in [
        json!({ "maxEvents": -1 }),
        json!({ "maxEvents": "all" }),
        json!({ "returnImmediately": "yes" }),
        json!({ "ack": "x" }),
        json!({ "ack": [1] }),
        json!({ "setErrs": [] }),
        json!({ "setErrs": { "x": {} } }),
    ] {
        assert_eq!(hub.poll(&id, body.clone()).await.error(), (400, "invalid_request"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_events_waits_for_one_at_every_node() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    let node = hub.app.another_node().await;
    let there = async { super::send(&node, &hub.token, reqwest::Method::POST, &format!("/ssf/poll/{id}"), &json!({})).await };
    let waiting = async { tokio::join!(hub.poll(&id, json!({})), hub.poll(&id, json!({})), there) };
    tokio::pin!(waiting);
    assert!(timeout(Duration::from_millis(700), &mut waiting).await.is_err(), "there is nothing yet");
    let hash = PasswordHash::chosen(&hub.app.app, "another horse battery staple".into(), &[]).await.unwrap();
    hub.app.operate(|change| Box::pin(set_password(change, hub.alice, hash))).await.unwrap();
    let (one, two, three) = timeout(Duration::from_secs(5), waiting).await.expect("an event travels at once");
    assert_eq!(ids(&one).len(), 1);
    assert_eq!((ids(&two), ids(&three)), (ids(&one), ids(&one)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_full_pauses_its_stream_until_the_receiver_enables_it() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let (id, other) = (hub.stream().await, hub.stream().await);
    many(&hub, 1000).await;
    hub.app.sql(&format!("DELETE FROM outbox WHERE receiver = 'stream:{other}'")).await;
    let status = format!("/ssf/status?stream_id={id}");
    assert_eq!(hub.get(&status).await.str("status"), "enabled");
    many(&hub, 3).await;
    assert_eq!(hub.app.count(&format!("SELECT count(*) FROM outbox WHERE receiver = 'stream:{id}'")).await, 1001);
    let paused = hub.get(&status).await;
    assert_eq!(paused.str("status"), "paused");
    assert!(paused.str("reason").contains("queue of 1000 events is full"));
    // Another stream goes on.
    assert_eq!(hub.get(&format!("/ssf/status?stream_id={other}")).await.str("status"), "enabled");
    assert_eq!(hub.drain(&other).await.len(), 3);
    // While it is paused, the stream says only that.
    let told = hub.drain(&id).await;
    assert_eq!(told.len(), 1);
    let (name, members) = event(&told[0]);
    assert_eq!((name, &members["status"], &members["reason"]), (STREAM_UPDATED, &json!("paused"), &paused.json["reason"]));
    assert_eq!(told[0]["sub_id"], json!({ "format": "opaque", "id": id }));
    assert_eq!(hub.drain(&id).await, Vec::<Value>::new());
    // Once it is enabled, the events that were held come in the order in which they happened.
    assert_eq!(
        hub.post("/ssf/status", json!({ "stream_id": id, "status": "enabled" })).await.json,
        json!({ "stream_id": id, "status": "enabled" })
    );
    let mut taken = 0;
    loop {
        let answer = hub.poll(&id, json!({ "returnImmediately": true })).await;
        taken += ids(&answer).len();
        hub.poll(&id, json!({ "ack": ids(&answer), "maxEvents": 0 })).await;
        if answer.json.get("moreAvailable").is_none() {
            break;
        }
    }
    assert_eq!(taken, 1000);
    many(&hub, 1).await;
    assert_eq!(hub.drain(&id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_stream_holds_events_and_a_disabled_one_does_not() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    let set = async |status: &str| assert_eq!(hub.post("/ssf/status", json!({ "stream_id": id, "status": status })).await.status, 200);
    set("paused").await;
    many(&hub, 2).await;
    assert_eq!(hub.drain(&id).await, Vec::<Value>::new());
    set("enabled").await;
    assert_eq!(hub.drain(&id).await.len(), 2);
    many(&hub, 1).await;
    set("disabled").await;
    many(&hub, 1).await;
    set("enabled").await;
    assert_eq!(hub.drain(&id).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_comes_back_with_its_state_at_most_once_a_minute() {
    let hub = Hub::new().await;
    let id = hub.stream().await;
    let verify = async |state: Value| hub.post("/ssf/verify", json!({ "stream_id": id, "state": state })).await;
    assert_eq!(verify(json!(1)).await.error(), (400, "invalid_request"));
    assert_eq!(verify("x".repeat(1025).into()).await.error(), (400, "invalid_request"));
    let asked = verify("the state".into()).await;
    assert_eq!((asked.status, asked.text.as_str()), (204, ""));
    hub.app.advance(20);
    let again = verify("again".into()).await;
    assert_eq!((again.status, again.header("retry-after")), (429, "40"));
    let answer = hub.poll(&id, json!({})).await;
    let set = answer.json["sets"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(header(set.1.as_str().unwrap())["typ"], "secevent+jwt");
    let claims = claims(set.1.as_str().unwrap());
    let expected = json!({
        "iss": hub.app.url, "aud": "hub", "iat": crate::support::START, "jti": set.0,
        "sub_id": { "format": "opaque", "id": id }, "events": { VERIFICATION: { "state": "the state" } },
    });
    assert_eq!(claims, expected);
    hub.app.advance(41);
    let without = hub.post("/ssf/verify", json!({ "stream_id": id })).await;
    assert_eq!(without.status, 204);
    assert_eq!(event(&hub.drain(&id).await[0]), (VERIFICATION, &json!({})));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_removed_takes_its_events_along() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let (id, other) = (hub.stream().await, hub.stream().await);
    many(&hub, 2).await;
    hub.send(reqwest::Method::DELETE, &format!("/ssf/streams?stream_id={id}"), &Value::Null).await;
    assert_eq!(hub.app.count("SELECT count(*) FROM outbox").await, 2);
    assert_eq!(event(&hub.drain(&other).await[0]).0, CREDENTIAL_CHANGE);
    many(&hub, 2).await;
    hub.app.operate(|change| Box::pin(signet_issuer::admin::clients::remove(change, "hub"))).await.unwrap();
    assert_eq!(hub.app.count("SELECT count(*) FROM outbox").await, 0);
}
