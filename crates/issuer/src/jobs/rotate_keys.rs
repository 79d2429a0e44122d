//! Rotates the signing keys when they are due.

use crate::app::App;
use crate::telemetry::cause;

/// Publishes the next key, erases private keys that no longer sign, and deletes keys that no token needs. A failure is only logged, because
/// the next round tries again.
pub async fn run(app: &App) {
    if let Err(error) = app.rotation().maintain().await {
        tracing::error!(%error, cause = cause(&error), "the key rotation failed; the next round tries again");
    }
}
