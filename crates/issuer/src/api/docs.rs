//! `/docs`: the documentation of the API by Swagger UI, with which an administrator can sign in and try it.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get};
use serde_json::{Value, json};
use utoipa_swagger_ui::{Config, serve};

use crate::api::api;
use crate::app::App;
use crate::config::{CLI, DOCS};
use crate::oauth::error::OAuthError;
use crate::oauth::scope::ADMIN_SCOPES;
use crate::web::error::problem::Problem;

/// The policy of these pages. Swagger UI sets styles by scripts, and calls this issuer alone.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
                   connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Returns the route `GET /docs/openapi.json`: the document that describes the API. It is made for the first request, on the bounded pool,
/// because that takes milliseconds; the requests after that get the same bytes.
pub fn openapi() -> MethodRouter<Arc<App>> {
    let made = Arc::new(OnceLock::new());
    get(async move |State(app): State<Arc<App>>| {
        if let Some(bytes) = made.get() {
            return Ok::<_, Problem>(json_bytes(Bytes::clone(bytes)));
        }
        let issuer = app.settings.issuer.clone();
        let make = move |_: &mut _| serde_json::to_vec(&api().document(issuer.as_str(), issuer.is_loopback()));
        let bytes = app.pool.run(make).await.map_err(OAuthError::from)?.map_err(OAuthError::server_error)?;
        Ok(json_bytes(made.get_or_init(|| bytes.into()).clone()))
    })
}

fn json_bytes(bytes: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}

/// `GET /docs`: leads to the page, whose files are named relative to it.
pub async fn redirect(State(app): State<Arc<App>>) -> Redirect {
    Redirect::permanent(&format!("{}/docs/", app.settings.issuer.path()))
}

/// `GET /docs/`: the page.
pub async fn index(State(app): State<Arc<App>>) -> Response {
    file(State(app), Path("index.html".to_owned())).await
}

/// The script that starts Swagger UI, in the place of the one that it has itself.
#[derive(Template)]
#[template(path = "docs/initializer.js", escape = "none")]
struct Initializer {
    /// A JSON object.
    settings: Value,
}

/// Returns the script that starts Swagger UI. The client of each flow is one that may use it; the one for passwords exists only where the
/// document has this flow.
fn initializer(app: &App) -> Result<String, askama::Error> {
    let issuer = app.settings.issuer.as_str();
    let settings = json!({
        "document": format!("{issuer}/docs/openapi.json"),
        "redirect": format!("{issuer}/docs/oauth2-redirect.html"),
        "clients": { "authorizationCode": DOCS, "password": CLI },
        "scopes": ADMIN_SCOPES.map(|(name, _)| name),
    });
    Initializer { settings }.render()
}

/// Returns the media type and the bytes of a file of the page. The bytes are those of the program itself, so that peers that do not read a
/// long file cost no memory for it.
fn found(app: &App, name: &str) -> Option<(String, Bytes)> {
    if name == "swagger-initializer.js" {
        return Some(("text/javascript; charset=utf-8".to_owned(), initializer(app).ok()?.into()));
    }
    let file = serve(name, Arc::new(Config::default())).ok()??;
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Some((file.content_type, bytes))
}

/// `GET /docs/{file}`: the files of the page.
pub async fn file(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    let Some((media_type, bytes)) = found(&app, &name) else { return StatusCode::NOT_FOUND.into_response() };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    if let Ok(media_type) = HeaderValue::from_str(&media_type) {
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
