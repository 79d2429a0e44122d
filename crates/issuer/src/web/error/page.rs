//! Errors as pages, for people.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::keys::KeyError;
use crate::oauth::error::{Code, OAuthError};
use crate::store::StoreError;
use crate::web::error::json::status;

/// A failure that a person sees, as a page. The page itself is made by `pages::error_pages`, which knows how pages look.
#[derive(Debug, Clone)]
pub struct PageError {
    /// The HTTP status.
    pub status: StatusCode,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What the person can do.
    pub message: String,
    /// What the client's developer should know; empty if nothing.
    pub detail: String,
    /// Seconds after which the same request may succeed, for the header `Retry-After`.
    pub retry_after: Option<u64>,
}

impl PageError {
    /// A request that a client should not have sent, told to the person because it cannot be told to the client.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "This link does not work",
            message: "The app that sent you here made a mistake. Go back to it and try again, or tell the people who run it.".to_owned(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// A page, or a request, that this browser does not know (any more).
    pub fn expired() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "This page has expired",
            message: "It was open for too long, or it was begun in another browser. Go back to the app and start again.".to_owned(),
            detail: String::new(),
            retry_after: None,
        }
    }

    /// A form without the token of this browser.
    pub fn stale_form() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            message: "Nothing was changed. Go back, reload the page and try again.".to_owned(),
            ..Self::expired()
        }
    }

    /// An address that takes forms, opened as a page.
    pub fn method_not_allowed() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            title: "This address cannot be opened",
            message: "It is no page of its own. Go back to where you came from.".to_owned(),
            detail: String::new(),
            retry_after: None,
        }
    }

    /// Nothing is here.
    pub fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            title: "There is nothing here",
            message: "The address is wrong, or what was here is gone.".to_owned(),
            detail: String::new(),
            retry_after: None,
        }
    }

    /// The server is busy; the person may try again in `seconds`.
    pub fn busy(seconds: u64) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "The server is busy",
            message: "Many people are using it at this moment. Wait a few seconds, then try again.".to_owned(),
            detail: String::new(),
            retry_after: Some(seconds),
        }
    }

    /// A failure on our side. The source is logged.
    pub fn server_error(source: impl std::fmt::Display) -> Self {
        tracing::error!(error = %source, "a page failed");
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

impl From<tower_sessions::session::Error> for PageError {
    fn from(error: tower_sessions::session::Error) -> Self {
        Self::server_error(error)
    }
}

impl From<OAuthError> for PageError {
    fn from(error: OAuthError) -> Self {
        error.log();
        match error.code {
            Code::ServerError => Self::server_error("see above"),
            Code::Busy(seconds) => Self::busy(seconds),
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
