//! Delivers what is to be told to others. Triggers of the database write the rows; [`claim`] leases those that are due, and [`deliver`] makes
//! one attempt for one row. What is delivered is signed anew for each attempt. A failed attempt is made again later, until the message is
//! given up and the audit trail says so.
//!
//! Messages to one receiver are delivered one at a time, and receivers that were slow lately have places of their own (`jobs/deliver.rs`), so that
//! a slow receiver delays no other. Each kind of receiver has a file here that makes its messages.

mod client;
mod stream;

use std::collections::BTreeSet;

use crate::app::App;
use crate::audit::{self, Actor, Event, Face, Who};
use crate::clock::{DAY, UnixSeconds};
use crate::fetch::FetchError;
use crate::store::outbox::{self, OutboxRow};
use crate::store::{StoreError, commit};

/// The seconds after each failed attempt until the next one. After the last one the message is given up, nearly a day after the first.
const DELAYS: [UnixSeconds; 11] = [1, 5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800];

/// A message that waits for longer than this many seconds is given up, even if others before it were attempted in its place.
const MAX_AGE: UnixSeconds = DAY;

/// The most messages that are given up by one transaction.
const BATCH: u64 = 100;

/// The result of one attempt.
#[derive(Debug)]
enum Outcome {
    Delivered,
    /// Nobody is to be told any more.
    Pointless,
    /// The receiver answered that it does not accept this message. Others may be accepted.
    Refused(String),
    /// The receiver did not answer, or not as it should.
    Unreachable(String),
    /// Nothing was sent, because a bound was reached. Another attempt may be made after this many seconds.
    Later(UnixSeconds),
}

/// Leases up to `quick` messages that are due to receivers which are not in `slow`, and up to `late` to those that are, each for another
/// receiver.
pub async fn claim(app: &App, quick: usize, late: usize, slow: &BTreeSet<String>) -> Result<Vec<OutboxRow>, StoreError> {
    let now = app.now();
    let (mut left, mut ids) = ([quick, late], Vec::new());
    for due in outbox::due(app.store.reader(), now, quick + slow.len()).await? {
        let left = &mut left[usize::from(slow.contains(&due.receiver))];
        if *left > 0 {
            *left -= 1;
            ids.push(due.id);
        }
    }
    // No other node takes a message while this one attempts it, even if the clocks of the nodes differ.
    let attempt = UnixSeconds::try_from(app.settings.fetch_timeout).unwrap_or(UnixSeconds::MAX / 2);
    let until = now + 2 * attempt + 2 * app.settings.clock_skew;
    outbox::lease(app.store.writer(), ids, now, until).await
}

/// Makes one attempt to deliver a message that this node has leased. A failure of the database is only logged, because the message is due
/// again when its lease is over.
pub async fn deliver(app: &App, row: OutboxRow) {
    let settled = match (&row.client_id, row.receiver.strip_prefix("stream:")) {
        (Some(id), _) => settle(app, &row, client::tell(app, id, &row).await).await,
        (None, Some(stream)) => stream::deliver(app, stream, &row).await,
        (None, None) => settle(app, &row, Outcome::Pointless).await,
    };
    if let Err(error) = settled {
        tracing::warn!(%error, receiver = row.receiver, "the outcome of a delivery could not be stored; it is made again");
    }
}

async fn settle(app: &App, row: &OutboxRow, outcome: Outcome) -> Result<(), StoreError> {
    let (db, now) = (app.store.writer(), app.now());
    match (outcome, delay_after(row.attempts)) {
        (Outcome::Delivered | Outcome::Pointless, _) => outbox::remove(db, row.id).await.map(drop),
        (Outcome::Later(seconds), _) => later(app, row, seconds).await,
        (Outcome::Refused(reason), Some(delay)) => {
            tracing::info!(receiver = row.receiver, attempts = row.attempts, reason, "a receiver refused a message; it is sent again");
            outbox::retry(db, row.id, row.attempts, now + delay).await
        }
        (Outcome::Unreachable(reason), Some(delay)) => {
            tracing::info!(receiver = row.receiver, attempts = row.attempts, reason, "a message was not delivered; it is sent again");
            // The other messages wait too, so that a receiver that is down costs one attempt at a time.
            outbox::postpone(db, &row.receiver, now + delay).await?;
            outbox::retry(db, row.id, row.attempts, now + delay).await
        }
        (Outcome::Refused(reason) | Outcome::Unreachable(reason), None) => give_up(app, row, &reason).await,
    }
}

/// Returns the seconds until the attempt after number `attempts`; `None` if there is none after it.
fn delay_after(attempts: i32) -> Option<UnixSeconds> {
    usize::try_from(attempts - 1).ok().and_then(|made| DELAYS.get(made)).copied()
}

/// Makes the message due again after `seconds`, and does not count the attempt, because nothing was sent. The other messages to the receiver
/// wait too.
async fn later(app: &App, row: &OutboxRow, seconds: UnixSeconds) -> Result<(), StoreError> {
    let (db, at) = (app.store.writer(), app.now() + seconds);
    outbox::postpone(db, &row.receiver, at).await?;
    outbox::retry(db, row.id, row.attempts - 1, at).await
}

/// Deletes the message and records that it was not delivered.
async fn give_up(app: &App, row: &OutboxRow, reason: &str) -> Result<(), StoreError> {
    let actor = Actor::local(Who::Issuer, Face::Job);
    let transaction = app.store.begin().await?;
    // Another node may have given it up.
    if !outbox::remove(&transaction, row.id).await? {
        return Ok(());
    }
    if let (Some(client), Some(user), Some(sid)) = (&row.client_id, row.user_id, &row.sid) {
        let event = Event::LogoutNotDelivered { user, client, sid, reason };
        audit::record(&transaction, app.now(), &actor, event).await?;
    }
    commit(transaction).await?;
    let (receiver, user, sid) = (&row.receiver, row.user_id, &row.sid);
    tracing::warn!(receiver, ?user, ?sid, reason, "a message was given up; what the receiver was to end may go on there");
    Ok(())
}

/// Gives up the messages to clients that have waited too long, because others before them could not be delivered.
pub async fn give_up_old(app: &App) -> Result<(), StoreError> {
    loop {
        let old = outbox::older_than(app.store.reader(), MAX_AGE, BATCH).await?;
        if old.is_empty() {
            return Ok(());
        }
        for row in old {
            give_up(app, &row, "it waited for a day, because the client did not accept the messages before it").await?;
        }
    }
}

/// Returns the outcome of an attempt in which no answer came.
fn failed(error: FetchError) -> Outcome {
    match error {
        FetchError::TooMany(seconds) => Outcome::Later(UnixSeconds::try_from(seconds).unwrap_or(1)),
        error => Outcome::Unreachable(error.to_string()),
    }
}
