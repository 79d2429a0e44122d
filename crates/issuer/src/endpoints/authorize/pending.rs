//! An authorization request on its way: what the client asked, and what the person has done about it so far. It waits in
//! the browser in which it was begun, so nobody can prepare one for another person or finish one that is not theirs.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::error::OAuthError;
use crate::oauth::authorization_request::{AuthorizationRequest, ReplyTo};

/// The request itself, or why it was refused. The refusal of a client that registered itself is told only when somebody
/// is signed in: else any stranger could make this issuer send people on (RFC 9700 §4.11.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// It is good so far.
    Request(Box<AuthorizationRequest>),
    /// It is refused.
    Refusal(Refusal),
}

/// An error as the client is told it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refusal {
    /// The word of the specifications.
    pub error: String,
    /// Help for the client's developer.
    pub description: String,
}

impl From<&OAuthError> for Refusal {
    fn from(error: &OAuthError) -> Self {
        Self { error: error.code.as_str().to_owned(), description: error.safe_description() }
    }
}

/// A request that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending {
    /// From which client.
    pub client_id: String,
    /// Where the answer goes.
    pub reply: ReplyTo,
    /// What is asked.
    pub ask: Ask,
    /// When it came, in Unix seconds.
    pub created_at: UnixSeconds,
    /// The user that `id_token_hint` or the `claims` parameter names.
    pub hinted_user: Option<Uuid>,
    /// The person must show their password, even if they are signed in.
    pub sign_in_due: bool,
    /// The person must say which account.
    pub choice_due: bool,
    /// The session in which somebody signed in for this request.
    pub signed_in: Option<String>,
    /// The user who consented to this request.
    pub consented_by: Option<Uuid>,
}

impl Pending {
    /// Notes that somebody signed in for this request, in the session `sid`.
    pub fn note_sign_in(&mut self, sid: &str) {
        self.choice_due = false;
        self.signed_in = Some(sid.to_owned());
    }
}
