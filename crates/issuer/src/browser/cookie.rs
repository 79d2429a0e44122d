//! The browser's cookie: its name, its attributes and its removal.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_sessions::cookie::SameSite;
use tower_sessions::service::SessionManagerLayer;

use crate::app::App;
use crate::browser::session_store::BrowserStore;

/// Returns the cookie's name. The prefix `__Host-` prevents other hosts of the domain from setting the cookie; browsers accept the prefix
/// only over https.
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-signet" } else { "signet" }
}

/// Returns the layer that reads and writes the cookie. The cookie has no expiry, so that browsers delete it when they close; the database
/// decides how long the session lives.
pub fn layer(app: &Arc<App>) -> SessionManagerLayer<BrowserStore> {
    let https = app.settings.issuer.is_https();
    SessionManagerLayer::new(BrowserStore(Arc::clone(app)))
        .with_name(cookie_name(https))
        .with_secure(https)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
}

/// Replaces the removal cookie of tower-sessions. That cookie lacks the attributes that a `__Host-` cookie must have, so browsers would
/// ignore it.
pub async fn removal_cookie(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let https = app.settings.issuer.is_https();
    let removal = format!("{}=; ", cookie_name(https));
    let cookies: Vec<HeaderValue> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
    response.headers_mut().remove(header::SET_COOKIE);
    for mut cookie in cookies {
        if cookie.to_str().is_ok_and(|text| text.starts_with(&removal)) {
            let secure = if https { "; Secure" } else { "" };
            let text = format!("{removal}Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}");
            cookie = HeaderValue::from_str(&text).unwrap_or(cookie);
        }
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
