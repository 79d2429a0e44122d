//! Background work. Every node runs every job, because each step may be repeated, and may run on several nodes at once.

mod cleanup;
mod client_uses;
pub mod counters;
mod deliver;
mod read_revocations;
mod rotate_keys;

pub use cleanup::clean;

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// A crash loses the last uses of clients in this time.
const CLIENT_USES_INTERVAL: Duration = Duration::from_mins(1);
const CLEANUP_INTERVAL: Duration = Duration::from_mins(10);
const ACTIVITY_INTERVAL: Duration = Duration::from_mins(1);
const REFUSALS_INTERVAL: Duration = Duration::from_secs(5);
/// Verifiers learn of a revocation within this time and the time that the answer travels.
const REVOCATIONS_INTERVAL: Duration = Duration::from_millis(200);

/// Starts the jobs. They end when the returned set is dropped.
pub fn start(app: &Arc<App>) -> tokio::task::JoinSet<()> {
    let mut jobs = tokio::task::JoinSet::new();
    // Ten rounds within the lead make sure that a key is published in time, whatever the settings are.
    let lead = Duration::from_secs(app.settings.key_publication_lead.unsigned_abs());
    let rotation_interval = (lead / 10).clamp(Duration::from_secs(1), Duration::from_mins(1));
    let rotating = Arc::clone(app);
    jobs.spawn(async move {
        loop {
            rotate_keys::run(&rotating).await;
            rotating.clock.sleep(rotation_interval).await;
        }
    });
    let cleaning = Arc::clone(app);
    jobs.spawn(async move {
        loop {
            cleanup::run(&cleaning).await;
            cleaning.clock.sleep(CLEANUP_INTERVAL).await;
        }
    });
    let using = Arc::clone(app);
    jobs.spawn(async move {
        loop {
            using.clock.sleep(CLIENT_USES_INTERVAL).await;
            client_uses::run(&using).await;
        }
    });
    let counting = Arc::clone(app);
    jobs.spawn(async move {
        loop {
            counting.clock.sleep(ACTIVITY_INTERVAL).await;
            counters::flush_activity(&counting).await;
        }
    });
    let noting = Arc::clone(app);
    jobs.spawn(async move {
        loop {
            noting.clock.sleep(REFUSALS_INTERVAL).await;
            counters::flush_refusals(&noting).await;
        }
    });
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
