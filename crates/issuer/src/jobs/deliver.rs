//! Delivers what is to be told to others.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::outbox;

/// A message is sent within this time after the transaction that wrote it.
const INTERVAL: Duration = Duration::from_millis(500);

/// Delivers until the task is aborted. A slow receiver occupies one of a bounded number of places; the others go on.
pub async fn run(app: Arc<App>) {
    let most = outbox::most_at_once(&app);
    let mut rounds = interval(INTERVAL);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            _ = rounds.tick() => {}
            // The receiver whose message was delivered may have another one.
            Some(_) = running.join_next() => {}
        }
        while running.try_join_next().is_some() {}
        if running.len() >= most {
            continue;
        }
        match outbox::claim(&app, most - running.len()).await {
            Ok(rows) => {
                for row in rows {
                    let app = Arc::clone(&app);
                    running.spawn(async move { outbox::deliver(&app, row).await });
                }
            }
            // The next round tries again.
            Err(error) => tracing::debug!(%error, "the outbox could not be read"),
        }
    }
}
