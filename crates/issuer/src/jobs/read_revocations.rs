//! Reads what was revoked, so that the requests that wait for it are answered.

use std::pin::pin;

use tokio::time::timeout;

use crate::app::App;
use crate::revocation_feed::BLIND_AFTER;

/// Runs one round. A failure is logged for developers only: requests for the feed are refused while the database does not answer, and the
/// next round tries again. After a failure, and while the database hangs, those who wait look whether the node still knows, so that their
/// verifiers ask another node.
pub async fn run(app: &App) {
    let mut reading = pin!(app.read_revocations());
    let read = loop {
        match timeout(BLIND_AFTER / 2, &mut reading).await {
            Ok(read) => break read,
            Err(_) => app.revocation_feed.wake(),
        }
    };
    if let Err(error) = read {
        tracing::debug!(%error, "the revocations could not be read");
        app.revocation_feed.wake();
    }
}
