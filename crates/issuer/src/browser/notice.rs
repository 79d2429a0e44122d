//! A notice that a page shows once, about what a form has just done. It travels in a cookie from the answer to the form to the page after it,
//! so that neither a bookmark nor a link of another site makes a page say what did not happen.

use tower_cookies::Cookie;
use tower_cookies::cookie::SameSite;
use tower_cookies::cookie::time::Duration;

use crate::browser::Browser;

/// The next page may be this many seconds away.
const LIFETIME: i64 = 60;

fn cookie(https: bool, value: &'static str) -> Cookie<'static> {
    let name = if https { "__Host-signet-notice" } else { "signet-notice" };
    Cookie::build((name, value)).path("/").http_only(true).secure(https).same_site(SameSite::Strict).build()
}

impl Browser {
    /// Makes the next page that asks for it show the notice `what`, a word such as `saved`.
    pub fn note(&self, what: &'static str) {
        let mut cookie = cookie(self.app.settings.issuer.is_https(), what);
        cookie.set_max_age(Duration::seconds(LIFETIME));
        self.cookies.add(cookie);
    }

    /// Returns the word for what a form has just done, and forgets it; empty if there is none.
    pub fn noted(&self) -> String {
        let kept = cookie(self.app.settings.issuer.is_https(), "");
        let Some(noted) = self.cookies.get(kept.name()) else { return String::new() };
        let what = noted.value().to_owned();
        self.cookies.remove(kept);
        what
    }
}
