//! Stores what requests only count or note in memory: the activity each minute, the refusals of clients every few seconds.

use crate::app::App;
use crate::telemetry::cause;

/// Adds the counts of this node to the hourly rows. A failure is only logged, because the counts are kept for the next round.
pub async fn flush_activity(app: &App) {
    if let Err(error) = app.activity.flush(&app.store, app.now()).await {
        tracing::error!(%error, cause = cause(&error), "the counts of sign-ins and tokens could not be stored; the next round tries again");
    }
}

/// Stores the refusals that wait. A failure is only logged.
pub async fn flush_refusals(app: &App) {
    if let Err(error) = app.refusals.flush(&app.store).await {
        tracing::warn!(%error, cause = cause(&error), "the last refusals of a client could not be stored");
    }
}

/// Stores everything, because the server stops.
pub async fn flush(app: &App) {
    flush_activity(app).await;
    flush_refusals(app).await;
}
