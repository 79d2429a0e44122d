//! Lists every URL of the issuer, with its handler and the layers around it.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, any, get, post};

use crate::api::{self, docs};
use crate::app::App;
use crate::browser::cookie;
use crate::endpoints::{
    authorize, check_session, discovery, end_session, health, introspect, jwks, register, revocations, revoke, ssf, token, userinfo,
};
use crate::pages::account::{consents, devices, password, profile};
use crate::pages::{admin, assets, consent, home, no_access, select_account, set_password, sign_in, sign_out};
use crate::web::middleware::{around, cors};
use crate::web::respond::{api_method_not_allowed, method_not_allowed, not_found};

/// Adds URLs that may end with a slash. Clients append one where they join the parts of a URL.
trait TrailingSlash {
    /// Routes `path` and the same path with a slash at its end to `methods`.
    fn both(self, path: &str, methods: MethodRouter<Arc<App>>) -> Self;
}

impl TrailingSlash for Router<Arc<App>> {
    fn both(self, path: &str, methods: MethodRouter<Arc<App>>) -> Self {
        self.route(path, methods.clone()).route(&format!("{path}/"), methods)
    }
}

/// Returns the router for all URLs of the issuer.
pub fn router(app: Arc<App>) -> Router {
    let path = app.settings.issuer.path().to_owned();
    let endpoints = Router::new().merge(protocol(&app)).merge(for_people(&app)).merge(administration(&app));
    // RFC 8414 §3.1 puts the well-known part before the issuer's path, OpenID Connect Discovery §4 after it.
    let metadata = format!("/.well-known/oauth-authorization-server{path}");
    let router = match path.as_str() {
        "" => endpoints,
        // A nested router has no route for its own path with a slash at the end. Orchestrators ask at the root of the host, whatever path
        // the issuer has.
        path => Router::new().nest(path, endpoints).route(&format!("{path}/"), get(home)).merge(health_checks()),
    };
    router
        .merge(public(&metadata, discovery::discovery()))
        // SSF 1.0 puts the well-known part before the issuer's path too.
        .merge(public(&format!("/.well-known/ssf-configuration{path}"), get(ssf::metadata::metadata)))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), around))
        .with_state(app)
}

/// The URLs that programs call. Scripts of any site may read the public documents and register clients; `/token`, `/revoke` and
/// `/userinfo` accept scripts of clients only.
fn protocol(app: &Arc<App>) -> Router<Arc<App>> {
    let by_clients = Router::new()
        .both("/token", post(token::token))
        .both("/revoke", post(revoke::revoke))
        .both("/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .method_not_allowed_fallback(api_method_not_allowed)
        .layer(cors::of_clients(app));
    let registration = Router::new()
        .both("/register", post(register::register))
        .both("/register/{id}", get(register::read).delete(register::delete))
        .method_not_allowed_fallback(api_method_not_allowed)
        .layer(cors::registration());
    let streams = get(ssf::streams::read).post(ssf::streams::create).patch(ssf::streams::update).put(ssf::streams::replace);
    let shared_signals = Router::new()
        .both("/ssf/streams", streams.delete(ssf::streams::remove))
        .both("/ssf/status", get(ssf::streams::status).post(ssf::streams::set_status))
        .both("/ssf/subjects/add", post(ssf::streams::add_subject))
        .both("/ssf/subjects/remove", post(ssf::streams::remove_subject))
        .both("/ssf/verify", post(ssf::streams::verify))
        .both("/ssf/poll/{id}", ssf::poll::poll())
        .method_not_allowed_fallback(api_method_not_allowed);
    let others = Router::new()
        .both("/introspect", post(introspect::introspect))
        .both("/static/style.css", get(assets::style))
        .both("/static/icon.svg", get(assets::icon))
        .both("/clients/{id}/logo", get(assets::logo))
        .merge(health_checks())
        .method_not_allowed_fallback(api_method_not_allowed);
    public("/.well-known/openid-configuration", discovery::discovery())
        .merge(public("/.well-known/jwks.json", get(jwks::jwks)))
        .merge(public("/revocations", revocations::revocations()))
        .merge(by_clients)
        .merge(shared_signals)
        .merge(registration)
        .merge(others)
}

/// The REST API, whose routes api/mod.rs lists, and its documentation. They read no cookie.
fn administration(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .nest(api::PREFIX, api::api().router().layer(cors::of_administrators(app)))
        .route("/docs", get(docs::redirect))
        .route("/docs/", get(docs::index))
        .both("/docs/openapi.json", docs::openapi())
        .route("/docs/{file}", get(docs::file))
        .method_not_allowed_fallback(api_method_not_allowed)
}

fn health_checks() -> Router<Arc<App>> {
    Router::new()
        .both(health::LIVE, get(health::live))
        .both(health::READY, get(health::ready))
        .method_not_allowed_fallback(api_method_not_allowed)
}

/// A URL that scripts of any site may read.
fn public(path: &str, methods: MethodRouter<Arc<App>>) -> Router<Arc<App>> {
    Router::new()
        .both(path, methods)
        // Set before the layer is added, so that the layer answers preflight requests before this fallback refuses them.
        .method_not_allowed_fallback(api_method_not_allowed)
        .layer(cors::public())
}

/// The pages of the administration. They take the cookie and no token; `/api` takes a token and no cookie.
fn for_administrators() -> Router<Arc<App>> {
    Router::new()
        .both("/admin", get(admin::overview::show))
        .both("/admin/users", get(admin::users::list).post(admin::users::choose))
        .both("/admin/users/new", get(admin::users::new).post(admin::users::add))
        .both("/admin/users/{username}", get(admin::user::show).post(admin::user::act))
        .both("/admin/users/{username}/edit", get(admin::user_edit::show).post(admin::user_edit::save))
        .both("/admin/users/{username}/roles", get(admin::users::roles_of).post(admin::users::change_roles))
        .both("/admin/groups", get(admin::groups::list))
        .both("/admin/groups/new", get(admin::groups::new).post(admin::groups::add))
        .both("/admin/groups/{name}", get(admin::groups::show).post(admin::groups::act))
        .both("/admin/groups/{name}/edit", get(admin::groups::edit).post(admin::groups::save))
        .both("/admin/groups/{name}/members", get(admin::groups::members).post(admin::groups::change_members))
        .both("/admin/roles", get(admin::roles::list))
        .both("/admin/roles/new", get(admin::roles::new).post(admin::roles::add))
        .both("/admin/roles/{name}", get(admin::roles::show).post(admin::roles::act))
        .both("/admin/roles/{name}/edit", get(admin::roles::edit).post(admin::roles::save))
        .both("/admin/attributes", get(admin::attributes::list))
        .both("/admin/attributes/new", get(admin::attributes::new).post(admin::attributes::add))
        .both("/admin/attributes/{name}", get(admin::attributes::show).post(admin::attributes::act))
        .both("/admin/attributes/{name}/edit", get(admin::attributes::edit).post(admin::attributes::save))
        .both("/admin/clients", get(admin::clients::list))
        .both("/admin/clients/new", get(admin::client_form::new).post(admin::client_form::add))
        .both("/admin/clients/{id}", get(admin::clients::show).post(admin::clients::act))
        .both("/admin/clients/{id}/access", get(admin::clients::access))
        .both("/admin/clients/{id}/claim", get(admin::client_claims::show).post(admin::client_claims::save))
        .both("/admin/clients/{id}/edit", get(admin::client_edit::edit).post(admin::client_edit::save))
        .both("/admin/clients/{id}/secret", get(admin::client_secrets::show).post(admin::client_secrets::rotate))
        .both("/admin/clients/{id}/try", get(admin::client_trial::show))
        .both("/admin/resources", get(admin::resources::list))
        .both("/admin/resources/new", get(admin::resources::new).post(admin::resources::add))
        .both("/admin/resources/{identifier}", get(admin::resources::show).post(admin::resources::act))
        .both("/admin/resources/{identifier}/edit", get(admin::resources::edit).post(admin::resources::save))
        .both("/admin/keys", get(admin::keys::list).post(admin::keys::act))
        .both("/admin/sessions", get(admin::sessions::list))
        .both("/admin/search", get(admin::search::show))
        .both("/admin/audit", get(admin::audit::list))
        .both("/admin/audit/download", get(admin::audit::download))
        .both("/admin/audit/{id}", get(admin::audit_event::show))
        .route("/admin/{*rest}", any(admin::nothing))
        .layer(from_fn(admin::gone::keep_typed))
}

/// The URLs that browsers show to users. Only these routes read the cookie.
fn for_people(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/", get(home))
        .both("/authorize", get(authorize::get).post(authorize::post))
        .both("/authorize/resume", get(authorize::resume))
        .both("/check_session", get(check_session::frame))
        .both("/end_session", get(end_session::get).post(end_session::post))
        .both("/end_session/confirm", post(sign_out::submit))
        .both("/signed-out", get(sign_out::signed_out))
        .both("/sign-in", get(sign_in::show).post(sign_in::submit))
        .both("/set-password", get(set_password::show).post(set_password::submit))
        .both("/select-account", get(select_account::show).post(select_account::submit))
        .both("/no-access", get(no_access::show).post(no_access::submit))
        .both("/consent", get(consent::show).post(consent::submit))
        .both("/account", get(profile::show).post(profile::submit))
        .both("/account/password", get(password::show).post(password::submit))
        .both("/account/devices", get(devices::show).post(devices::submit))
        .both("/account/consents", get(consents::show).post(consents::submit))
        .both("/account/sign-out", post(sign_out::from_account))
        .merge(for_administrators())
        .layer(cookie::layer(app))
}
