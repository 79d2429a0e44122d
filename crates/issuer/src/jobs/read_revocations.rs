//! Reads what was revoked, so that the requests that wait for it are answered.

use crate::app::App;

/// Runs one round. A failure is logged for developers only: requests for the feed are refused while the database does not answer, and the
/// next round tries again.
pub async fn run(app: &App) {
    if let Err(error) = app.read_revocations().await {
        tracing::debug!(%error, "the revocations could not be read");
    }
}
