//! The client credentials grant (RFC 6749 §4.4): a confidential client acts for itself.

use crate::grants::{GrantContext, Settled};
use crate::oauth::error::{Code, OAuthError};
use crate::store::resources::USERINFO;
use crate::tokens::narrow::{default_scopes, narrow};
use crate::tokens::{Authorization, Party};

/// Writes nothing, because the tokens have no authorization and the client was read a moment ago.
#[derive(Debug)]
pub struct Redemption;

pub(super) async fn run(context: GrantContext<'_>) -> Result<(Authorization, Redemption), OAuthError> {
    if context.client.public {
        return Err(OAuthError::new(Code::UnauthorizedClient, "this grant_type is for confidential clients"));
    }
    let requested_scope = context.requested_scope()?;
    let resource = context.named_resource().await?;
    if resource.named().is_some_and(|resource| resource.id == USERINFO) {
        return Err(OAuthError::new(Code::InvalidTarget, "resource: UserInfo is about users, and no user is involved"));
    }
    let requested = requested_scope.clone().unwrap_or_else(|| default_scopes(context.client, resource.named()));
    let granted = narrow(&requested, context.client, None);
    Ok((Authorization { party: Party::Client, granted, requested_scope, resource, nonce: None }, Redemption))
}

impl Redemption {
    #[expect(clippy::unused_async, reason = "the redemptions of the other grants write")]
    pub(super) async fn settle(&self, _: GrantContext<'_>, _: &Authorization) -> Result<Settled, OAuthError> {
        Ok(Settled::Done)
    }
}
