//! The client credentials grant (RFC 6749 §4.4): a confidential client acts for itself. Writes nothing.

use crate::grants::{Claim, GrantContext, Granted};
use crate::oauth::error::{Code, OAuthError};
use crate::store::resources::USERINFO;
use crate::tokens::narrow::{default_scopes, narrow};
use crate::tokens::{Authorization, Party};

pub(super) async fn run(context: GrantContext<'_>) -> Result<Granted, OAuthError> {
    if context.client.public {
        return Err(OAuthError::new(Code::UnauthorizedClient, "this grant_type is for confidential clients"));
    }
    let asked = context.asked_scope()?;
    let resource = context.named_resource().await?;
    if resource.as_ref().is_some_and(|resource| resource.id == USERINFO) {
        return Err(OAuthError::new(Code::InvalidTarget, "resource: UserInfo is about users, and no user is involved"));
    }
    let wanted = asked.clone().unwrap_or_else(|| default_scopes(context.client, resource.as_ref()));
    let granted = narrow(&wanted, context.client, None);
    let authorization = Authorization { party: Party::Client, granted, wanted: asked, resource, default_resource: None, nonce: None };
    Ok(Granted { authorization, claim: Claim::Nothing })
}
