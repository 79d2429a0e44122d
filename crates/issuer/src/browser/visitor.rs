//! The cookie of a browser in which nobody has signed in yet. It holds a random value, for which no row is stored. The sign-in form and
//! the authorization request in it are bound to that value, so that another site cannot sign a person in to somebody else's account.

use subtle::ConstantTimeEq;
use tower_cookies::Cookies;

use crate::browser::{Browser, cookie};
use crate::oauth::form::Form;
use crate::oauth::secret;

const NAME: &str = "signet-visitor";

/// Returns the value that the browser sent, if it has the form that we give it.
pub(super) fn sent(cookies: &Cookies, https: bool) -> Option<String> {
    cookie::random(cookies, https, NAME)
}

impl Browser {
    /// Returns `true` if the browser sent the cookie of a visitor. A browser that does not keep cookies never sends it.
    pub fn sent_visitor(&self) -> bool {
        self.visitor.is_some()
    }

    /// Returns the cookie's value. A browser without the cookie is given one with the response.
    fn visitor(&self) -> String {
        let https = self.app.settings.issuer.is_https();
        if let Some(value) = sent(&self.cookies, https) {
            return value;
        }
        let value = self.random_value();
        self.cookies.add(cookie::own(https, NAME, value.clone()));
        value
    }

    /// Returns the value to which a sealed request is bound. It does not reveal the cookie.
    pub fn visitor_key(&self) -> String {
        secret::key(&format!("request {}", self.visitor()))
    }

    /// Returns the key under which the requests of this browser wait if it has none yet. It follows from the cookie, so that two tabs that
    /// sign in at the same moment have the same.
    pub(super) fn first_request_key(&self) -> String {
        secret::key(&format!("waiting requests {}", self.visitor()))
    }

    /// Returns the CSRF token of the sign-in form. It does not reveal the cookie.
    pub fn visitor_token(&self) -> String {
        secret::key(&format!("sign-in form {}", self.visitor()))
    }

    /// Returns `true` if `form` is a sign-in form that was made for this browser. Tokens are compared in constant time.
    pub fn is_visitor(&self, form: &Form) -> bool {
        let sent = form.get("csrf").unwrap_or_default();
        self.visitor.is_some() && bool::from(self.visitor_token().as_bytes().ct_eq(sent.as_bytes()))
    }
}
