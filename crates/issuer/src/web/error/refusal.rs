//! What the log line of a refused request says about it.

use std::sync::{Arc, OnceLock};

use axum::http::StatusCode;

use crate::oauth::error::{Code, OAuthError};
use crate::oauth::plain_text::without_credentials;

/// The most characters of a client id that a log line repeats, since a stranger may have typed it.
const MAX_CLIENT: usize = 100;

/// The extension of a response that refuses a request, also of one that redirects to the client with the error.
#[derive(Debug, Clone, Default)]
pub struct Refusal {
    /// The error code that was sent; empty if none was. The log line names the status then.
    pub error: String,
    /// The client that sent the request, or says so; empty if it names none.
    pub client: String,
    /// What was wrong, for the operator.
    pub reason: String,
}

impl Refusal {
    /// Makes the refusal of a request with `error`, for the reason `reason`.
    pub fn new(error: &str, reason: impl Into<String>) -> Self {
        Self { error: error.to_owned(), client: String::new(), reason: reason.into() }
    }

    /// Adds the client, unless it was added before.
    #[must_use]
    pub fn of_client(mut self, client: &str) -> Self {
        if self.client.is_empty() {
            self.client = without_credentials(client).chars().filter(|c| !c.is_control()).take(MAX_CLIENT).collect();
        }
        self
    }
}

impl From<&OAuthError> for Refusal {
    fn from(error: &OAuthError) -> Self {
        let reason = error.reason.clone().unwrap_or_else(|| error.description.clone());
        Self::new(error.code.as_str(), reason).of_client(error.client.as_deref().unwrap_or_default())
    }
}

/// The extension of a request in which its handler notes the client whose access token came with it, for the log line.
#[derive(Debug, Clone, Default)]
pub struct Caller(Arc<OnceLock<String>>);

impl Caller {
    /// Notes the client with the id `client`, unless one was noted before.
    pub fn note(&self, client: &str) {
        let _ = self.0.set(client.to_owned());
    }

    /// Returns the client that was noted; empty if none was.
    pub fn client(&self) -> &str {
        self.0.get().map(String::as_str).unwrap_or_default()
    }
}

/// Returns the error code of the log line for an answer that sends none: the name of its status, such as `not_found`.
pub fn name(status: StatusCode) -> String {
    if status == StatusCode::BAD_REQUEST {
        return Code::InvalidRequest.as_str().to_owned();
    }
    status.canonical_reason().unwrap_or("error").to_lowercase().replace([' ', '-'], "_")
}
