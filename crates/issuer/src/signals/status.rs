//! The status of a stream, and its verification (SSF 1.0, "Stream Status" and "Verification").

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::audit::{self, Event};
use crate::clock::date;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::ssf::{EventType, Method, Status, text};
use crate::signals::configuration::{MIN_VERIFICATION_INTERVAL, method};
use crate::signals::{Receiver, invalid, shortened};
use crate::store::streams::{self as store, StreamRow};
use crate::store::{ConnectionTrait, StoreError, commit, stream_queue};

/// The most events in the queue of a stream for which it has room beside new ones once it is enabled.
const MOST_HELD: u64 = 1000;
/// The greatest length of the `state` of a verification, in bytes.
const MAX_STATE: usize = 1024;

/// Returns the status of the stream `id`.
pub async fn read(receiver: Receiver<'_>, id: &str) -> Result<Value, OAuthError> {
    Ok(shown(&receiver.find(receiver.app.store.reader(), id).await?))
}

/// Sets the status of the stream `id` to the one in `body`, and returns it. A stream that is disabled loses the events that wait in it. One
/// that is enabled again gets those that were held. If events were lost since it was paused, the answer and the event `stream-updated` say so,
/// whoever paused it.
pub async fn set(receiver: Receiver<'_>, id: &str, body: &Map<String, Value>) -> Result<Value, OAuthError> {
    let Receiver { app, client, actor } = receiver;
    let status = text(body, "status").map_err(invalid)?.and_then(Status::by_name);
    let status = status.ok_or_else(|| invalid("status: expected enabled, paused or disabled"))?;
    let reason = text(body, "reason").map_err(invalid)?.map(shortened);
    let (transaction, before) = receiver.lock(id).await?;
    let after = apply(app, &transaction, &before, status, reason.filter(|text| !text.is_empty()), false).await?;
    if after != before {
        let event = Event::StreamChanged { client: &client.id, stream: id, what: "status" };
        audit::record(&transaction, app.now(), actor, event).await?;
    }
    commit(transaction).await?;
    Ok(shown(&after))
}

/// Gives the stream `before`, which the caller's transaction has locked, a status with a reason, and returns the row. `tells` says whether the
/// receiver must be told by the event `stream-updated`, because it did not ask for the change.
pub async fn apply(
    app: &App,
    db: &impl ConnectionTrait,
    before: &StreamRow,
    status: Status,
    reason: Option<String>,
    tells: bool,
) -> Result<StreamRow, StoreError> {
    let id = &before.id;
    let mut after = StreamRow { status: status.name().to_owned(), reason, ..before.clone() };
    let mut tells = tells;
    match status {
        Status::Enabled => {
            // Events that tell an earlier status are no longer true, so they are removed from the queue.
            stream_queue::clear(db, id, Some(EventType::StreamUpdated)).await?;
            after.held = i32::try_from(stream_queue::count(db, id).await?.min(MOST_HELD)).unwrap_or_default();
            if let Some(at) = before.overflowed_at {
                after.reason = Some(format!("events since {} were lost, because the queue was full", date(at)));
                tells = true;
            }
            (after.overflowed_at, after.failing_since, after.last_error) = (None, None, None);
        }
        Status::Paused => {}
        Status::Disabled => {
            stream_queue::clear(db, id, None).await?;
            (after.overflowed_at, after.held) = (None, 0);
        }
    }
    let is_push = method(&after) == Method::Push;
    if after != *before {
        store::replace(db, after.clone()).await?;
        stream_queue::set_due(db, id, is_push && status == Status::Enabled).await?;
    }
    if tells {
        let mut details = json!({ "jti": app.clock.random_id::<16>(), "status": status.name() });
        if let Some(reason) = &after.reason {
            details["reason"] = reason.as_str().into();
        }
        stream_queue::clear(db, id, Some(EventType::StreamUpdated)).await?;
        stream_queue::insert(db, id, EventType::StreamUpdated, details.to_string(), is_push, app.now()).await?;
    }
    Ok(after)
}

/// Puts a verification event with the `state` in `body` into the stream `id`. Fails with [`Code::TooManyAttempts`] if the receiver asked
/// for one less than [`MIN_VERIFICATION_INTERVAL`] ago.
pub async fn verify(receiver: Receiver<'_>, id: &str, body: &Map<String, Value>) -> Result<(), OAuthError> {
    let Receiver { app, .. } = receiver;
    let state = text(body, "state").map_err(invalid)?;
    if state.is_some_and(|state| state.len() > MAX_STATE) {
        return Err(invalid(format!("state: expected at most {MAX_STATE} bytes")));
    }
    let now = app.now();
    let (transaction, row) = receiver.lock(id).await?;
    if !store::note_verification(&transaction, id, now - MIN_VERIFICATION_INTERVAL, now).await? {
        let since = now - row.verified_at.unwrap_or(now);
        let seconds = (MIN_VERIFICATION_INTERVAL - since).clamp(1, MIN_VERIFICATION_INTERVAL).unsigned_abs();
        return Err(OAuthError::new(Code::TooManyAttempts(seconds), "a verification event of this stream was requested a moment ago"));
    }
    // A disabled stream holds no events. One that is paused holds one verification at a time, so that they cannot fill it.
    if row.status != Status::Disabled.name() {
        let (is_enabled, mut details) = (row.status == Status::Enabled.name(), json!({ "jti": app.clock.random_id::<16>() }));
        if let Some(state) = state {
            details["state"] = state.into();
        }
        stream_queue::clear(&transaction, id, Some(EventType::Verification)).await?;
        let is_due = is_enabled && method(&row) == Method::Push;
        stream_queue::insert(&transaction, id, EventType::Verification, details.to_string(), is_due, now).await?;
    }
    Ok(commit(transaction).await?)
}

fn shown(row: &StreamRow) -> Value {
    let mut shown = json!({ "stream_id": row.id, "status": row.status });
    if let (Some(reason), Some(members)) = (&row.reason, shown.as_object_mut()) {
        members.insert("reason".to_owned(), reason.as_str().into());
    }
    shown
}
