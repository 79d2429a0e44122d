//! The device cookie. It says that a user has signed in in this browser before, so that strangers who guess the user's password elsewhere
//! cannot keep the user out. It proves nothing else.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use tower_cookies::Cookie;
use tower_cookies::cookie::SameSite;
use tower_cookies::cookie::time::Duration;

use crate::browser::Browser;
use crate::clock::DAY;
use crate::oauth::secret;

/// The lifetime of the cookie and of its row since the last sign-in, in seconds. Browsers keep no cookie for longer.
pub const LIFETIME: i64 = 400 * DAY;
/// The length of the cookie's value: 16 random bytes in base64url.
const LENGTH: usize = 22;

impl Browser {
    fn device_cookie(&self) -> &'static str {
        if self.app.settings.issuer.is_https() { "__Host-signet-device" } else { "signet-device" }
    }

    /// Returns the hash of the device cookie, by which the device is stored. `None` if the browser sent none.
    pub fn known_device(&self) -> Option<String> {
        let value = self.cookies.get(self.device_cookie())?.value().to_owned();
        (value.len() == LENGTH && BASE64_URL_SAFE_NO_PAD.decode(&value).is_ok()).then(|| secret::key(&value))
    }

    /// Gives the browser the device cookie, which it keeps for [`LIFETIME`], and returns its hash. A browser that has one keeps its value,
    /// so that it stands for all users who sign in there.
    pub(super) fn device(&self) -> String {
        let https = self.app.settings.issuer.is_https();
        let kept = self.known_device().and_then(|_| self.cookies.get(self.device_cookie()));
        let value = kept.map_or_else(|| self.random_value(), |cookie| cookie.value().to_owned());
        let hash = secret::key(&value);
        let cookie = Cookie::build((self.device_cookie(), value)).path("/").http_only(true).secure(https).same_site(SameSite::Lax);
        self.cookies.add(cookie.max_age(Duration::seconds(LIFETIME)).build());
        hash
    }
}
