//! Writes when clients and their secrets were last used.

use crate::app::App;
use crate::telemetry::cause;

/// Writes the uses since the last round. A failure is only logged, because the next round tries again.
pub async fn run(app: &App) {
    if let Err(error) = app.store.flush_uses().await {
        tracing::warn!(%error, cause = cause(&error), "the last uses of clients could not be written; the next round tries again");
    }
}
