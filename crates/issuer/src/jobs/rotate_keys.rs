//! Keeps the key ring turning.

use crate::app::App;

/// Publishes, erases and forgets keys where that is due.
pub async fn run(app: &App) {
    if let Err(error) = app.rotation().maintain().await {
        tracing::error!(%error, "the key ring could not be maintained; will try again");
    }
}
