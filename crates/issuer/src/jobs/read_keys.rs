//! Keeps this node's view of the key ring young, so that a node that nobody has asked for anything still has a JWKS to serve when the database
//! goes away (docs/adr/0012).

use crate::app::App;
use crate::telemetry::cause;

/// Reads the ring, unless a request has just read it. A failure is only logged, because the next round tries again.
pub async fn run(app: &App) {
    if let Err(error) = app.ring().await {
        tracing::warn!(%error, cause = cause(&error), "the key ring could not be read; the next round tries again");
    }
}
