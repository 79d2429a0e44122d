//! A notice that a page shows once, about what a form has just done. It travels in a cookie from the answer to the form to the page after it,
//! so that neither a bookmark nor a link of another site makes a page say what did not happen.

use tower_cookies::Cookie;
use tower_cookies::cookie::SameSite;
use tower_cookies::cookie::time::Duration;

use crate::browser::{Browser, cookie};

/// The next page may be this many seconds away.
const LIFETIME: i64 = 60;

const NAME: &str = "signet-notice";

impl Browser {
    /// Makes the next page that asks for it show the notice `what`, a word such as `saved`. The cookie has another value each time: browsers keep
    /// pages for "Back", also those that must not be stored, and drop them when a cookie changes.
    pub fn note(&self, what: &'static str) {
        let mut cookie = self.notice(&format!("{what}.{}", self.random_value()));
        cookie.set_max_age(Duration::seconds(LIFETIME));
        self.cookies.add(cookie);
    }

    /// Returns the word for what a form has just done, and forgets it; empty if there is none.
    pub fn noted(&self) -> String {
        let Some(what) = cookie::value(&self.cookies, self.app.settings.issuer.is_https(), NAME) else { return String::new() };
        self.cookies.remove(self.notice(""));
        what.split_once('.').map_or(String::new(), |(what, _)| what.to_owned())
    }

    fn notice(&self, what: &str) -> Cookie<'static> {
        let mut cookie = cookie::own(self.app.settings.issuer.is_https(), NAME, what.to_owned());
        cookie.set_same_site(SameSite::Strict);
        cookie
    }
}
