//! Errors that a user sees as a page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::admin::words::counted;
use crate::keys::KeyError;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::plain_text::as_found;
use crate::oauth::plain_text::visible;
use crate::store::StoreError;
use crate::web::error::refusal::Refusal;
use crate::web::error::{DatabaseUnavailable, retry_after, status};

/// The heading of the page that says that the database is unavailable.
const UNAVAILABLE: &str = "This does not work at the moment";

/// The heading of the page about a form of our own that cannot be read.
const UNREADABLE: &str = "This form could not be read";

/// A link on an error page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// A page of this issuer, by its path below the issuer's URL, with the text of the link.
    Own(String, String),
    /// The site of a client, by its URL, with the text of the link.
    Site(String, String),
}

/// What a person typed into a form that could not be taken, by the names of its fields, for the page that says why. It travels beside the
/// [`PageError`].
#[derive(Debug, Clone)]
pub struct Typed {
    /// Says why the text is shown.
    pub lead: &'static str,
    /// The fields with what stood in them.
    pub fields: Vec<(String, String)>,
}

/// An error that a user sees. It travels in the extensions of the response until the middleware `error_pages` renders it as HTML.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PageError {
    pub status: StatusCode,
    /// The heading, which says what happened in a few words.
    pub title: &'static str,
    /// Tells the user what they can do now, in full sentences.
    pub message: String,
    /// Help for the client's developer; empty if there is none.
    pub detail: String,
    /// The ways on. Without one, the page offers the account page.
    pub links: Vec<Link>,
    /// Seconds after which the same request may succeed; sent as `Retry-After`.
    pub retry_after: Option<u64>,
    /// What the log line of the request says; `None` if that is the title.
    pub refusal: Option<Box<Refusal>>,
}

impl PageError {
    /// Makes an error with neither help for developers nor links.
    fn new(status: StatusCode, title: &'static str, message: impl Into<String>) -> Self {
        Self { status, title, message: message.into(), detail: String::new(), links: Vec::new(), retry_after: None, refusal: None }
    }

    /// A client sent a wrong request, and the error cannot be sent back to the client. `detail` tells its developer what is wrong.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        let message = "The app that sent you here made a mistake. Go back to it and try again, or tell the people who run it.";
        Self { detail: detail.into(), ..Self::new(StatusCode::BAD_REQUEST, "This link does not work", message) }
    }

    /// A form of one of our own pages cannot be read: it is too long, or not a form as browsers send it. Nothing was done with it. Any other
    /// `error` gets its own page.
    pub fn unreadable_form(error: OAuthError) -> Self {
        let what = match error.code {
            Code::TooLarge => "It is longer than this server accepts. Go back to the page, and type less.",
            Code::InvalidRequest => {
                "Its text has characters that cannot be typed, or parts of it are missing or came twice. Go back to the page, load it again, \
                 and type everything once more."
            }
            _ => return error.into(),
        };
        let page = Self::from(error);
        Self { title: UNREADABLE, message: format!("The form was not used. {what}"), ..page }
    }

    fn ended(title: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, title, message)
    }

    /// The authorization request was answered before, perhaps in another tab.
    pub fn answered() -> Self {
        Self::ended(
            "You have already gone on from here",
            "This request was answered before, by an earlier click or in another tab, so the app has probably opened. If it has not, start again \
             there.",
        )
    }

    /// The link to set a password was used, was replaced or has expired.
    pub fn spent_link() -> Self {
        Self::ended(
            "This link can no longer be used",
            "It was used before, perhaps by an earlier click, a newer link was made, or it is older than 24 hours. If you have set your \
             password, sign in with it. Otherwise ask your administrator for a new link.",
        )
    }

    /// The page on which a password is set was opened without the link that leads to it.
    pub fn no_link() -> Self {
        Self::ended(
            "This page cannot be opened on its own",
            "It opens by a link that your administrator makes for you. Open the whole link, from its beginning to its end.",
        )
    }

    /// The authorization request is older than it may be.
    pub fn too_old() -> Self {
        Self::ended("This page was open for too long", "A sign-in must be completed within an hour. Start again in the app.")
    }

    /// This browser has no such authorization request, and never had it.
    pub fn unknown_request() -> Self {
        Self::ended(
            "This sign-in is not known in this browser",
            "It was started in another browser, this browser has lost our cookie since, or the address is not complete. Start again in the \
             app.",
        )
    }

    /// The authorization request waited in this browser until so many later ones had come that it was forgotten.
    pub fn pushed_out() -> Self {
        Self::ended(
            "This sign-in is no longer known",
            "Perhaps so many others were started in this browser after it that it was forgotten. Close the tabs that you do not need, and start \
             again in the app.",
        )
    }

    /// The authorization request waited in this browser, but nobody is signed in here any more.
    pub fn signed_out_since() -> Self {
        Self::ended(
            "You are no longer signed in here",
            "You were signed in when this sign-in to an app was started, and have signed out since, or your session has ended. Start again in \
             the app.",
        )
    }

    /// A page that is a step of a sign-in was opened without one, for example from a bookmark.
    pub fn not_a_start() -> Self {
        Self::ended(
            "This page cannot be opened on its own",
            "It is a step of signing in to an app. Open the app and sign in there. A bookmark of this page does not work.",
        )
    }

    /// The client of the authorization request was disabled or removed, or may no longer be answered at this address.
    pub fn client_gone() -> Self {
        Self::ended(
            "This app can no longer sign you in here",
            "The app was removed from this server, or its registration was changed, since you started. Ask the people who run it.",
        )
    }

    /// The browser does not send cookies.
    pub fn no_cookie() -> Self {
        Self::ended(
            "Your browser does not keep our cookie",
            "Signing in needs a cookie, which holds nothing but a random number. Allow cookies for this site in the settings of your browser \
             (in Chrome and Edge: the icon left of the address, then “Cookies and site data”; in Firefox: the shield; in Safari: Settings, \
             Privacy, “Block all cookies” off). Then start again.",
        )
    }

    /// Adds a link to the sign-in page, for a person whom no app has sent.
    #[must_use]
    pub fn leading_to_sign_in(mut self) -> Self {
        self.links.push(Link::Own("/sign-in".to_owned(), "Sign in".to_owned()));
        self
    }

    /// A form came from a page of another site, whose origin is `origin`, as far as the request says it.
    pub fn foreign_form(origin: &str) -> Self {
        let message = "It was not used. Type your password only on the sign-in page of this site.";
        let reason =
            format!("the form came from a page of another site; expected the origin of the issuer in Origin; found {}", as_found(origin));
        let refusal = Some(Box::new(Refusal::new("", reason)));
        Self { refusal, ..Self::new(StatusCode::FORBIDDEN, "This form came from another site", message) }
    }

    /// The session ended while the person was going on in it.
    pub fn session_ended() -> Self {
        Self::ended("Your session has ended", "It ended while this page was under way. Sign in again.").leading_to_sign_in()
    }

    /// The session had ended before a form was sent. `sign_in` is the path that leads to a sign-in and back to the page of the form.
    pub fn session_ended_before(sign_in: String) -> Self {
        let links = vec![Link::Own(sign_in, "Sign in".to_owned())];
        Self {
            links,
            ..Self::ended("Your session has ended", "It ended before this form was sent. Sign in again, and then fill it in again.")
        }
    }

    /// A form lacks the CSRF token of this browser, or its fields are not those of the page.
    pub fn stale_form() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This page can no longer be used",
            "This form was not used. Something else was done since it was shown: an earlier click on it may have been used, or you have done \
             something in another tab. Open the page again to see what is stored now.",
        )
    }

    /// Says who is signed in.
    #[must_use]
    pub fn naming(mut self, username: &str) -> Self {
        self.message += &format!(" You are signed in as {username}.");
        self
    }

    /// Adds a link by which the person goes on with the authorization request `id`, if there is one.
    #[must_use]
    pub fn going_on_with(mut self, id: Option<&str>) -> Self {
        self.links.extend(id.map(|id| {
            let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
            Link::Own(format!("/authorize/resume?request={id}"), "Continue".to_owned())
        }));
        self
    }

    /// Adds a link to the page that asks whether to sign out.
    #[must_use]
    pub fn signing_out(mut self) -> Self {
        self.links.push(Link::Own("/end_session".to_owned(), "Sign out".to_owned()));
        self
    }

    /// Names the client of the request for the log line.
    #[must_use]
    pub fn of_client(mut self, id: &str) -> Self {
        self.refusal = Some(Box::new(self.refusal().of_client(id)));
        self
    }

    fn refusal(&self) -> Refusal {
        self.refusal.as_deref().cloned().unwrap_or_else(|| {
            let detail = if self.detail.is_empty() { "" } else { ": " };
            Refusal::new("", format!("{}{detail}{}", self.title, self.detail))
        })
    }

    /// Adds a link to the site `url` of the app `name`, if the app has registered one.
    #[must_use]
    pub fn leading_to(mut self, name: &str, url: Option<&str>) -> Self {
        self.links.extend(url.map(|url| Link::Site(url.to_owned(), format!("Go to {name}"))));
        self
    }

    /// Says that the person is signed in all the same.
    #[must_use]
    pub fn although_signed_in(mut self) -> Self {
        self.status = StatusCode::OK;
        self.message = format!("You are signed in now. {}", self.message);
        self
    }

    /// A browser opened an address that only receives forms.
    pub fn method_not_allowed() -> Self {
        let message = "This address only receives forms. Go back to the previous page.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "This address cannot be opened", message)
    }

    /// There is nothing at the address that the browser opened.
    pub fn not_found() -> Self {
        let message = "The address is wrong, or the page no longer exists. Check the address, or go back to the previous page.";
        Self::new(StatusCode::NOT_FOUND, "There is nothing here", message)
    }

    /// The user who is signed in is no administrator.
    pub fn no_administrator(username: &str) -> Self {
        let message = format!(
            "You are signed in as {username}, who holds no scope of administration. Ask an administrator for a role that holds one, or sign \
             in as somebody else."
        );
        let links = vec![
            Link::Own("/account".to_owned(), "Go to your account".to_owned()),
            Link::Own("/sign-in".to_owned(), "Sign in as somebody else".to_owned()),
        ];
        Self { links, ..Self::new(StatusCode::FORBIDDEN, "This page is for administrators", message) }
    }

    /// An administrator's operation was refused. `reason` is a sentence without a full stop.
    pub fn admin(status: StatusCode, title: &'static str, reason: impl std::fmt::Display) -> Self {
        let mut message = format!("{reason}.");
        if let Some(first) = message.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let links = vec![Link::Own("/admin".to_owned(), "Go to the administration".to_owned())];
        Self { links, ..Self::new(status, title, message) }
    }

    /// Returns the same error for a form of the administration. Where the page would speak of a mistake of an app, it says that nothing was
    /// changed, and why.
    #[must_use]
    pub fn in_administration(self) -> Self {
        if self.detail.is_empty() {
            return self;
        }
        let Self { status, detail, retry_after, refusal, .. } = self;
        Self { retry_after, refusal, ..Self::admin(status, "Nothing was changed", detail) }
    }

    /// There were too many attempts. The next one is allowed after `seconds`.
    pub fn too_many_attempts(seconds: u64) -> Self {
        let code = Code::TooManyAttempts(seconds);
        let message = format!("Try again in {}.", counted(seconds, "second", "seconds"));
        Self { retry_after: retry_after(&code), ..Self::new(status(&code), "Too many attempts", message) }
    }

    /// The server is busy. The same request may succeed a moment later.
    pub fn busy() -> Self {
        let message = "It has much to do, or waits for its data. Wait a few seconds, then try again.";
        Self { retry_after: retry_after(&Code::Busy), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "The server is busy", message) }
    }

    /// The database cannot be reached or written.
    pub fn unavailable() -> Self {
        let message = "The server cannot reach or change its data at the moment. Wait a minute, then try again.";
        Self { retry_after: retry_after(&Code::Unavailable), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, message) }
    }

    /// The issuer failed. `source` is logged and never shown.
    pub fn server_error(source: impl std::fmt::Display) -> Self {
        tracing::error!(error = %source, "a page could not be shown");
        Self::failed()
    }

    /// The issuer failed, and has logged why.
    pub fn failed() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", "The server could not answer. Try again in a moment.")
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        OAuthError::from(error).into()
    }
}

impl From<KeyError> for PageError {
    fn from(error: KeyError) -> Self {
        OAuthError::from(error).into()
    }
}

impl From<OAuthError> for PageError {
    fn from(error: OAuthError) -> Self {
        error.log();
        let refusal = Some(Box::new(Refusal::from(&error)));
        let page = match error.code {
            Code::ServerError => Self::failed(),
            Code::Busy => Self::busy(),
            Code::Unavailable => Self::unavailable(),
            Code::TooManyAttempts(seconds) => Self::too_many_attempts(seconds),
            _ => Self { status: status(&error.code), ..Self::bad_request(visible(&error.description)) },
        };
        Self { refusal, ..page }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if self.title == UNAVAILABLE {
            response.extensions_mut().insert(DatabaseUnavailable);
        }
        response.extensions_mut().insert(self.refusal());
        response.extensions_mut().insert(self);
        response
    }
}
