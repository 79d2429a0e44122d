//! The feed of revocations of the test issuer, which tests can delay, cut and garble.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use signet_verifier::revocation_lifetime;
use tokio::sync::watch;

use crate::server::Issuer;

/// How long a request without news is held, in real time. The real issuer holds it for 20 s.
const HOLD: Duration = Duration::from_millis(100);

/// What the feed says, and how it behaves.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    revoked: Vec<String>,
    kids: Vec<String>,
    /// Changes when the issuer restarts, so that earlier cursors are unknown.
    epoch: u32,
    pub(crate) named: bool,
    /// The URL that discovery names in place of the feed's own.
    pub(crate) named_at: Option<String>,
    /// The number of requests to the feed so far.
    pub(crate) requests: usize,
    pub(crate) cut: bool,
    pub(crate) delay: Duration,
    pub(crate) garbled: Option<String>,
    pub(crate) keep_for: u64,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            revoked: Vec::new(),
            kids: Vec::new(),
            epoch: 0,
            named: true,
            named_at: None,
            requests: 0,
            cut: false,
            delay: Duration::ZERO,
            garbled: None,
            keep_for: revocation_lifetime(0),
        }
    }
}

impl Feed {
    pub(crate) fn revoke(&mut self, grant_id: &str) {
        let hash = digest(&SHA256, grant_id.as_bytes());
        self.revoked.push(BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]));
    }

    pub(crate) fn revoke_key(&mut self, kid: String) {
        self.kids.push(kid);
    }

    pub(crate) fn restart(&mut self) {
        self.epoch += 1;
    }

    fn cursor(&self) -> String {
        format!("{}-{}-{}", self.epoch, self.revoked.len(), self.kids.len())
    }

    /// Everything since `after`; everything at all for an unknown cursor.
    fn since(&self, after: Option<&str>) -> Value {
        let mut parts = after.unwrap_or_default().split('-').map(|part| part.parse::<usize>().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        let (epoch, revoked, kids) = (next(), next(), next());
        let known = after.is_some() && epoch == self.epoch as usize;
        let (revoked, kids) = if known { (revoked, kids) } else { (0, 0) };
        json!({
            "cursor": self.cursor(),
            "keep_for": self.keep_for,
            "revoked": self.revoked.get(revoked..).unwrap_or(&self.revoked),
            "revoked_kids": self.kids.get(kids..).unwrap_or(&self.kids),
        })
    }
}

pub(crate) async fn discovery(State(issuer): State<Issuer>) -> Response {
    let url = issuer.url();
    let mut document = json!({ "issuer": url, "jwks_uri": format!("{url}/.well-known/jwks.json") });
    let feed = issuer.feed.borrow();
    if feed.named {
        document["signet_revocations_endpoint"] = feed.named_at.clone().unwrap_or_else(|| format!("{url}/revocations")).into();
    }
    json_answer(document.to_string())
}

pub(crate) async fn revocations(State(issuer): State<Issuer>, uri: Uri) -> Response {
    let after = uri.query().and_then(|query| query.strip_prefix("after="));
    issuer.feed.send_if_modified(|feed| {
        feed.requests += 1;
        false
    });
    let mut changes = issuer.feed.subscribe();
    // While there is no news, hold the request. Changes of the feed's behaviour end that too.
    let news = |feed: &Feed| feed.cut || !feed.named || feed.garbled.is_some() || after != Some(feed.cursor().as_str());
    let _ = tokio::time::timeout(HOLD, changes.wait_for(news)).await;
    let delay = issuer.feed.borrow().delay;
    if !delay.is_zero() {
        // This is longer than the delay only if nothing cuts or changes the feed.
        let _ = tokio::time::timeout(delay, changes.wait_for(|feed| feed.cut)).await;
    }
    let feed: watch::Ref<'_, Feed> = issuer.feed.borrow();
    if feed.cut {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if !feed.named {
        return StatusCode::NOT_FOUND.into_response();
    }
    json_answer(feed.garbled.clone().unwrap_or_else(|| feed.since(after).to_string()))
}

fn json_answer(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}
