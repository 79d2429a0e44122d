//! The cookie that tells the frame of `/check_session` whether the browser is signed in, and in which session (OpenID Connect Session
//! Management 1.0 §3.2). Scripts of the issuer can read it, so it is no secret of the session: it opens nothing. Only browsers that have
//! signed in to a client which asked for it get the cookie.

use tower_cookies::Cookie;
use tower_cookies::cookie::SameSite;

use crate::browser::{Browser, cookie};
use crate::keys::master::MasterKeyError;
use crate::oauth::redirect_uri::origin;
use crate::oauth::session_state;
use crate::store::clients::Client;
use crate::web::error::page::PageError;

const NAME: &str = "signet-state";

/// The value of the cookie of a browser in which nobody is signed in any more.
const NOBODY: &str = "nobody";

/// Returns the name of the cookie, which the script of the frame looks for.
pub fn cookie_name(https: bool) -> String {
    cookie::full_name(https, NAME)
}

impl Browser {
    /// Returns the `session_state` for `client`, whose page at the origin of `redirect_uri` gets it, and gives the browser the cookie. `None`
    /// if the client did not ask for it, or if its redirect URI belongs to no web page.
    pub fn session_state(&self, client: &Client, redirect_uri: &str, sid: &str) -> Result<Option<String>, PageError> {
        let Some(origin) = origin(redirect_uri).filter(|_| client.session_management) else { return Ok(None) };
        let state = self.state_of(sid)?;
        let salt = self.app.clock.random_id::<16>();
        let answer = session_state::of(&client.id, &origin, &state, &salt);
        self.set_state(state);
        Ok(Some(answer))
    }

    /// Lets the cookie, if the browser has it, tell that the browser is signed in by the session `sid`, or that nobody is.
    pub(super) fn follow(&self, sid: Option<&str>) -> Result<(), PageError> {
        let Some(told) = cookie::value(&self.cookies, self.app.settings.issuer.is_https(), NAME) else { return Ok(()) };
        let state = match sid {
            Some(sid) => self.state_of(sid)?,
            None => NOBODY.to_owned(),
        };
        if told != state {
            self.set_state(state);
        }
        Ok(())
    }

    fn state_of(&self, sid: &str) -> Result<String, PageError> {
        self.app.master.browser_state(sid).map_err(|error: MasterKeyError| PageError::server_error(error))
    }

    fn set_state(&self, state: String) {
        let https = self.app.settings.issuer.is_https();
        let mut cookie: Cookie<'static> = cookie::own(https, NAME, state);
        cookie.set_http_only(false);
        // The frame lies on a page of another site. Browsers take `SameSite=None` only together with `Secure`.
        cookie.set_same_site(if https { SameSite::None } else { SameSite::Lax });
        self.cookies.add(cookie);
    }
}
