//! Reads the issuer's feed of revocations over HTTP: finds it in discovery, asks for what is new, and takes the answers apart. Each answer
//! is bounded, and one that is malformed is an error like no answer at all.

use std::fmt;
use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::set::Full;
use crate::accepted::Handle;
use crate::fetch::{client, is_https_or_loopback};
use crate::{BuildError, FETCH_TIME};

/// The issuer holds a request without news for 20 s. A full set of a million entries needs some more to arrive.
const TIMEOUT: Duration = Duration::from_secs(20 + 10);
const DISCOVERY_BYTES: usize = 256 * 1024;
/// The length of a handle in an answer: 22 characters of base64url, two quotes and a comma.
const ENTRY_BYTES: usize = 25;
/// The largest number of revoked key ids that is kept, and the length of the longest one.
pub(crate) const MAX_KIDS: usize = 10_000;
const MAX_KID_BYTES: usize = 256;
const MAX_CURSOR_BYTES: usize = 256;
/// The longest time for which an issuer may ask to keep an entry. Its tokens live for an hour at most.
const MAX_KEEP_FOR: u64 = 7 * 24 * 3600;

#[derive(Debug)]
pub(crate) struct Feed {
    client: reqwest::Client,
    issuer: Url,
    max_bytes: usize,
}

/// An answer of the feed.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) cursor: String,
    /// How long each entry must be kept, in seconds from when it arrived.
    pub(crate) keep_for: u64,
    revoked: Vec<Entry>,
    #[serde(default)]
    pub(crate) revoked_kids: Vec<String>,
}

impl Answer {
    pub(crate) fn handles(&self) -> Vec<Handle> {
        self.revoked.iter().map(|entry| entry.0).collect()
    }

    fn is_within_bounds(&self) -> bool {
        (1..=MAX_CURSOR_BYTES).contains(&self.cursor.len())
            && self.keep_for <= MAX_KEEP_FOR
            && self.revoked_kids.len() <= MAX_KIDS
            && self.revoked_kids.iter().all(|kid| kid.len() <= MAX_KID_BYTES)
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the answer has status {status}; expected 200")]
    Status { status: StatusCode, retry_after: Option<Duration> },
    #[error("the answer has more than {0} bytes")]
    TooLong(usize),
    #[error("the answer is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("the answer's cursor, keep_for or revoked_kids is out of bounds")]
    OutOfBounds,
    #[error("the discovery document is of the issuer {0:?}")]
    OtherIssuer(String),
    #[error("signet_revocations_endpoint {0:?}: expected a URL of the issuer's own origin")]
    Endpoint(String),
    #[error("the issuer names no feed of revocations any more")]
    Gone,
    #[error(transparent)]
    Full(#[from] Full),
}

impl FeedError {
    /// Returns `true` if the issuer is away: it does not answer, or answers that it cannot for now.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Http(_)) || matches!(self, Self::Status { status, .. } if status.is_server_error())
    }
}

impl Feed {
    /// Makes a reader of feeds of up to `max_entries` entries.
    pub(crate) fn new(issuer: &str, max_entries: usize) -> Result<Self, BuildError> {
        let issuer = Url::parse(issuer).map_err(|_| BuildError::Issuer(issuer.to_owned()))?;
        let client = client(&issuer, TIMEOUT)?;
        let kids = MAX_KIDS * 64;
        Ok(Self { client, issuer, max_bytes: max_entries.saturating_mul(ENTRY_BYTES).saturating_add(kids) })
    }

    /// Reads from the discovery document of `issuer` where its feed is. Returns `None` if the issuer names none.
    pub(crate) async fn find(&self, issuer: &str) -> Result<Option<Url>, FeedError> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            signet_revocations_endpoint: Option<String>,
        }
        let uri = format!("{issuer}/.well-known/openid-configuration");
        let request = self.client.get(uri).timeout(Duration::from_secs(FETCH_TIME));
        let found: Discovery = serde_json::from_slice(&body(request, DISCOVERY_BYTES).await?)?;
        if found.issuer != issuer {
            return Err(FeedError::OtherIssuer(found.issuer));
        }
        let Some(endpoint) = found.signet_revocations_endpoint else { return Ok(None) };
        // The feed decides which tokens are refused. So it is trusted on the same terms as the keys: only from the issuer itself.
        let url = Url::parse(&endpoint).ok().filter(|url| url.origin() == self.issuer.origin() && is_https_or_loopback(url));
        url.map(Some).ok_or(FeedError::Endpoint(endpoint))
    }

    /// Asks for what came after `cursor`, and waits for it. Without a cursor, the answer is the full set.
    pub(crate) async fn ask(&self, endpoint: &Url, cursor: Option<&str>) -> Result<Answer, FeedError> {
        let mut url = endpoint.clone();
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("after", cursor);
        }
        let body = body(self.client.get(url), self.max_bytes).await?;
        let answer: Answer = if body.len() < 64 * 1024 {
            serde_json::from_slice(&body)?
        } else {
            // A full set takes many milliseconds to parse, in which no other task of the thread could go on.
            tokio::task::spawn_blocking(move || serde_json::from_slice(&body)).await.map_err(|_| FeedError::OutOfBounds)??
        };
        if answer.is_within_bounds() { Ok(answer) } else { Err(FeedError::OutOfBounds) }
    }
}

async fn body(request: reqwest::RequestBuilder, max_bytes: usize) -> Result<Vec<u8>, FeedError> {
    let mut response = request.send().await?;
    let status = response.status();
    if status != StatusCode::OK {
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        return Err(FeedError::Status { status, retry_after: seconds.map(Duration::from_secs) });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Err(FeedError::TooLong(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A handle as answers carry it: base64url without padding.
#[derive(Debug)]
struct Entry(Handle);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntryVisitor;
        impl de::Visitor<'_> for EntryVisitor {
            type Value = Entry;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("16 bytes in base64url")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Entry, E> {
                let mut handle = [0; 16];
                match BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut handle) {
                    Ok(16) => Ok(Entry(handle)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_str(EntryVisitor)
    }
}
