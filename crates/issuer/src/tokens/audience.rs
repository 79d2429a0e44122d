//! The resource that an access token is for (RFC 8707 §2), and the scopes that the token may therefore hold.

use crate::app::App;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::scope::ScopeSet;
use crate::store::clients::Client;
use crate::store::resources::{self, Resource, USERINFO};
use crate::tokens::RequestedResource;

/// Returns the audience of a token: the resource that the request names; otherwise UserInfo if the request asks only for OpenID
/// Connect's scopes; otherwise the default of the authorization, or of the client. If neither the request nor the one with the
/// password named a resource, UserInfo is added if its scopes are granted too. Fails with `invalid_target` if there is no default.
pub fn audience(resource: &RequestedResource, requested: &ScopeSet, client: &Client) -> Result<Vec<Resource>, OAuthError> {
    if let RequestedResource::Named(resource) = resource {
        return Ok(vec![resource.clone()]);
    }
    let oidc = requested.filtered(|name| owner(client, name) == Some(USERINFO));
    if !requested.is_empty() && oidc == *requested {
        return Ok(vec![Resource::userinfo()]);
    }
    let default = match resource {
        RequestedResource::Default(resource) | RequestedResource::Alone(resource) => Some(resource),
        RequestedResource::Named(_) | RequestedResource::None => client.default_resource.as_ref(),
    };
    let Some(default) = default.cloned() else {
        return Err(OAuthError::new(Code::InvalidTarget, "resource: name the resource that the token is for; this client has no default"));
    };
    let is_alone = matches!(resource, RequestedResource::Alone(_));
    let beside = (!oidc.is_empty() && default.id != USERINFO && !is_alone).then(Resource::userinfo);
    Ok(std::iter::once(default).chain(beside).collect())
}

/// Returns `true` if `granted` contains a scope of `resource`. A token must not be for a resource of which nothing was granted.
pub fn is_granted(resource: &Resource, granted: &ScopeSet, client: &Client) -> bool {
    granted.iter().any(|name| owner(client, name) == Some(&resource.id))
}

/// Returns the error for `resource`, of which nothing was granted. It says what the developer of the client or the operator can do, which
/// depends on whether the resource owns any scope.
pub async fn nothing_granted(app: &App, resource: &Resource) -> OAuthError {
    let identifier = resource.identifier(&app.settings.issuer);
    let description = match resources::scopes_of(app.store.reader(), std::iter::once(resource.id.as_str())).await {
        Ok(owned) if owned.is_empty() => format!(
            "resource: {identifier} owns no scopes, so the user must allow it by its name on the consent page; send resource to the \
             authorization endpoint together with a scope such as openid, and with prompt=consent if the client is first-party"
        ),
        Ok(_) => format!(
            "resource: no scope of {identifier} was granted; name one of its scopes in scope, or another resource in resource; \
             the client must be registered for the scope, and the roles of a user must hold it"
        ),
        Err(error) => return error.into(),
    };
    OAuthError::new(Code::InvalidTarget, description)
}

/// Returns the scopes of `requested` that the resources of `audience` own.
pub fn owned(requested: &ScopeSet, audience: &[Resource], client: &Client) -> ScopeSet {
    requested.filtered(|name| owner(client, name).is_some_and(|owner| audience.iter().any(|resource| resource.id == owner)))
}

/// Returns the resource `identifier`. Fails with `invalid_target` if it does not exist, or if `client` may not get tokens for it.
pub async fn target(app: &App, client: &Client, identifier: &str) -> Result<Resource, OAuthError> {
    let found = resources::by_identifier(app.store.reader(), identifier, &app.settings.issuer).await?;
    let refused = match found {
        Some(resource) if may_target(client, &resource) => return Ok(resource),
        Some(_) => {
            "resource: this client may ask for no scope of it; register the client for one of its scopes, if it has any, or open the resource to all clients"
        }
        None => "resource: it does not exist; send the identifier as it was registered, such as https://orders.example",
    };
    Err(OAuthError::new(Code::InvalidTarget, refused))
}

/// Returns whether `client` may get tokens for `resource`: it must be open, or the client's own.
fn may_target(client: &Client, resource: &Resource) -> bool {
    resource.open || is_own(client, resource)
}

/// Returns whether `resource` is the client's default, or owns a scope for which the client is registered.
pub fn is_own(client: &Client, resource: &Resource) -> bool {
    let is_default = client.default_resource.as_ref().is_some_and(|default| default.id == resource.id);
    is_default || client.scopes.iter().any(|allowed| allowed.resource_id == resource.id && !allowed.by_openness)
}

fn owner<'c>(client: &'c Client, scope: &str) -> Option<&'c str> {
    client.scopes.iter().find(|allowed| allowed.name == scope).map(|allowed| allowed.resource_id.as_str())
}
