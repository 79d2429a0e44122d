//! tower-sessions removes its cookie without the attributes that a `__Host-` cookie must have, and browsers refuse that.
//! This replaces the removal with one that they take.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::pages::browser::cookie_name;

/// Replaces it, if it is there.
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
