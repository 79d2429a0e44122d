//! Poll delivery (RFC 8936): a receiver acknowledges SETs, and takes those that wait.

use serde_json::{Map, Value};

use crate::oauth::error::{Code, OAuthError};
use crate::oauth::ssf::{EventType, Method, Status};
use crate::signals::configuration::method;
use crate::signals::sets::{Set, jti, mint};
use crate::signals::{Receiver, invalid, shortened};
use crate::store::streams::{self as store, StreamRow};
use crate::store::{commit, stream_queue};

/// The most SETs of one answer. Each costs a signature.
pub const MOST_SETS: u64 = 100;
/// The most SETs that one request acknowledges or refuses.
const MOST_ACKS: usize = 1100;

/// A request of a receiver (RFC 8936 §2.2).
#[derive(Debug)]
pub struct Request {
    max: u64,
    /// `true` if the answer must not wait for events.
    pub immediately: bool,
    acknowledged: Vec<String>,
    /// The SETs that the receiver could not process, each with what it says about it.
    refused: Vec<(String, String)>,
}

impl Request {
    /// Reads a request.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, OAuthError> {
        let member = |name: &str| body.get(name).filter(|value| !value.is_null());
        let max = match member("maxEvents") {
            None => MOST_SETS,
            Some(max) => max.as_u64().ok_or_else(|| invalid("maxEvents: expected a whole number, 0 or more"))?.min(MOST_SETS),
        };
        let immediately = match member("returnImmediately") {
            None => false,
            Some(immediately) => immediately.as_bool().ok_or_else(|| invalid("returnImmediately: expected true or false"))?,
        };
        let id = |id: &Value| id.as_str().map(str::to_owned);
        let acknowledged = match member("ack") {
            None => Vec::new(),
            Some(ack) => {
                let ids = ack.as_array().and_then(|ids| ids.iter().map(id).collect::<Option<Vec<_>>>());
                ids.ok_or_else(|| invalid("ack: expected a list of the jti of SETs"))?
            }
        };
        let refused = match member("setErrs") {
            None => Vec::new(),
            Some(errors) => {
                let error =
                    |(id, error): (&String, &Value)| error["err"].as_str().map(|err| (id.clone(), said(err, &error["description"])));
                let errors = errors.as_object().and_then(|errors| errors.iter().map(error).collect::<Option<Vec<_>>>());
                errors.ok_or_else(|| {
                    invalid("setErrs: expected an object that has, for the jti of each SET, an object with the member err")
                })?
            }
        };
        if acknowledged.len() + refused.len() > MOST_ACKS {
            return Err(invalid(format!("ack: expected at most {MOST_ACKS} SETs")));
        }
        // A request for no events only acknowledges, so that it has nothing to wait for.
        let immediately = immediately || max == 0;
        Ok(Self { max, immediately, acknowledged, refused })
    }
}

/// Returns what a receiver says about a SET that it refuses.
pub fn said(err: &str, description: &Value) -> String {
    let text = description.as_str().map_or_else(|| err.to_owned(), |description| format!("{err}: {description}"));
    shortened(&text)
}

/// The SETs of one answer.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Taken {
    pub sets: Vec<Set>,
    /// `true` if others wait.
    pub more: bool,
}

/// Deletes the SETs that the request acknowledges from the queue of the stream `id`, and those that it refuses: sent again, they would be
/// refused again. Ids of other SETs are ignored, because they were acknowledged before.
pub async fn acknowledge(receiver: Receiver<'_>, id: &str, request: &Request) -> Result<(), OAuthError> {
    let row = polled(receiver, id).await?;
    if request.acknowledged.is_empty() && request.refused.is_empty() {
        return Ok(());
    }
    let mut done = Vec::new();
    for (event, details) in stream_queue::details(receiver.app.store.reader(), &row.id).await? {
        let jti = jti(&row.id, &details)?;
        if request.acknowledged.contains(&jti) || request.refused.iter().any(|(refused, _)| *refused == jti) {
            done.push(event);
        }
    }
    for (jti, error) in &request.refused {
        tracing::warn!(client = receiver.client.id, stream = row.id, jti, error, "a receiver refused a security event");
    }
    let (transaction, row) = receiver.lock(id).await?;
    stream_queue::remove(&transaction, id, done).await?;
    let last_error = request.refused.last().map(|(_, error)| error.clone()).or_else(|| row.last_error.clone());
    store::replace(&transaction, StreamRow { delivered_at: Some(receiver.app.now()), last_error, ..row }).await?;
    Ok(commit(transaction).await?)
}

/// Returns the oldest SETs of the stream `id`, as many as the request asks for. They wait in the queue until they are acknowledged. A stream
/// that is not enabled gives only the event that says so.
pub async fn take(receiver: Receiver<'_>, id: &str, request: &Request) -> Result<Taken, OAuthError> {
    let app = receiver.app;
    let row = polled(receiver, id).await?;
    let only = (row.status != Status::Enabled.name()).then_some(EventType::StreamUpdated);
    let mut events = stream_queue::oldest(app.store.reader(), id, only, request.max + 1).await?;
    let most = usize::try_from(request.max).unwrap_or(usize::MAX);
    let more = events.len() > most;
    events.truncate(most);
    let mut sets = Vec::with_capacity(events.len());
    for event in &events {
        sets.push(mint(app, &row, event).await?);
        // Each signature takes a millisecond, and others wait for the thread too.
        tokio::task::yield_now().await;
    }
    Ok(Taken { sets, more })
}

async fn polled(receiver: Receiver<'_>, id: &str) -> Result<StreamRow, OAuthError> {
    let row = receiver.find(receiver.app.store.reader(), id).await?;
    if method(&row) != Method::Poll {
        return Err(OAuthError::new(Code::NotFound, "the events of this stream are pushed; change its delivery to poll for them"));
    }
    Ok(row)
}
