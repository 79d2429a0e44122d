//! Shared Signals: the life of a stream, its events, and who is told of whom.

mod admin;
mod events;
mod poll;
mod push;
mod streams;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, SECRET, TestApp};

pub const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
pub const CREDENTIAL_CHANGE: &str = "https://schemas.openid.net/secevent/caep/event-type/credential-change";
pub const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
pub const STREAM_UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";

/// An issuer with the users alice and bob and the client `hub`, which people use and which may manage streams. Bob has never used it.
pub struct Hub {
    pub app: TestApp,
    pub alice: Uuid,
    pub token: String,
}

impl Hub {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut signet_issuer::config::Settings)) -> Self {
        let app = TestApp::with(change).await.with_orders().await.with_web().await;
        let (alice, _) = (app.add_user("alice", &["clerk"]).await, app.add_user("bob", &["clerk"]).await);
        app.add_client("hub", false, "password client_credentials", &["openid", "ssf.read", "ssf.manage"]).await;
        let token = token(&app, "hub", "ssf.manage").await;
        Self { app, alice, token }
    }

    /// Lets `username` use the client `hub`.
    pub async fn used_by(&self, username: &str) {
        let form = [("grant_type", "password"), ("username", username), ("password", crate::support::PASSWORD), ("scope", "openid")];
        let answer = self.app.post("/token").basic_auth("hub", SECRET).form(&form).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        send(&self.app, &self.token, method, path, body).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.app.get(path).bearer(&self.token).send().await
    }

    /// Makes a poll stream of both events, and returns its id.
    pub async fn stream(&self) -> String {
        let answer = self.post("/ssf/streams", json!({ "events_requested": [SESSION_REVOKED, CREDENTIAL_CHANGE] })).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.str("stream_id").to_owned()
    }

    /// Returns the claims of the SETs that wait in the stream `id`, oldest first, and acknowledges them.
    pub async fn drain(&self, id: &str) -> Vec<Value> {
        let answer = self.poll(id, json!({ "returnImmediately": true })).await;
        assert_eq!((answer.status, answer.json.get("moreAvailable")), (200, None), "{}", answer.text);
        let sets = answer.json["sets"].as_object().unwrap();
        let acks: Vec<&String> = sets.keys().collect();
        assert_eq!(self.poll(id, json!({ "ack": acks, "maxEvents": 0, "returnImmediately": true })).await.status, 200);
        let mut claims: Vec<Value> = sets.values().map(|set| crate::support::claims(set.as_str().unwrap())).collect();
        claims.sort_by_key(|claims| claims["iat"].as_i64());
        claims
    }

    pub async fn poll(&self, id: &str, body: Value) -> Answer {
        self.post(&format!("/ssf/poll/{id}"), body).await
    }
}

/// Returns a token that the client `id` got for itself, for the issuer.
pub async fn token(app: &TestApp, id: &str, scope: &str) -> String {
    let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", &app.url)];
    let answer = app.post("/token").basic_auth(id, SECRET).form(&form).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.str("access_token").to_owned()
}

pub async fn send(app: &TestApp, token: &str, method: Method, path: &str, body: &Value) -> Answer {
    let request = app.http.request(method, format!("{}{path}", app.url)).bearer_auth(token);
    let request = if body.is_null() { request } else { request.json(body) };
    Answer::of(request.send().await.unwrap()).await
}

/// Returns the type and the members of the only event of a SET.
pub fn event(claims: &Value) -> (&str, &Value) {
    let events = claims["events"].as_object().unwrap();
    assert_eq!(events.len(), 1);
    let (name, members) = events.iter().next().unwrap();
    (name, members)
}
