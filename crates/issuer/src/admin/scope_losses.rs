//! The roles and clients that lose a scope by a change of the resource that owns it, for the preview of that change.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::Refused;
use crate::oauth::scope::words;
use crate::store::authorizations::Standing;
use crate::store::{ConnectionTrait, resources, scope_changes};

/// A scope that roles and clients would lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ScopeLoss {
    /// The name of the scope.
    pub scope: String,
    /// The number of roles that hold it and would no longer, of those that were read.
    pub role_count: usize,
    /// The names of the first 20 of them.
    pub roles: Vec<String>,
    /// The number of clients that may ask for it and could no longer, of those that were read. Of those that may ask for it only because the
    /// resource is open, the ones are counted whose authorizations were examined.
    pub client_count: usize,
    /// The ids of the first 20 of them.
    pub clients: Vec<String>,
}

/// The roles that hold each of some scopes, and the clients that may ask for it.
#[derive(Debug)]
pub(super) struct Holders(BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>);

impl Holders {
    /// Reads up to `limit` roles and `limit` clients for each of `scopes`. Any client may ask for a scope of an open resource; of these the
    /// ones count that the authorizations `given` belong to.
    pub(super) async fn of(db: &impl ConnectionTrait, scopes: &[String], given: &[Standing], limit: usize) -> Result<Self, Refused> {
        let known = resources::known_scopes(db, scopes).await?;
        let owners = resources::by_ids(db, known.iter().map(|scope| scope.resource_id.as_str())).await?;
        let limit = limit as u64;
        let mut holders = BTreeMap::new();
        for scope in known {
            let roles = scope_changes::roles_with(db, &scope.name, limit).await?.into_iter().collect();
            let mut clients: BTreeSet<String> = scope_changes::clients_with(db, &scope.name, limit).await?.into_iter().collect();
            if owners.get(&scope.resource_id).is_some_and(|owner| owner.open) {
                let holding = given.iter().filter(|given| words(&given.scope).any(|word| word == scope.name));
                clients.extend(holding.map(|given| given.client_id.clone()));
            }
            holders.insert(scope.name, (roles, clients));
        }
        Ok(Self(holders))
    }

    /// Returns what these lose if they become `after`, with up to `named` names each. A scope that nobody loses is left out unless it is
    /// removed.
    pub(super) fn losses(&self, after: &Self, named: usize) -> Vec<ScopeLoss> {
        let none = (BTreeSet::new(), BTreeSet::new());
        let first = |names: &BTreeSet<&String>| names.iter().take(named).map(|name| (*name).clone()).collect();
        let loss = |(scope, (roles, clients)): (&String, &(BTreeSet<String>, BTreeSet<String>))| {
            let left = after.0.get(scope);
            let (kept_roles, kept_clients) = left.unwrap_or(&none);
            let roles: BTreeSet<&String> = roles.difference(kept_roles).collect();
            let clients: BTreeSet<&String> = clients.difference(kept_clients).collect();
            let (role_count, client_count) = (roles.len(), clients.len());
            let is_loss = left.is_none() || role_count + client_count > 0;
            is_loss.then(|| ScopeLoss { scope: scope.clone(), role_count, roles: first(&roles), client_count, clients: first(&clients) })
        };
        self.0.iter().filter_map(loss).collect()
    }
}
