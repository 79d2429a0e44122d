//! `/api/v1/registration-tokens`: initial access tokens, with which clients register themselves.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::registration_tokens::{self, NewRegistrationToken, RegistrationTokenView};
use crate::api::access::Access;
use crate::api::message::{Answer, Body, shown};
use crate::clock::UnixSeconds;

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRegistrationToken)]
pub struct NewTokenBody {
    /// The number of registrations that the token is good for.
    pub uses: i32,
    /// Seconds until the token expires.
    pub lifetime: UnixSeconds,
}

/// A new token, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegistrationToken)]
pub struct TokenBody {
    pub token: String,
    #[serde(flatten)]
    pub view: RegistrationTokenView,
}

pub(super) async fn issue(access: Access, Body(NewTokenBody { uses, lifetime }): Body<NewTokenBody>) -> Answer {
    let token = NewRegistrationToken::check(uses, lifetime)?;
    let issued = access.change(move |change| Box::pin(registration_tokens::issue(change, token))).await?;
    // No URL shows the token again, so the answer is not 201, which would name one (RFC 9110 §15.3.2).
    Ok(shown(TokenBody { token: issued.token, view: issued.view }))
}
