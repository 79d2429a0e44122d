//! Every URL of the issuer, on one screen.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::app::App;
use crate::endpoints::{discovery, health, introspect, jwks, method_not_allowed, not_found, revoke, token, userinfo};
use crate::middleware::{client_ip, panics, request_log, security_headers, time_limit};

/// The longest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The whole server.
pub fn router(app: Arc<App>) -> Router {
    let path = app.settings.issuer.path().to_owned();
    let endpoints = Router::new()
        .route("/token", post(token::token))
        .route("/revoke", post(revoke::revoke))
        .route("/introspect", post(introspect::introspect))
        .route("/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .route("/.well-known/openid-configuration", get(discovery::discovery))
        .route("/.well-known/jwks.json", get(jwks::jwks))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready));

    // RFC 8414 §3.1 puts the well-known part before the issuer's path, OpenID Connect Discovery §4 after it.
    let metadata = format!("/.well-known/oauth-authorization-server{path}");
    let router = if path.is_empty() { endpoints } else { Router::new().nest(&path, endpoints) };
    router
        .route(&metadata, get(discovery::discovery))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .layer(from_fn(time_limit::time_limit))
        .layer(panics::layer())
        .layer(from_fn_with_state(Arc::clone(&app), client_ip::client_ip))
        .layer(from_fn_with_state(app.settings.issuer.is_https(), security_headers::security_headers))
        .layer(from_fn(request_log::request_log))
        .with_state(app)
}
