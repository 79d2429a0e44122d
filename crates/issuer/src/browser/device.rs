//! The device cookie. It says that a user has signed in in this browser before, so that strangers who guess the user's password elsewhere
//! cannot keep the user out. It proves nothing else.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use tower_cookies::Cookie;
use tower_cookies::cookie::SameSite;
use tower_cookies::cookie::time::Duration;

use crate::browser::Browser;
use crate::clock::DAY;
use crate::oauth::secret;
use crate::store::devices;
use crate::web::error::page::PageError;

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

    /// Gives the browser the device cookie, which it keeps for [`LIFETIME`], and returns its hash. The value stays if the user with this
    /// username has signed in here before. Otherwise it is new, so that the person who used this browser before does not know it.
    pub(super) async fn device(&self, username: &str) -> Result<String, PageError> {
        let https = self.app.settings.issuer.is_https();
        let own = match self.known_device() {
            Some(hash) => devices::is_known(self.app.store.reader(), &hash, username).await?,
            None => false,
        };
        let kept = self.cookies.get(self.device_cookie()).filter(|_| own);
        let value = kept.map_or_else(|| self.random_value(), |cookie| cookie.value().to_owned());
        let hash = secret::key(&value);
        let cookie = Cookie::build((self.device_cookie(), value)).path("/").http_only(true).secure(https).same_site(SameSite::Lax);
        self.cookies.add(cookie.max_age(Duration::seconds(LIFETIME)).build());
        Ok(hash)
    }
}
