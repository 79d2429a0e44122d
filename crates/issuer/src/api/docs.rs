//! `/docs`: the documentation of the API by Swagger UI, with which an administrator can sign in and try it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, oauth, serve};

use crate::api::api;
use crate::app::App;
use crate::config::DOCS;
use crate::oauth::scope::ADMIN_SCOPES;

/// The policy of these pages. Swagger UI sets styles by scripts, and calls this issuer alone.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
                   connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Returns the OpenAPI document of this issuer.
pub fn document(app: &App) -> OpenApi {
    api().document(app.settings.issuer.as_str(), app.settings.issuer.is_loopback())
}

/// `GET /docs/openapi.json`: the document that describes the API.
pub async fn openapi(State(app): State<Arc<App>>) -> Response {
    Json(document(&app)).into_response()
}

/// `GET /docs`: leads to the page, whose files are named relative to it.
pub async fn redirect(State(app): State<Arc<App>>) -> Redirect {
    Redirect::permanent(&format!("{}/docs/", app.settings.issuer.path()))
}

/// `GET /docs/`: the page.
pub async fn index(State(app): State<Arc<App>>) -> Response {
    file(State(app), Path("index.html".to_owned())).await
}

/// `GET /docs/{file}`: the files of the page.
pub async fn file(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    let issuer = app.settings.issuer.as_str();
    let scopes = ADMIN_SCOPES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let oauth = oauth::Config::new().client_id(DOCS).app_name("Signet").scopes(scopes).use_pkce_with_authorization_code_grant(true);
    let config = Config::with_oauth_config([format!("{issuer}/docs/openapi.json")], oauth)
        .oauth2_redirect_url(format!("{issuer}/docs/oauth2-redirect.html"))
        .validator_url("none");
    let found = serve(&name, Arc::new(config));
    let Ok(Some(found)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let mut response = found.bytes.into_owned().into_response();
    let headers = response.headers_mut();
    if let Ok(media_type) = HeaderValue::from_str(&found.content_type) {
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
