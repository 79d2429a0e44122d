//! Streams are made, read, changed and removed (SSF 1.0, "Stream Configuration").

use serde_json::{Map, Value};

use crate::audit::{self, Event};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::ssf::{Method, Status};
use crate::signals::configuration::{Draft, method, shown};
use crate::signals::{Receiver, not_found};
use crate::store::streams::{self as store, StreamRow};
use crate::store::{clients, commit, stream_queue};

/// The most streams of one client.
pub const MOST_STREAMS: usize = 10;

/// Makes a stream with the configuration in `body`, and returns its whole configuration. Fails with [`Code::Conflict`] if the client has
/// [`MOST_STREAMS`].
pub async fn create(receiver: Receiver<'_>, body: &Map<String, Value>) -> Result<Value, OAuthError> {
    let Receiver { app, client, actor } = receiver;
    let now = app.now();
    let blank = store::blank(app.clock.random_id::<16>(), &client.id, now);
    let row = Draft::whole(app, body, None)?.apply(app, blank)?;
    let transaction = app.store.begin().await?;
    // The lock lets the streams of one client be counted and inserted one after the other.
    if !clients::hold(&transaction, &client.id).await? {
        return Err(not_found());
    }
    if store::of_client(&transaction, &client.id).await?.len() >= MOST_STREAMS {
        return Err(OAuthError::new(
            Code::Conflict,
            format!("this client has {MOST_STREAMS} streams already; change or remove one of them"),
        ));
    }
    store::insert(&transaction, row.clone()).await?;
    let event = Event::StreamAdded { client: &client.id, stream: &row.id, method: &row.method };
    audit::record(&transaction, now, actor, event).await?;
    commit(transaction).await?;
    shown(app, &row)
}

/// Returns the configuration of the stream `id`.
pub async fn read(receiver: Receiver<'_>, id: &str) -> Result<Value, OAuthError> {
    shown(receiver.app, &receiver.find(receiver.app.store.reader(), id).await?)
}

/// Returns the configurations of all streams of the client.
pub async fn list(receiver: Receiver<'_>) -> Result<Vec<Value>, OAuthError> {
    let rows = store::of_client(receiver.app.store.reader(), &receiver.client.id).await?;
    rows.iter().map(|row| shown(receiver.app, row)).collect()
}

/// Changes the members of the configuration of the stream `id` that are in `body`, or, if `replaces`, puts `body` in its place. Returns
/// the whole configuration.
pub async fn change(receiver: Receiver<'_>, id: &str, body: &Map<String, Value>, replaces: bool) -> Result<Value, OAuthError> {
    let Receiver { app, client, actor } = receiver;
    let (transaction, before) = receiver.lock(id).await?;
    let draft = if replaces { Draft::whole(app, body, Some(&before))? } else { Draft::merged(app, body, &before)? };
    let after = draft.apply(app, before.clone())?;
    if after != before {
        let moves = after.endpoint_url != before.endpoint_url || after.authorization_header != before.authorization_header;
        // A receiver elsewhere has not failed yet.
        let after = if moves { StreamRow { failing_since: None, last_error: None, ..after.clone() } } else { after.clone() };
        store::replace(&transaction, after.clone()).await?;
        if moves {
            let is_due = method(&after) == Method::Push && after.status == Status::Enabled.name();
            stream_queue::set_due(&transaction, id, is_due).await?;
        }
        let event = Event::StreamChanged { client: &client.id, stream: id, what: "configuration" };
        audit::record(&transaction, app.now(), actor, event).await?;
    }
    commit(transaction).await?;
    shown(app, &after)
}

/// Removes the stream `id` with the events that wait in it.
pub async fn remove(receiver: Receiver<'_>, id: &str) -> Result<(), OAuthError> {
    let Receiver { app, client, actor } = receiver;
    let (transaction, _) = receiver.lock(id).await?;
    store::remove(&transaction, id).await?;
    audit::record(&transaction, app.now(), actor, Event::StreamRemoved { client: &client.id, stream: id }).await?;
    Ok(commit(transaction).await?)
}
