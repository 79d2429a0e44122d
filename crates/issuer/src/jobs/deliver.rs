//! Delivers what is to be told to others.
//!
//! A receiver that does not answer holds its place for as long as `fetch_timeout`. So an attempt that lasts for longer than [`QUICK`] moves to one
//! of the places for slow receivers. The next messages to a receiver that did not answer at all get only these places, until it answers. What
//! is slow waits for what is slow, and the others go on.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::app::App;
use crate::outbox;
use crate::store::outbox::OutboxRow;

/// A message is sent within this time after the transaction that wrote it.
const INTERVAL: Duration = Duration::from_millis(500);
/// An attempt that lasts for longer than this is slow.
const QUICK: Duration = Duration::from_millis(500);
/// The number of messages that a node delivers at once to receivers that answer.
const PLACES: usize = 16;
/// The number of messages that it delivers at once to the others.
const SLOW_PLACES: usize = 64;
/// How long a receiver that did not answer counts as slow, unless it answers before.
const REMEMBERED: Duration = Duration::from_mins(10);
/// The most receivers that are remembered as slow.
const MOST_REMEMBERED: usize = 10_000;

/// The places for deliveries, and the receivers that were slow lately, as far as this node knows.
#[derive(Debug)]
struct Places {
    quick: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    /// The monotonic time of the last slow attempt for each receiver.
    receivers: Mutex<HashMap<String, Duration>>,
    /// Told when a place becomes free.
    freed: Notify,
}

impl Places {
    fn receivers(&self) -> MutexGuard<'_, HashMap<String, Duration>> {
        self.receivers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slow_receivers(&self) -> BTreeSet<String> {
        self.receivers().keys().cloned().collect()
    }

    fn remember(&self, receiver: &str, now: Duration) {
        let mut receivers = self.receivers();
        receivers.retain(|_, since| now.saturating_sub(*since) < REMEMBERED);
        if receivers.len() < MOST_REMEMBERED {
            receivers.insert(receiver.to_owned(), now);
        }
    }
}

/// Delivers until the task is aborted.
pub async fn run(app: Arc<App>) {
    let places = Arc::new(Places {
        quick: Arc::new(Semaphore::new(PLACES)),
        slow: Arc::new(Semaphore::new(SLOW_PLACES)),
        receivers: Mutex::default(),
        freed: Notify::new(),
    });
    let mut rounds = interval(INTERVAL);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            _ = rounds.tick() => {}
            // The receiver whose message was delivered may have another one.
            () = places.freed.notified() => {}
        }
        while running.try_join_next().is_some() {}
        let slow = places.slow_receivers();
        let free = |places: &Semaphore| places.available_permits();
        let claimed = outbox::claim(&app, free(&places.quick), free(&places.slow), &slow);
        match app.store.within(claimed).await {
            Ok(rows) => {
                for row in rows {
                    let is_slow = slow.contains(&row.receiver);
                    let of = if is_slow { &places.slow } else { &places.quick };
                    // An attempt that turned out to be slow may have taken the place meanwhile. The next one is free within `fetch_timeout`.
                    let place = Arc::clone(of).try_acquire_owned().ok();
                    running.spawn(deliver(Arc::clone(&app), Arc::clone(&places), row, place));
                }
            }
            // The next round tries again.
            Err(error) => tracing::debug!(%error, "the outbox could not be read"),
        }
    }
}

/// Makes one attempt to deliver `row` in `place`; without one, waits for a place for slow receivers.
async fn deliver(app: Arc<App>, places: Arc<Places>, row: OutboxRow, place: Option<OwnedSemaphorePermit>) {
    let another = || Arc::clone(&places.slow).acquire_owned();
    let Ok(place) = (match place {
        Some(place) => Ok(place),
        None => another().await,
    }) else {
        return;
    };
    let receiver = row.receiver.clone();
    let attempt = outbox::deliver(&app, row);
    tokio::pin!(attempt);
    if timeout(QUICK, &mut attempt).await.is_ok() {
        places.receivers().remove(&receiver);
    } else {
        places.remember(&receiver, app.clock.monotonic());
        let rest = async {
            // An answer that came late, but before the time-out, is no reason to keep the next message waiting.
            let patience = Duration::from_secs(app.settings.fetch_timeout).saturating_sub(2 * QUICK);
            if timeout(patience, &mut attempt).await.is_ok() {
                places.receivers().remove(&receiver);
            } else {
                attempt.await;
            }
        };
        tokio::pin!(rest);
        // Whoever has a place for slow receivers already changes it for another one, which is as good.
        tokio::select! {
            () = &mut rest => {}
            slow = another() => {
                drop(place);
                places.freed.notify_one();
                rest.await;
                drop(slow);
            }
        }
    }
    places.freed.notify_one();
}
