//! The steps between an authorization request and its answer: sign-in, choice of account, new password and consent.

pub mod answer;
pub mod next;
pub mod request;
pub mod sealed;
pub mod sign_out;
pub mod waiting;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::authorization_request::{AuthorizationRequest, ResponseTarget};
use crate::oauth::error::ErrorResponse;

/// An authorization request, or the reason why it is refused.
///
/// A client that registered itself is sent such a refusal only if a user is signed in. Otherwise any stranger could register a client and
/// send users to another site by a link to this issuer (RFC 9700 §4.11.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckedRequest {
    /// The request passed all checks that do not depend on the user.
    Valid(Box<AuthorizationRequest>),
    /// The request is refused with this error.
    Invalid(ErrorResponse),
}

/// An authorization request, together with the steps that the user has completed for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Interaction {
    pub client_id: String,
    /// Where and how the answer is sent to the client.
    pub target: ResponseTarget,
    /// The parameters of the request, or the reason why it is refused.
    pub request: CheckedRequest,
    /// Unix seconds at which the request arrived.
    pub created_at: UnixSeconds,
    /// The user that `id_token_hint` or the `claims` parameter names. The request is granted for no other user.
    pub hinted_user: Option<Uuid>,
    /// The user must sign in for this request, even if they have a session.
    pub sign_in_due: bool,
    /// The user must still choose an account.
    pub choice_due: bool,
    /// The `sid` of the session in which a user signed in for this request.
    pub signed_in: Option<String>,
    /// The user who signed in for this request, or who was chosen for it. It is answered for no other user before they are asked.
    pub user: Option<Uuid>,
    /// The user who has consented to this request. The consent does not count for another user.
    pub consented_by: Option<Uuid>,
}

impl Interaction {
    /// Records that `user` signed in for this request, in the session `sid`. Signing in also settles the choice of account.
    pub fn note_sign_in(&mut self, sid: &str, user: Uuid) {
        self.choice_due = false;
        self.signed_in = Some(sid.to_owned());
        self.user = Some(user);
    }

    /// Records that `user`, who is signed in, was chosen for this request.
    pub fn note_choice(&mut self, user: Uuid) {
        self.choice_due = false;
        self.signed_in = None;
        self.user = Some(user);
    }

    /// Returns whether the person must be asked for which account the request is: because the client wants it, or because another user than
    /// the one who began it has signed in meanwhile, in another tab.
    pub fn needs_choice(&self, user: Uuid) -> bool {
        self.choice_due || self.user.is_some_and(|own| own != user)
    }
}
