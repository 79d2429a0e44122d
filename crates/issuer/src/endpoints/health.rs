//! Liveness and readiness, for orchestrators and load balancers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::App;

/// `GET /health/live`: the process answers. Asks nothing else, so that a lost database restarts no node.
pub async fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// `GET /health/ready`: the database answers, a key signs, and the server is not about to stop.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    match check(&app).await {
        Ok(()) => Json(json!({ "status": "ready" })).into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "not ready", "reason": reason }))).into_response(),
    }
}

async fn check(app: &App) -> Result<(), &'static str> {
    if app.is_stopping() {
        return Err("stopping");
    }
    app.store.ping().await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        "database"
    })?;
    let ring = app.ring().await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        "keys"
    })?;
    ring.signer(app.now()).map(|_| ()).map_err(|_| "keys")
}
