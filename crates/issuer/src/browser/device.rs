//! The device cookie. It says that a user has signed in in this browser before, so that strangers who guess the user's password elsewhere
//! cannot keep the user out. It proves nothing else.

use tower_cookies::Cookie;
use tower_cookies::cookie::time::Duration;

use crate::browser::{Browser, cookie};
use crate::clock::DAY;
use crate::oauth::secret;
use crate::store::devices;
use crate::web::error::page::PageError;

/// The lifetime of the cookie and of its row since the last sign-in, in seconds. Browsers keep no cookie for longer.
pub const LIFETIME: i64 = 400 * DAY;
const NAME: &str = "signet-device";

/// The device cookie of a sign-in.
pub(super) struct Device {
    /// The hash by which the device is stored.
    pub(super) hash: String,
    /// The cookie, which the browser is given once the device is stored.
    pub(super) cookie: Cookie<'static>,
}

impl Browser {
    fn device_value(&self) -> Option<String> {
        cookie::random(&self.cookies, self.app.settings.issuer.is_https(), NAME)
    }

    /// Returns the hash of the device cookie, by which the device is stored. `None` if the browser sent none.
    pub fn known_device(&self) -> Option<String> {
        self.device_value().map(|value| secret::key(&value))
    }

    /// Returns the device cookie for a sign-in, which the browser keeps for [`LIFETIME`]. The value stays if the user with this username has
    /// signed in here before. Otherwise it is new, so that the person who used this browser before does not know it.
    pub(super) async fn device(&self, username: &str) -> Result<Device, PageError> {
        let https = self.app.settings.issuer.is_https();
        let own = match self.known_device() {
            Some(hash) => devices::is_known(self.app.store.reader(), &hash, username).await?,
            None => false,
        };
        let value = self.device_value().filter(|_| own).unwrap_or_else(|| self.random_value());
        let hash = secret::key(&value);
        let mut cookie = cookie::own(https, NAME, value);
        cookie.set_max_age(Duration::seconds(LIFETIME));
        Ok(Device { hash, cookie })
    }
}
