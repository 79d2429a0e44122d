//! The resource that a request for tokens names: in `resource` (RFC 8707 §2), or in `audience`, as clients of Auth0 do.

use crate::app::App;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::Form;
use crate::store::clients::Client;
use crate::store::resources::Resource;
use crate::tokens::audience::target;

/// Returns the resource that `form` names; `None` if it names none. Fails with `invalid_target` if `resource` names one that does not exist
/// or that `client` may not get tokens for.
pub async fn named(app: &App, client: &Client, form: &Form) -> Result<Option<Resource>, OAuthError> {
    match form.get("resource") {
        Some(identifier) => target(app, client, identifier).await.map(Some),
        None => by_audience(app, client, form).await,
    }
}

/// Returns the resource that the parameter `audience` names. The parameter is not of OAuth, and clients send other things in it too, so one
/// that names no resource of `client` is ignored and logged.
pub async fn by_audience(app: &App, client: &Client, form: &Form) -> Result<Option<Resource>, OAuthError> {
    let Some(identifier) = form.get("audience") else { return Ok(None) };
    match target(app, client, identifier).await {
        Err(error) if error.code == Code::InvalidTarget => {
            let audience: String = identifier.chars().take(200).collect();
            tracing::info!(client = client.id, audience, "the parameter audience is ignored, because it names no resource of this client");
            Ok(None)
        }
        found => found.map(Some),
    }
}
