//! What happens between an authorization request and its answer: sign-in, choice of account, new password, consent.

pub mod answer;
pub mod next;
pub mod request;
pub mod sign_out;
pub mod waiting;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::authorization_request::{AuthorizationRequest, ResponseTarget};
use crate::oauth::error::ErrorResponse;

/// An authorization request, or the reason why it is refused.
///
/// A client that registered itself is told of a refusal only when somebody is signed in: otherwise any stranger could use this
/// issuer to send people to another site (RFC 9700 §4.11.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckedRequest {
    /// The request passed all checks that need neither the database nor the person.
    Valid(Box<AuthorizationRequest>),
    /// The request is refused with this error.
    Invalid(ErrorResponse),
}

/// An authorization request together with what the person has done about it so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Interaction {
    /// The client that sent the request.
    pub client_id: String,
    /// How the answer reaches the client.
    pub target: ResponseTarget,
    /// What the client asked for.
    pub request: CheckedRequest,
    /// When the request arrived, in Unix seconds.
    pub created_at: UnixSeconds,
    /// The user that `id_token_hint` or the `claims` parameter names.
    pub hinted_user: Option<Uuid>,
    /// The person must prove again who they are, even if they are signed in.
    pub sign_in_due: bool,
    /// The person must choose an account.
    pub choice_due: bool,
    /// The session in which somebody signed in for this request.
    pub signed_in: Option<String>,
    /// The user who consented to this request.
    pub consented_by: Option<Uuid>,
}

impl Interaction {
    /// Records that somebody signed in for this request, in the session `sid`.
    pub fn note_sign_in(&mut self, sid: &str) {
        self.choice_due = false;
        self.signed_in = Some(sid.to_owned());
    }
}
