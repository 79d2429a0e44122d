//! Background work. Every node runs every job, because each step may be repeated, and may run on several nodes at once.

mod cleanup;
mod client_uses;
pub mod counters;
mod deliver;
mod read_keys;
mod read_revocations;
mod rotate_keys;

pub use cleanup::clean;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::app::App;

/// A crash loses the last uses of clients in this time.
const CLIENT_USES_INTERVAL: Duration = Duration::from_mins(1);
const CLEANUP_INTERVAL: Duration = Duration::from_mins(10);
const ACTIVITY_INTERVAL: Duration = Duration::from_mins(1);
const REFUSALS_INTERVAL: Duration = Duration::from_secs(5);
/// Verifiers learn of a revocation within this time and the time that the answer travels.
const REVOCATIONS_INTERVAL: Duration = Duration::from_millis(200);

/// Starts the jobs. They end when the returned set is dropped.
pub fn start(app: &Arc<App>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    // Ten rounds within the lead make sure that a key is published in time, whatever the settings are.
    let lead = Duration::from_secs(app.settings.key_publication_lead.unsigned_abs());
    let rotation_interval = (lead / 10).clamp(Duration::from_secs(1), Duration::from_mins(1));
    repeat(&mut jobs, app, Duration::ZERO, rotation_interval, |app| async move { rotate_keys::run(&app).await });
    let keys_interval = Duration::from_secs(app.settings.key_refresh_interval.unsigned_abs());
    repeat(&mut jobs, app, keys_interval, keys_interval, |app| async move { read_keys::run(&app).await });
    repeat(&mut jobs, app, Duration::ZERO, CLEANUP_INTERVAL, |app| async move { cleanup::run(&app).await });
    // There is nothing to store yet, so that the first round of these comes after a pause.
    repeat(&mut jobs, app, CLIENT_USES_INTERVAL, CLIENT_USES_INTERVAL, |app| async move { client_uses::run(&app).await });
    repeat(&mut jobs, app, ACTIVITY_INTERVAL, ACTIVITY_INTERVAL, |app| async move { counters::flush_activity(&app).await });
    repeat(&mut jobs, app, REFUSALS_INTERVAL, REFUSALS_INTERVAL, |app| async move { counters::flush_refusals(&app).await });
    jobs.spawn(deliver::run(Arc::clone(app)));
    let reading = Arc::clone(app);
    jobs.spawn(async move {
        let mut rounds = tokio::time::interval(REVOCATIONS_INTERVAL);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            read_revocations::run(&reading).await;
        }
    });
    jobs
}

/// The longest time for which a round may last, so that a database that hangs stops no job for good.
const MOST_FOR_ROUND: Duration = Duration::from_mins(5);

/// Adds a job that runs `round` again and again: for the first time after `first`, then with a pause of `pause` after each round.
fn repeat<F: Future<Output = ()> + Send + 'static>(
    jobs: &mut JoinSet<()>,
    app: &Arc<App>,
    first: Duration,
    pause: Duration,
    round: impl Fn(Arc<App>) -> F + Send + 'static,
) {
    let app = Arc::clone(app);
    jobs.spawn(async move {
        app.clock.sleep(first).await;
        loop {
            if tokio::time::timeout(MOST_FOR_ROUND, round(Arc::clone(&app))).await.is_err() {
                tracing::error!("a job was given up after {} s, because the database did not answer", MOST_FOR_ROUND.as_secs());
            }
            app.clock.sleep(pause).await;
        }
    });
}
