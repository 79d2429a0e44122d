//! What the log line of a refused request says about it.

use crate::oauth::error::OAuthError;

/// The most characters of a client id that a log line repeats, since a stranger may have typed it.
const MAX_CLIENT: usize = 100;

/// The extension of a response that refuses a request, also of one that redirects to the client with the error.
#[derive(Debug, Clone, Default)]
pub struct Refusal {
    /// The error code that was sent; empty if none was.
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
            self.client = client.chars().filter(|c| !c.is_control()).take(MAX_CLIENT).collect();
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
