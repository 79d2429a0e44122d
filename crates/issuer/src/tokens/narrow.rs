//! Decides which scopes are granted: requested ∩ allowed to the client ∩ (for a resource's scopes) held by the user's roles. A client that
//! registered itself is not allowed `groups` and `roles` until an administrator allows that. Every client is
//! allowed the scopes of open resources, but only when it acts for a user.

use crate::oauth::scope::{ADMIN_SCOPES, ScopeSet};
use crate::store::clients::Client;
use crate::store::resources::{Resource, USERINFO};
use crate::store::users::User;

/// Returns those scopes of `requested` that `client` gets, acting for `user` or, without one, for itself.
///
/// Every scope of a client exists, because the database takes a scope from all clients when the scope is removed.
pub fn narrow(requested: &ScopeSet, client: &Client, user: Option<&User>) -> ScopeSet {
    requested.filtered(|name| {
        let Some(allowed) = client.scopes.iter().find(|allowed| allowed.name == name) else { return false };
        let is_oidc = allowed.resource_id == USERINFO;
        match user {
            // What is withheld is not granted either, so that no answer says that it was, and the user is asked for it once an administrator
            // has allowed it.
            Some(_) if client.withholds(name) => false,
            // OpenID Connect's scopes are about the users themselves, so they need no role.
            Some(user) => is_oidc || user.scopes.iter().any(|own| own == name),
            None => !is_oidc && !allowed.by_openness,
        }
    })
}

/// Returns the scopes for a request that names none: the client's scopes of `resource`, or of the client's default resource, except
/// those of administration and `offline_access`.
pub fn default_scopes(client: &Client, resource: Option<&Resource>) -> ScopeSet {
    let Some(resource) = resource.or(client.default_resource.as_ref()) else { return ScopeSet::default() };
    let privileged = |name: &str| name == "offline_access" || ADMIN_SCOPES.iter().any(|(admin, _)| *admin == name);
    let own = client.scopes.iter().filter(|allowed| allowed.resource_id == resource.id && !privileged(&allowed.name));
    own.map(|allowed| allowed.name.as_str()).collect()
}
