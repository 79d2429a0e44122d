//! The names and attributes of our cookies.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use tower_cookies::cookie::SameSite;
use tower_cookies::{Cookie, Cookies};
use tower_sessions::service::SessionManagerLayer;

use crate::app::App;
use crate::browser::session_store::BrowserStore;

/// The name of the cookie of a session.
const SESSION: &str = "signet";
/// The length of a random value: 16 bytes in base64url.
const RANDOM_LENGTH: usize = 22;

/// Returns a cookie's name. The prefix `__Host-` prevents other hosts of the domain from setting the cookie; browsers accept the prefix only
/// over https.
pub(super) fn full_name(https: bool, name: &str) -> String {
    if https { format!("__Host-{name}") } else { name.to_owned() }
}

/// Makes one of our cookies, with the strictest attributes that work. Browsers delete it when they close, unless the caller sets an age.
pub(super) fn own(https: bool, name: &str, value: String) -> Cookie<'static> {
    Cookie::build((full_name(https, name), value)).path("/").http_only(true).secure(https).same_site(SameSite::Lax).build()
}

/// Returns the value of one of our cookies, if the browser sent it or the response sets it.
pub(super) fn value(cookies: &Cookies, https: bool, name: &str) -> Option<String> {
    cookies.get(&full_name(https, name)).map(|cookie| cookie.value().to_owned())
}

/// Returns the value of one of our cookies that hold a random value, if it has that form.
pub(super) fn random(cookies: &Cookies, https: bool, name: &str) -> Option<String> {
    value(cookies, https, name).filter(|value| value.len() == RANDOM_LENGTH && BASE64_URL_SAFE_NO_PAD.decode(value).is_ok())
}

/// Returns the layer that reads and writes the cookie. The cookie has no expiry, so that browsers delete it when they close; the database
/// decides how long the session lives.
pub fn layer(app: &Arc<App>) -> SessionManagerLayer<BrowserStore> {
    let https = app.settings.issuer.is_https();
    SessionManagerLayer::new(BrowserStore(Arc::clone(app)))
        .with_name(full_name(https, SESSION))
        .with_secure(https)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
}
