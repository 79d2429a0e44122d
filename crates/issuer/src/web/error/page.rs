//! Errors that a user sees as a page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::keys::KeyError;
use crate::oauth::error::{Code, OAuthError};
use crate::store::StoreError;
use crate::web::error::{retry_after, status};

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
    /// Seconds after which the same request may succeed; sent as `Retry-After`.
    pub retry_after: Option<u64>,
}

impl PageError {
    /// A client sent a wrong request, and the error cannot be sent back to the client. `detail` tells its developer what is wrong.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "This link does not work",
            message: "The app that sent you here made a mistake. Go back to it and try again, or tell the people who run it.".to_owned(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The authorization request has ended, or this browser did not begin it.
    pub fn expired() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "This page has expired",
            message: "It was open for too long, or you started in another browser. Go back to the app and start again.".to_owned(),
            detail: String::new(),
            retry_after: None,
        }
    }

    /// A form lacks the CSRF token of this browser, or its fields are not those of the page.
    pub fn stale_form() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            message: "Nothing was changed. Go back, reload the page and try again.".to_owned(),
            ..Self::expired()
        }
    }

    /// A browser opened an address that only receives forms.
    pub fn method_not_allowed() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            title: "This address cannot be opened",
            message: "This address only receives forms. Go back to the previous page.".to_owned(),
            detail: String::new(),
            retry_after: None,
        }
    }

    /// There is nothing at the address that the browser opened.
    pub fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            title: "There is nothing here",
            message: "The address is wrong, or the page no longer exists. Check the address, or go back to the previous page.".to_owned(),
            detail: String::new(),
            retry_after: None,
        }
    }

    /// The server is busy. The same request may succeed a moment later.
    pub fn busy() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "The server is busy",
            message: "Many people are using it right now. Wait a few seconds, then try again.".to_owned(),
            detail: String::new(),
            retry_after: retry_after(&Code::Busy),
        }
    }

    /// The issuer failed. `source` is logged and never shown.
    pub fn server_error(source: impl std::fmt::Display) -> Self {
        tracing::error!(error = %source, "a page could not be shown");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: "Something went wrong",
            message: "The server could not answer. Try again in a moment.".to_owned(),
            detail: String::new(),
            retry_after: None,
        }
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
        match error.code {
            Code::ServerError => Self::server_error("the cause was logged before"),
            Code::Busy => Self::busy(),
            _ => Self { status: status(&error.code), ..Self::bad_request(error.safe_description()) },
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
