//! Push delivery (RFC 8935): the request, the acknowledgement, and receivers that do not answer.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use reqwest::Method;
use serde_json::{Value, json};
use signet_issuer::admin::client_streams::StreamView;
use signet_issuer::admin::{checks, clients};
use tokio::net::TcpListener;

use super::{CREDENTIAL_CHANGE, Hub, SESSION_REVOKED, STREAM_UPDATED, VERIFICATION, event};
use crate::support::{START, claims, header, real_time, serve};

/// The URL of a receiver, which answers as a test says and keeps what it is sent.
struct Endpoint {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    answer: (u16, &'static str),
    requests: Vec<(HeaderMap, String)>,
}

impl Endpoint {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let shared = Arc::new(Mutex::new(Shared { answer: (202, ""), requests: Vec::new() }));
        let router = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        tokio::spawn(async move { serve(listener, router).await });
        Self { url, shared }
    }

    fn answers(&self, status: u16, body: &'static str) {
        self.shared.lock().unwrap().answer = (status, body);
    }

    /// Waits until `count` requests have come; returns them all.
    async fn taken(&self, count: usize) -> Vec<(HeaderMap, String)> {
        for _ in 0..200 {
            if self.shared.lock().unwrap().requests.len() >= count {
                break;
            }
            real_time(50).await;
        }
        let taken = std::mem::take(&mut self.shared.lock().unwrap().requests);
        assert_eq!(taken.len(), count, "{taken:?}");
        taken
    }

    /// Asserts that no request comes in the time in which the job looks twice.
    async fn is_left_alone(&self) {
        real_time(1200).await;
        self.taken(0).await;
    }
}

async fn receive(State(shared): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut shared = shared.lock().unwrap();
    shared.requests.push((headers, String::from_utf8(body.to_vec()).unwrap()));
    (StatusCode::from_u16(shared.answer.0).unwrap(), shared.answer.1).into_response()
}

async fn hub() -> Hub {
    let hub = Hub::with(|settings| settings.fetch_private_addresses = true).await;
    hub.used_by("alice").await;
    hub
}

/// Makes a push stream to `url`, and returns its id.
async fn stream(hub: &Hub, url: &str) -> String {
    let delivery = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": url, "authorization_header": "Bearer of-the-receiver" });
    let made = hub.post("/ssf/streams", json!({ "delivery": delivery, "events_requested": [SESSION_REVOKED, CREDENTIAL_CHANGE] })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.str("stream_id").to_owned()
}

/// Waits until the outcome of each attempt is stored.
async fn settled(hub: &Hub) {
    for _ in 0..200 {
        if hub.app.count("SELECT count(*) FROM outbox WHERE leased_until > 0").await == 0 {
            return;
        }
        real_time(50).await;
    }
    panic!("an attempt has not ended");
}

/// Returns the only stream of the client, as administrators see it, once the outcome of each attempt is stored.
async fn shown(hub: &Hub) -> StreamView {
    settled(hub).await;
    clients::show(&hub.app.reading(), "hub").await.unwrap().streams.unwrap().remove(0)
}

async fn new_password(hub: &Hub) {
    super::poll::many(hub, 1).await;
}

/// Returns what `signet doctor` says about streams; `None` if all is well.
async fn doctor(hub: &Hub) -> Option<String> {
    let findings = checks::at_start(&hub.app.app).await;
    findings.into_iter().find(|finding| finding.check == "shared signals").map(|finding| finding.detail)
}

/// Gets another token, because the one before expires while a test lets the time pass.
async fn renewed(hub: Hub) -> Hub {
    let token = super::token(&hub.app, "hub", "ssf.manage").await;
    Hub { token, ..hub }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_posted_until_it_is_accepted() {
    let (hub, endpoint) = (hub().await, Endpoint::open().await);
    let id = stream(&hub, &endpoint.url).await;
    endpoint.answers(500, "");
    new_password(&hub).await;
    let first = endpoint.taken(1).await.remove(0);
    let failing = shown(&hub).await;
    assert_eq!((failing.waiting, failing.failing_since), (1, Some(START)));
    assert_eq!(failing.last_error.as_deref(), Some("the receiver answered with status 500 instead of 202"));
    let url = &endpoint.url;
    assert_eq!(
        doctor(&hub).await.unwrap(),
        format!(
            "the stream {id} of the client hub is enabled and delivers nothing since 2026-01-01T00:00:00Z, because its receiver {url} takes no \
             event: the receiver answered with status 500 instead of 202. Make the receiver answer with status 202. Then the events that wait \
             are sent by themselves; otherwise the stream is paused within an hour"
        )
    );
    // The next attempt comes later.
    endpoint.is_left_alone().await;
    endpoint.answers(202, "");
    hub.app.advance(1);
    let second = endpoint.taken(1).await.remove(0);
    assert_eq!(second.0["content-type"], "application/secevent+jwt");
    assert_eq!(second.0["accept"], "application/json");
    assert_eq!(second.0["authorization"], "Bearer of-the-receiver");
    assert_eq!(header(&second.1)["typ"], "secevent+jwt");
    assert_eq!(claims(&second.1), claims(&first.1), "each attempt says the same");
    assert_eq!(event(&claims(&second.1)).0, CREDENTIAL_CHANGE);
    assert_eq!(claims(&second.1)["aud"], "hub");
    hub.app.advance(3600);
    endpoint.is_left_alone().await;
    let accepted = shown(&hub).await;
    assert_eq!((accepted.stream_id.as_str(), accepted.waiting, accepted.failing_since), (id.as_str(), 0, None));
    assert_eq!((accepted.delivered_at, accepted.last_error), (Some(START + 1), None));
    assert_eq!(doctor(&hub).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_in_the_order_in_which_they_happened() {
    let (hub, endpoint) = (hub().await, Endpoint::open().await);
    let id = stream(&hub, &endpoint.url).await;
    for second in 0..5 {
        hub.app.sql(&format!("UPDATE users SET updated_at = {second} WHERE username = 'alice'")).await;
        new_password(&hub).await;
    }
    let times: Vec<Value> = endpoint.taken(5).await.iter().map(|(_, set)| claims(set)["iat"].clone()).collect();
    assert_eq!(times, [0, 1, 2, 3, 4].map(Value::from));
    // A stream that is pushed cannot be polled.
    assert_eq!(hub.poll(&id, json!({})).await.error(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_comes_back_by_push() {
    let (hub, endpoint) = (hub().await, Endpoint::open().await);
    let id = stream(&hub, &endpoint.url).await;
    assert_eq!(hub.post("/ssf/verify", json!({ "stream_id": id, "state": "the state" })).await.status, 204);
    let claims = claims(&endpoint.taken(1).await[0].1);
    assert_eq!(claims["sub_id"], json!({ "format": "opaque", "id": id }));
    assert_eq!(event(&claims), (VERIFICATION, &json!({ "state": "the state" })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_does_not_come_again() {
    let (hub, endpoint) = (hub().await, Endpoint::open().await);
    stream(&hub, &endpoint.url).await;
    endpoint.answers(400, r#"{"err":"invalid_request","description":"no such user"}"#);
    new_password(&hub).await;
    endpoint.taken(1).await;
    let refused = shown(&hub).await;
    assert_eq!((refused.waiting, refused.last_error.as_deref()), (0, Some("invalid_request: no such user")));
    hub.app.advance(3600);
    endpoint.is_left_alone().await;
    // A receiver that does not accept our header may do so later.
    endpoint.answers(400, r#"{"err":"authentication_failed"}"#);
    new_password(&hub).await;
    endpoint.taken(1).await;
    assert_eq!(shown(&hub).await.last_error.as_deref(), Some("authentication_failed"));
    endpoint.answers(202, "");
    hub.app.advance(1);
    endpoint.taken(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_does_not_answer_pauses_its_stream_and_delays_no_other() {
    let (hub, endpoint, other) = (hub().await, Endpoint::open().await, Endpoint::open().await);
    let id = stream(&hub, &endpoint.url).await;
    endpoint.answers(503, "");
    new_password(&hub).await;
    let mut first = endpoint.taken(1).await;
    settled(&hub).await;
    new_password(&hub).await;
    for wait in [1, 5, 30, 120, 600] {
        hub.app.advance(wait);
        first.extend(endpoint.taken(1).await);
        settled(&hub).await;
    }
    let jti = |set: &(HeaderMap, String)| claims(&set.1)["jti"].clone();
    assert!(first.iter().all(|set| jti(set) == jti(&first[0])), "one event is attempted at a time");
    assert_eq!(shown(&hub).await.status, "enabled");
    let hub = renewed(hub).await;
    stream(&hub, &other.url).await;
    // With the last attempt the stream is paused, and the receiver is told that too.
    hub.app.advance(1800);
    let last = endpoint.taken(2).await;
    assert_eq!((jti(&last[0]), event(&claims(&last[1].1)).0), (jti(&first[0]), STREAM_UPDATED));
    let paused = shown(&hub).await;
    assert_eq!((paused.stream_id.as_str(), paused.status.as_str(), paused.waiting), (id.as_str(), "paused", 3));
    assert_eq!(paused.failing_since, Some(START));
    let found = doctor(&hub).await.unwrap();
    let resume = format!("or run signet client stream resume hub {id}");
    assert!(found.contains("is paused and delivers nothing since 2026-01-01T00:00:00Z, because") && found.ends_with(&resume), "{found}");
    let hub = renewed(hub).await;
    let status = hub.get(&format!("/ssf/status?stream_id={id}")).await;
    assert_eq!(status.str("status"), "paused");
    assert!(status.str("reason").contains("7 attempts: the receiver answered with status 503"), "{}", status.text);
    assert_eq!(hub.app.count("SELECT count(*) FROM audit_events WHERE event = 'stream_paused' AND client_id = 'hub'").await, 1);
    // Another stream goes on.
    new_password(&hub).await;
    other.taken(1).await;
    // Once the receiver answers, it is told. It gets what was held when it enables the stream.
    endpoint.answers(202, "");
    hub.app.advance(1);
    assert_eq!(event(&claims(&endpoint.taken(1).await[0].1)).0, STREAM_UPDATED);
    endpoint.is_left_alone().await;
    let enabled = hub.post("/ssf/status", json!({ "stream_id": id, "status": "enabled" })).await;
    assert_eq!(enabled.json, json!({ "stream_id": id, "status": "enabled" }));
    let held = endpoint.taken(3).await;
    assert_eq!(jti(&held[0]), jti(&first[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_changes_from_poll_to_push_and_back() {
    let (hub, endpoint) = (hub().await, Endpoint::open().await);
    let id = hub.stream().await;
    new_password(&hub).await;
    endpoint.is_left_alone().await;
    let delivery = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": endpoint.url });
    let changed = hub.send(Method::PATCH, "/ssf/streams", &json!({ "stream_id": id, "delivery": delivery })).await;
    assert_eq!(changed.json["delivery"], delivery, "{}", changed.text);
    assert!(!endpoint.taken(1).await[0].0.contains_key("authorization"));
    settled(&hub).await;
    let back = hub.send(Method::PATCH, "/ssf/streams", &json!({ "stream_id": id, "delivery": { "method": "urn:ietf:rfc:8936" } })).await;
    assert_eq!(back.status, 200);
    new_password(&hub).await;
    endpoint.is_left_alone().await;
    assert_eq!(hub.drain(&id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_stream_and_a_disabled_client_are_sent_nothing() {
    let (hub, endpoint) = (hub().await, Endpoint::open().await);
    let id = stream(&hub, &endpoint.url).await;
    hub.post("/ssf/status", json!({ "stream_id": id, "status": "paused" })).await;
    new_password(&hub).await;
    endpoint.is_left_alone().await;
    hub.app.disable_client("hub").await;
    hub.app.sql("UPDATE streams SET status = 'enabled'").await;
    hub.app.sql("UPDATE outbox SET next_attempt_at = 0").await;
    endpoint.is_left_alone().await;
    settled(&hub).await;
    hub.app.operate(|change| Box::pin(clients::set_enabled(change, "hub", true))).await.unwrap();
    hub.app.advance(300);
    endpoint.taken(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_may_not_read_its_streams_any_more_is_sent_nothing() {
    let (hub, endpoint) = (hub().await, Endpoint::open().await);
    let id = stream(&hub, &endpoint.url).await;
    let edit = async |patch: Value| {
        let patch = serde_json::from_value(patch).unwrap();
        hub.app.edit_client("hub", patch).await.unwrap();
    };
    for (without, with) in [
        (json!({ "scope": "openid" }), json!({ "scope": "openid ssf.read" })),
        (json!({ "grant_types": ["password"] }), json!({ "grant_types": ["password", "client_credentials"] })),
    ] {
        // An event that waits is not sent either.
        hub.app.sql("UPDATE streams SET status = 'paused'").await;
        new_password(&hub).await;
        edit(without).await;
        hub.app.sql("UPDATE streams SET status = 'enabled'").await;
        hub.app.sql("UPDATE outbox SET next_attempt_at = 0").await;
        new_password(&hub).await;
        endpoint.is_left_alone().await;
        settled(&hub).await;
        let waiting = format!("SELECT count(*) FROM outbox WHERE receiver = 'stream:{id}'");
        assert_eq!(hub.app.count(&waiting).await, 0);
        edit(with).await;
        new_password(&hub).await;
        endpoint.taken(1).await;
        settled(&hub).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_refused_and_never_asked() {
    let (hub, endpoint) = (Hub::new().await, Endpoint::open().await);
    let delivery = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": endpoint.url });
    assert_eq!(hub.post("/ssf/streams", json!({ "delivery": delivery })).await.error(), (400, "invalid_request"));
    hub.used_by("alice").await;
    for private in
        ["https://127.0.0.1:1/events", "https://10.0.0.1/", "https://[::1]/", "https://[::ffff:192.168.0.1]/", "https://169.254.169.254/"]
    {
        let delivery = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": private });
        let refused = hub.post("/ssf/streams", json!({ "delivery": delivery })).await;
        assert_eq!(refused.error(), (400, "invalid_request"), "{private}");
        assert!(refused.text.contains("public internet"), "{}", refused.text);
    }
    // What was allowed when the stream was made need not be so any more.
    stream(&hub, "https://app.example/events").await;
    hub.app.sql("UPDATE streams SET endpoint_url = 'https://127.0.0.1:1/events'").await;
    new_password(&hub).await;
    for _ in 0..200 {
        if let Some(error) = shown(&hub).await.last_error {
            assert!(error.contains("public address"), "{error}");
            return;
        }
        real_time(50).await;
    }
    panic!("no attempt was made");
}
