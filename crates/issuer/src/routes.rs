//! Lists every URL of the issuer, with its handler and the layers around it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};
use tower::ServiceBuilder;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::app::App;
use crate::browser::cookie;
use crate::endpoints::{authorize, discovery, end_session, health, introspect, jwks, register, revoke, token, userinfo};
use crate::pages::account::{consents, devices, password, profile};
use crate::pages::{assets, consent, home, select_account, sign_in, sign_out};
use crate::web::client_ip;
use crate::web::middleware::{cors, error_pages, panics, request_log, security_headers, time_limit};
use crate::web::respond::{api_method_not_allowed, method_not_allowed, not_found};

/// The longest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the router for all URLs of the issuer.
pub fn router(app: Arc<App>) -> Router {
    let path = app.settings.issuer.path().to_owned();
    let endpoints = Router::new().merge(protocol(&app)).merge(for_people(&app));
    // RFC 8414 §3.1 puts the well-known part before the issuer's path, OpenID Connect Discovery §4 after it.
    let metadata = format!("/.well-known/oauth-authorization-server{path}");
    let router = if path.is_empty() { endpoints } else { Router::new().nest(&path, endpoints) };
    router
        .merge(public(&metadata, get(discovery::discovery)))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        // These layers are added as one, outermost first, because each added layer clones everything inside it for every request.
        .layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(Arc::clone(&app), client_ip::client_ip))
                .layer(from_fn(request_log::request_log))
                .layer(from_fn_with_state(app.settings.issuer.is_https(), security_headers::security_headers))
                .layer(panics::layer())
                .layer(from_fn(time_limit::time_limit))
                .layer(from_fn_with_state(Arc::clone(&app), error_pages::error_pages))
                .layer(DefaultBodyLimit::max(MAX_BODY))
                .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT)),
        )
        .with_state(app)
}

/// The URLs that programs call. Scripts of any site may read the public documents; `/token`, `/revoke` and `/userinfo` accept scripts of
/// clients only.
fn protocol(app: &Arc<App>) -> Router<Arc<App>> {
    let by_clients = Router::new()
        .route("/token", post(token::token))
        .route("/revoke", post(revoke::revoke))
        .route("/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .method_not_allowed_fallback(api_method_not_allowed)
        .layer(cors::of_clients(app));
    let others = Router::new()
        .route("/introspect", post(introspect::introspect))
        .route("/register", post(register::register))
        .route("/register/{id}", get(register::read).delete(register::delete))
        .route("/static/style.css", get(assets::style))
        .route("/static/icon.svg", get(assets::icon))
        .route("/clients/{id}/logo", get(assets::logo))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .method_not_allowed_fallback(api_method_not_allowed);
    public("/.well-known/openid-configuration", get(discovery::discovery))
        .merge(public("/.well-known/jwks.json", get(jwks::jwks)))
        .merge(by_clients)
        .merge(others)
}

/// A URL that scripts of any site may read.
fn public(path: &str, methods: MethodRouter<Arc<App>>) -> Router<Arc<App>> {
    Router::new()
        .route(path, methods)
        // Set before the layer is added, so that the layer answers preflight requests before this fallback refuses them.
        .method_not_allowed_fallback(api_method_not_allowed)
        .layer(cors::public())
}

/// The URLs that browsers show to users. Only these routes read the cookie.
fn for_people(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/", get(home))
        .route("/authorize", get(authorize::get).post(authorize::post))
        .route("/authorize/resume", get(authorize::resume))
        .route("/end_session", get(end_session::get).post(end_session::post))
        .route("/end_session/confirm", post(sign_out::submit))
        .route("/signed-out", get(sign_out::signed_out))
        .route("/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/select-account", get(select_account::show).post(select_account::submit))
        .route("/consent", get(consent::show).post(consent::submit))
        .route("/account", get(profile::show).post(profile::submit))
        .route("/account/password", get(password::show).post(password::submit))
        .route("/account/devices", get(devices::show).post(devices::submit))
        .route("/account/consents", get(consents::show).post(consents::submit))
        .route("/account/sign-out", post(sign_out::from_account))
        .layer(cookie::layer(app))
        .layer(from_fn_with_state(Arc::clone(app), cookie::removal_cookie))
}
