//! Liveness and readiness, for orchestrators and load balancers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::App;

/// The paths of this file, at the root of the host and below the path of the issuer.
pub const LIVE: &str = "/health/live";
/// See [`LIVE`] for where this path is served.
pub const READY: &str = "/health/ready";

/// Returns whether `path` is a health check of the issuer whose URL has the path `issuer_path`. It may end with a slash, as every path may.
pub fn is_health(path: &str, issuer_path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let own = path.strip_prefix(issuer_path).unwrap_or(path);
    [own, path].iter().any(|path| [LIVE, READY].contains(path))
}

/// `GET /health/live`: says that the process answers. It checks nothing else, because restarting a node does not bring back a lost
/// database.
pub async fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// `GET /health/ready`: 200 if the database can be written, a key can sign and the server is not stopping; otherwise 503 with the reason
/// and a detail. `warnings` are for the operator; they never change the status, because strangers could cause them.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    let (status, mut body) = match check(&app).await {
        Ok(()) => (StatusCode::OK, json!({ "status": "ready" })),
        Err((reason, detail)) => {
            let detail = format!("{reason}: {detail}");
            (StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "not ready", "reason": reason, "detail": detail }))
        }
    };
    let warnings: Vec<_> = app.notices.current(&*app.clock).iter().map(ToString::to_string).collect();
    if !warnings.is_empty() {
        body["warnings"] = warnings.into();
    }
    (status, Json(body)).into_response()
}

/// Returns the part that is not ready, and what is wrong with it in words that anybody may read.
async fn check(app: &App) -> Result<(), (&'static str, &'static str)> {
    if app.is_stopping() {
        return Err(("stopping", "the server is about to stop"));
    }
    app.store.check(app.clock.monotonic()).await.map_err(|detail| ("database", detail))?;
    let ring = app.ring().await.map_err(|error| {
        tracing::warn!(%error, "not ready: the signing keys cannot be read");
        ("keys", "the signing keys cannot be read; the log says why")
    })?;
    ring.signer(app.now()).map(|_| ()).map_err(|_| ("keys", "no key can sign; `signet doctor` says why"))
}
