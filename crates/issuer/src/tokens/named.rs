//! The resource that a request for tokens names: in `resource` (RFC 8707 §2), or in `audience`, as clients of Auth0 do.

use crate::app::App;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::Form;
use crate::oauth::plain_text::as_found;
use crate::store::clients::Client;
use crate::store::resources::Resource;
use crate::tokens::audience::{is_own, target};

/// Returns the resource that `form` names; `None` if it names none. Fails with `invalid_target` if `resource` names one that does not exist
/// or that `client` may not get tokens for. `granted` holds the scopes that the request asks for if it names none.
pub async fn named(app: &App, client: &Client, form: &Form, granted: Option<&str>) -> Result<Option<Resource>, OAuthError> {
    match form.get("resource") {
        Some(identifier) => target(app, client, identifier).await.map(Some),
        None => by_audience(app, client, form, granted).await,
    }
}

/// Returns the resource that the parameter `audience` names. The parameter is not of OAuth, and clients send other things in it too, so one
/// that names no resource of `client` is ignored and logged. So is a resource that is only open to all clients, if the request asks for
/// other scopes: nothing of it would be granted, and the request would fail because of a parameter that other servers do not read.
pub async fn by_audience(app: &App, client: &Client, form: &Form, granted: Option<&str>) -> Result<Option<Resource>, OAuthError> {
    let Some(identifier) = form.get("audience") else { return Ok(None) };
    match target(app, client, identifier).await {
        Ok(resource) if is_own(client, &resource) || asks_for(client, &resource, form.get("scope").or(granted)) => Ok(Some(resource)),
        Err(error) if error.code != Code::InvalidTarget => Err(error),
        Ok(_) | Err(_) => {
            let audience = as_found(identifier);
            tracing::info!(client = client.id, audience, "the parameter audience is ignored, because it names no resource of this client");
            Ok(None)
        }
    }
}

/// Returns whether a request for `scope` can be for `resource`: if it names no scope, or one of the resource.
fn asks_for(client: &Client, resource: &Resource, scope: Option<&str>) -> bool {
    let Some(scope) = scope else { return true };
    client.scopes.iter().any(|allowed| allowed.resource_id == resource.id && scope.split(' ').any(|name| name == allowed.name))
}
