//! Poll delivery (RFC 8936), and the bounds of a queue.

use std::time::Duration;

use serde_json::{Value, json};
use signet_issuer::admin::Change;
use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::patch::Patch;
use signet_issuer::admin::users::{PasswordHash, set_password};
use signet_issuer::jobs;
use signet_issuer::oauth::ssf::EventType;
use signet_issuer::store::{commit, stream_queue, streams};
use tokio::time::timeout;

use super::{CREDENTIAL_CHANGE, Hub, STREAM_UPDATED, VERIFICATION, event};
use crate::support::{SECRET, claims, header};

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

#[derive(Debug, Clone, Copy)]
enum Loss {
    TokenExpires,
    TokenRevoked,
    ScopeTaken,
    ClientDisabled,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_token_is_good_no_more_gets_no_event_that_comes_while_it_waits() {
    for loss in [Loss::TokenExpires, Loss::TokenRevoked, Loss::ScopeTaken, Loss::ClientDisabled] {
        let hub = Hub::new().await;
        hub.used_by("alice").await;
        let id = hub.stream().await;
        let waiting = hub.poll(&id, json!({}));
        tokio::pin!(waiting);
        assert!(timeout(Duration::from_millis(500), &mut waiting).await.is_err(), "{loss:?}: there is nothing yet");
        match loss {
            Loss::TokenExpires => hub.app.advance(601),
            Loss::TokenRevoked => {
                let revoked = hub.app.post("/revoke").basic_auth("hub", SECRET).form(&[("token", &hub.token)]).send().await;
                assert_eq!(revoked.status, 200, "{}", revoked.text);
            }
            Loss::ScopeTaken => {
                let patch = ClientPatch { scope: Patch::Set("openid".to_owned()), ..ClientPatch::default() };
                hub.app.edit_client("hub", patch).await.unwrap();
            }
            Loss::ClientDisabled => hub.app.disable_client("hub").await,
        }
        // An event that is in the queue already, as if it had come just before.
        let details = json!({ "jti": "an-event" }).to_string();
        let db = hub.app.app.store.writer();
        stream_queue::insert(db, &id, EventType::Verification, details, false, hub.app.clock_now()).await.unwrap();
        let answer = timeout(Duration::from_secs(8), waiting).await.expect("an event travels at once");
        assert_eq!(answer.error(), (401, "invalid_token"), "{loss:?}: {}", answer.text);
        assert!(!answer.text.contains("sets"), "{loss:?}: {}", answer.text);
        let kept = hub.app.count(&format!("SELECT count(*) FROM outbox WHERE receiver = 'stream:{id}'")).await;
        assert_eq!(kept, 1, "{loss:?}: the event waits for a good token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_cannot_take_all_places_in_which_requests_wait() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    hub.app.add_client("other", false, "client_credentials", &["ssf.manage"]).await;
    let token = super::token(&hub.app, "other", "ssf.manage").await;
    let send = async |path: &str, body: Value| super::send(&hub.app, &token, reqwest::Method::POST, path, &body).await;
    let other = send("/ssf/streams", json!({})).await.str("stream_id").to_owned();
    let others = format!("/ssf/poll/{other}");
    let mut first = tokio::task::JoinSet::new();
    for _ in 0..33 {
        let request = hub.app.http.post(format!("{}/ssf/poll/{id}", hub.app.url)).bearer_auth(&hub.token).json(&json!({}));
        first.spawn(async move { crate::support::Answer::of(request.send().await.unwrap()).await });
    }
    // The others wait, so that the one which is refused is answered first.
    let refused = timeout(Duration::from_secs(15), first.join_next()).await.expect("one has no place").unwrap().unwrap();
    assert_eq!((refused.status, refused.header("retry-after").is_empty()), (503, false), "{}", refused.text);
    assert!(refused.text.contains("too many requests wait for events"), "{}", refused.text);
    assert!(timeout(Duration::from_millis(500), send(&others, json!({}))).await.is_err(), "another client waits");
    // What needs no waiting needs no place.
    assert_eq!(hub.poll(&id, json!({ "returnImmediately": true })).await.status, 200);
    // An event wakes those whose stream it is in, and their places are free again.
    many(&hub, 1).await;
    while let Some(answer) = timeout(Duration::from_secs(10), first.join_next()).await.expect("an event travels at once") {
        assert_eq!(ids(&answer.unwrap()).len(), 1);
    }
    let acks = ids(&hub.poll(&id, json!({ "returnImmediately": true })).await);
    let after = timeout(Duration::from_millis(500), hub.poll(&id, json!({ "ack": acks }))).await;
    assert!(after.is_err(), "it waits again");
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
    let lost = "events since 2026-01-01T00:00:00Z were lost, because the queue was full";
    let enabled = hub.post("/ssf/status", json!({ "stream_id": id, "status": "enabled" })).await;
    assert_eq!(enabled.json, json!({ "stream_id": id, "status": "enabled", "reason": lost }));
    // There is room for new events at once, although all that were held still wait.
    many(&hub, 2).await;
    assert_eq!(hub.get(&status).await.str("status"), "enabled");
    let mut taken = 0;
    loop {
        let answer = hub.poll(&id, json!({ "returnImmediately": true })).await;
        taken += ids(&answer).len();
        hub.poll(&id, json!({ "ack": ids(&answer), "maxEvents": 0 })).await;
        if answer.json.get("moreAvailable").is_none() {
            break;
        }
    }
    assert_eq!(taken, 1003, "those that were held, two new ones, and one that tells of those which were lost");
    many(&hub, 1).await;
    assert_eq!(hub.drain(&id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_is_told_of_the_events_that_were_lost_while_it_had_paused_the_stream() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    let set = async |status: &str| hub.post("/ssf/status", json!({ "stream_id": id, "status": status, "reason": "mine" })).await;
    assert_eq!(set("paused").await.str("reason"), "mine");
    many(&hub, 1000).await;
    assert_eq!(hub.get(&format!("/ssf/status?stream_id={id}")).await.str("reason"), "mine");
    hub.app.advance(60);
    hub.app.sql(&format!("UPDATE users SET updated_at = {}", hub.app.clock_now())).await;
    many(&hub, 1).await;
    assert!(hub.get(&format!("/ssf/status?stream_id={id}")).await.str("reason").contains("is full"));
    let lost = "events since 2026-01-01T00:01:00Z were lost, because the queue was full";
    assert_eq!(set("enabled").await.str("reason"), lost);
    hub.app.sql("DELETE FROM outbox WHERE event = 'credential-change'").await;
    let told = hub.drain(&id).await;
    assert_eq!((told.len(), event(&told[0])), (1, (STREAM_UPDATED, &json!({ "status": "enabled", "reason": lost }))));
    // Without a loss nothing is told.
    set("paused").await;
    many(&hub, 2).await;
    assert_eq!(set("enabled").await.str("reason"), "mine");
    assert!(hub.drain(&id).await.iter().all(|set| event(set).0 == CREDENTIAL_CHANGE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_enables_its_stream_without_taking_anything_fills_no_more_than_two_thousand_places() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    for _ in 0..3 {
        many(&hub, 1001).await;
        hub.post("/ssf/status", json!({ "stream_id": id, "status": "enabled" })).await;
    }
    many(&hub, 1001).await;
    assert_eq!(hub.get(&format!("/ssf/status?stream_id={id}")).await.str("status"), "paused");
    let waiting = "SELECT count(*) FROM outbox WHERE event = 'credential-change'";
    assert_eq!(hub.app.count(waiting).await, 1999, "one place holds the event that tells of the loss");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_written_while_its_stream_goes_is_deleted_later() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let (gone, disabled, kept) = (hub.stream().await, hub.stream().await, hub.stream().await);
    let hash = PasswordHash::chosen(&hub.app.app, "another horse battery staple".into(), &[]).await.unwrap();
    let mut change = Change::within(&hub.app.app, &hub.app.operator, hub.app.app.store.begin().await.unwrap());
    set_password(&mut change, hub.alice, hash).await.unwrap();
    let remove = async { hub.send(reqwest::Method::DELETE, &format!("/ssf/streams?stream_id={gone}"), &Value::Null).await };
    let disable = async { hub.post("/ssf/status", json!({ "stream_id": disabled, "status": "disabled" })).await };
    let end = async {
        crate::support::real_time(300).await;
        commit(change.transaction).await.unwrap();
    };
    let (removed, set, ()) = tokio::join!(remove, disable, end);
    assert_eq!((removed.status, set.status), (204, 200));
    jobs::clean(&hub.app.app).await.unwrap();
    assert_eq!(hub.app.count("SELECT count(*) FROM outbox").await, 1);
    assert_eq!(hub.drain(&kept).await.len(), 1);
    // PostgreSQL alone leaves such rows, so here are some of its kind.
    for receiver in [&gone, &disabled, &kept] {
        let values = "'verification', '{\"jti\":\"x\"}', 1, 9223372036854775807";
        hub.app
            .sql(&format!(
                "INSERT INTO outbox (receiver, event, details, created_at, next_attempt_at) VALUES ('stream:{receiver}', {values})"
            ))
            .await;
    }
    jobs::clean(&hub.app.app).await.unwrap();
    assert_eq!(hub.app.count(&format!("SELECT count(*) FROM outbox WHERE receiver = 'stream:{kept}'")).await, 1);
    assert_eq!(hub.app.count("SELECT count(*) FROM outbox").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_about_streams_and_their_queues_use_indexes() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    many(&hub, 20).await;
    let db = hub.app.plans().await;
    let row = streams::find(&db, "hub", &id).await.unwrap().unwrap();
    assert!(streams::by_id(&db, &id).await.unwrap().is_some() && streams::lock(&db, "hub", &id).await.unwrap().is_some());
    streams::replace(&db, row).await.unwrap();
    assert!(streams::note_verification(&db, &id, 0, 1).await.unwrap());
    streams::note_delivery(&db, &id, 1).await.unwrap();
    streams::note_error(&db, &id, None, "x").await.unwrap();
    streams::remove_user(&db, &id, hub.alice).await.unwrap();
    assert_eq!(streams::count_removed(&db, &id).await.unwrap(), 1);
    streams::add_user(&db, &id, hub.alice).await.unwrap();
    assert_eq!(stream_queue::details(&db, &id).await.unwrap().len(), 20);
    assert_eq!(stream_queue::count(&db, &id).await.unwrap(), 20);
    stream_queue::set_due(&db, &id, true).await.unwrap();
    stream_queue::hold(&db, &id, true).await.unwrap();
    assert_eq!(stream_queue::since(&db, 0, 5).await.unwrap().1.into_iter().collect::<Vec<_>>(), [id.as_str()]);
    stream_queue::remove(&db, &id, vec![1]).await.unwrap();
    stream_queue::clear(&db, &id, Some(EventType::Verification)).await.unwrap();
    stream_queue::purge_orphans(&db, 600, 100).await.unwrap();
    db.assert_indexed(&["outbox_created_at", "outbox_receiver"]);
    // These sort the few rows that they find. A client has at most ten streams.
    let other = "'stream:other', 'verification', '{}', 0, 0";
    let numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 50000)";
    let columns = "receiver, event, details, created_at, next_attempt_at";
    hub.app.sql(&format!("{numbers} INSERT INTO outbox ({columns}) SELECT {other} FROM numbers")).await;
    let db = hub.app.plans_by_statistics().await;
    assert_eq!(streams::of_client(&db, "hub").await.unwrap().len(), 1);
    assert_eq!(stream_queue::oldest(&db, &id, None, 5).await.unwrap().len(), 5);
    assert_eq!(streams::waiting(&db, std::iter::once(id.as_str())).await.unwrap().len(), 1);
    assert_eq!(db.scans(&["outbox"]).1, Vec::<String>::new());
    assert!(stream_queue::newest(hub.app.app.store.reader()).await.unwrap() > 0);
    streams::remove(&db, &id).await.unwrap();
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
