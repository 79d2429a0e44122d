//! Pushes security events to the receiver of a stream (RFC 8935). A receiver that accepts nothing for a long time pauses its stream.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::app::App;
use crate::audit::{self, Actor, Event, Face, Who};
use crate::clock::UnixSeconds;
use crate::fetch::Message;
use crate::fetch::budget::Asker;
use crate::keys::seal::{Purpose, unseal};
use crate::oauth::error::OAuthError;
use crate::oauth::scope::{SSF_MANAGE, SSF_READ};
use crate::oauth::ssf::{EventType, Method, Status};
use crate::outbox::{Outcome, delay_after, failed, later};
use crate::signals::configuration::method;
use crate::signals::poll::said;
use crate::signals::sets::mint;
use crate::store::clients::Client;
use crate::store::outbox::{self, OutboxRow};
use crate::store::streams::{self, StreamRow};
use crate::store::{StoreError, commit, stream_queue};

/// The number of attempts for one event after which its stream is paused: about 40 minutes.
const MOST_ATTEMPTS: i32 = 7;
/// A client that is disabled is told nothing until it is enabled again; this many seconds later its events are looked at again.
const DISABLED: UnixSeconds = 300;
/// The last time that a receiver accepted an event is stored at most once in this many seconds.
const NOTED: UnixSeconds = 60;

/// Makes one attempt to deliver `row`, which waits in the queue of the stream `id`.
pub(super) async fn deliver(app: &App, id: &str, row: &OutboxRow) -> Result<(), StoreError> {
    let db = app.store.writer();
    let Some(stream) = streams::by_id(app.store.reader(), id).await? else { return outbox::remove(db, row.id).await.map(drop) };
    let about_status = row.event == EventType::StreamUpdated.name();
    if method(&stream) != Method::Push {
        return stream_queue::hold(db, id, false).await;
    }
    if stream.status != Status::Enabled.name() && !about_status {
        return stream_queue::hold(db, id, true).await;
    }
    let Some(client) = app.store.client(&stream.client_id).await?.filter(|client| client.enabled) else {
        return later(app, row, DISABLED).await;
    };
    if !may_receive(&client) {
        return outbox::remove(db, row.id).await.map(drop);
    }
    let outcome = match push(app, &client, &stream, row).await {
        Ok(outcome) => outcome,
        Err(error) => {
            error.log();
            Outcome::Later(1)
        }
    };
    settle(app, stream, row, outcome).await
}

/// Returns whether the client may still ask for a token with which it reads its streams. The triggers raise no events for another.
fn may_receive(client: &Client) -> bool {
    let holds = |name: &str| client.scopes.iter().any(|scope| scope.name == name);
    client.has_grant("client_credentials") && (holds(SSF_READ) || holds(SSF_MANAGE))
}

async fn push(app: &App, client: &Client, stream: &StreamRow, row: &OutboxRow) -> Result<Outcome, OAuthError> {
    let Some(url) = &stream.endpoint_url else { return Ok(Outcome::Pointless) };
    let set = mint(app, stream, row).await?;
    let header = match &stream.authorization_header {
        Some(sealed) => Some(opened(app, sealed)?),
        None => None,
    };
    let authorization = header.as_ref().map(ExposeSecret::expose_secret);
    let message = Message { url, media_type: "application/secevent+jwt", authorization, body: &set.token };
    let asker = if client.registered_itself { Asker::Client(&client.id) } else { Asker::Operator };
    Ok(match app.fetcher.post(message, asker).await {
        // RFC 8935 §2.2 wants 202. Some frameworks answer otherwise although they have taken the event.
        Ok((200 | 202 | 204, _)) => Outcome::Delivered,
        Ok((400, body)) => answered(&body),
        Ok((status, _)) => Outcome::Unreachable(format!("the receiver answered with status {status} instead of 202")),
        Err(error) => failed(error),
    })
}

fn opened(app: &App, sealed: &str) -> Result<SecretString, OAuthError> {
    let header = unseal(&app.master, Purpose::Header, sealed).map_err(OAuthError::server_error)?;
    let text = std::str::from_utf8(&header).map_err(OAuthError::server_error)?;
    Ok(text.into())
}

/// Reads the answer of a receiver that refuses an event (RFC 8935 §2.3 and §2.4). It would refuse the same event again, unless it did not
/// recognise the issuer.
fn answered(body: &[u8]) -> Outcome {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    match answer["err"].as_str() {
        Some(err @ ("invalid_request" | "invalid_audience" | "invalid_issuer" | "invalid_state")) => {
            Outcome::Refused(said(err, &answer["description"]))
        }
        Some(err) => Outcome::Unreachable(said(err, &answer["description"])),
        None => Outcome::Unreachable("the receiver answered with status 400 and no err".to_owned()),
    }
}

async fn settle(app: &App, stream: StreamRow, row: &OutboxRow, outcome: Outcome) -> Result<(), StoreError> {
    let (db, now) = (app.store.writer(), app.now());
    match outcome {
        Outcome::Delivered => {
            outbox::remove(db, row.id).await?;
            let noted = stream.delivered_at.is_some_and(|at| now - at < NOTED) && stream.failing_since.is_none();
            if noted { Ok(()) } else { streams::note_delivery(db, &stream.id, now).await }
        }
        Outcome::Pointless => outbox::remove(db, row.id).await.map(drop),
        Outcome::Refused(error) => {
            tracing::warn!(client = stream.client_id, stream = stream.id, error, "a receiver refused a security event");
            streams::note_error(db, &stream.id, None, &error).await?;
            outbox::remove(db, row.id).await.map(drop)
        }
        Outcome::Later(seconds) => later(app, row, seconds).await,
        Outcome::Unreachable(error) => {
            let since = stream.failing_since.unwrap_or(now);
            tracing::info!(client = stream.client_id, stream = stream.id, attempts = row.attempts, error, "an event was not delivered");
            streams::note_error(db, &stream.id, Some(since), &error).await?;
            if row.attempts < MOST_ATTEMPTS {
                let delay = delay_after(row.attempts).unwrap_or(1);
                outbox::postpone(db, &row.receiver, now + delay).await?;
                return outbox::retry(db, row.id, row.attempts, now + delay).await;
            }
            if stream.status != Status::Enabled.name() {
                // The receiver does not even take the event which says that its stream is paused.
                return outbox::remove(db, row.id).await.map(drop);
            }
            pause(app, &stream, &error).await
        }
    }
}

/// Pauses the stream. Its receiver gets the event that says so once it answers: the attempts for that event go on for a while.
async fn pause(app: &App, stream: &StreamRow, error: &str) -> Result<(), StoreError> {
    let (now, actor) = (app.now(), Actor::local(Who::Issuer, Face::Job));
    let reason = format!("the receiver has accepted no event in {MOST_ATTEMPTS} attempts: {error}");
    let transaction = app.store.begin().await?;
    let Some(row) = streams::lock(&transaction, &stream.client_id, &stream.id).await? else { return Ok(()) };
    stream_queue::hold(&transaction, &row.id, false).await?;
    if row.status == Status::Enabled.name() && row.endpoint_url == stream.endpoint_url {
        let (client, id) = (row.client_id.clone(), row.id.clone());
        let details = json!({ "jti": app.clock.random_id::<16>(), "status": Status::Paused.name(), "reason": reason });
        stream_queue::insert(&transaction, &id, EventType::StreamUpdated, details.to_string(), true, now).await?;
        streams::replace(&transaction, StreamRow { status: Status::Paused.name().to_owned(), reason: Some(reason.clone()), ..row }).await?;
        audit::record(&transaction, now, &actor, Event::StreamPaused { client: &client, stream: &id, reason: &reason }).await?;
        tracing::warn!(client, stream = id, reason, "a stream was paused; its receiver enables it again");
    }
    commit(transaction).await
}
