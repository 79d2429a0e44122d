//! Changes to a registered resource and to the scopes that it owns. Everything may change but its identifier.

use std::collections::BTreeSet;

use crate::admin::preview::Subject;
use crate::admin::resources::{
    ResourceView, ScopeView, check_group_prefix, check_lifetime, check_scopes, owned_by_others, read, removable,
};
use crate::admin::{Change, Fault, Faults, Operation, Refused, check_name};
use crate::audit::{Action, Object};
use crate::clock::UnixSeconds;
use crate::oauth::access_token_typ::AccessTokenTyp;
use crate::oauth::token_claim::TokenClaim;
use crate::store::resources::{self, ResourceRow, ScopeRow};
use crate::store::{StoreError, scope_changes};

/// The changes of a resource; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names are those of the view")]
pub struct ResourcePatch {
    pub name: Option<String>,
    pub scopes: Option<ScopesPatch>,
    /// Seconds; `Some(None)` stands for the setting `access_token_lifetime`.
    pub token_lifetime: Option<Option<UnixSeconds>>,
    pub open: Option<bool>,
    pub access_token_typ: Option<AccessTokenTyp>,
    pub token_claims: Option<Vec<TokenClaim>>,
    pub group_prefix: Option<String>,
}

/// A change of the scopes that a resource owns. An empty description leaves a scope the one that it has; that of a new scope is then its name.
#[derive(Debug, Clone)]
pub enum ScopesPatch {
    /// These scopes take the place of all that the resource owns.
    All(Vec<ScopeView>),
    /// Some scopes change, and the others stay.
    Some {
        /// The scopes that are added. One that the resource owns already gets the description.
        put: Vec<ScopeView>,
        /// The names of the scopes that are removed. The resource must own them.
        remove: Vec<String>,
    },
}

impl ScopesPatch {
    /// Returns the scopes of a resource that owned `before`, in the order of their names. Those that are to be removed and are not there are
    /// among `faults`.
    fn apply(self, before: &[ScopeView], faults: &mut Faults) -> Vec<ScopeView> {
        let mut scopes = match self {
            Self::All(scopes) => scopes,
            Self::Some { put, remove } => {
                let is_there = |name: &String| before.iter().any(|scope| scope.name == *name);
                for unknown in remove.iter().filter(|name| !is_there(name)) {
                    let own = before.iter().map(|scope| scope.name.as_str()).collect::<Vec<_>>().join(" ");
                    let expected = format!("one of the scopes of the resource ({own}) to remove; found {unknown}");
                    faults.add(Fault::new("scopes", expected).of_item(unknown));
                }
                let replaced = |name: &String| remove.contains(name) || put.iter().any(|scope| scope.name == *name);
                before.iter().filter(|scope| !replaced(&scope.name)).cloned().chain(put.iter().cloned()).collect()
            }
        };
        for scope in scopes.iter_mut().filter(|scope| scope.description.is_empty()) {
            let same = before.iter().find(|earlier| earlier.name == scope.name);
            scope.description = same.map_or(&scope.name, |same| &same.description).clone();
        }
        scopes.sort_by(|one, other| one.name.cmp(&other.name));
        scopes
    }
}

impl ResourcePatch {
    /// Returns whom this change of the resource `before` concerns.
    pub fn subject(&self, before: &ResourceView) -> Subject {
        // A change that cannot be made is refused by itself.
        let scopes = self.scopes.clone().map(|scopes| scopes.apply(&before.scopes, &mut Faults::default()));
        let after = scopes.unwrap_or_else(|| before.scopes.clone());
        Subject::Resource {
            identifier: before.identifier.clone(),
            removed: removed(&before.scopes, &after),
            closes: before.open && self.open == Some(false),
        }
    }
}

/// Returns whom the removal of the resource `before` concerns.
pub fn subject_of_removal(before: &ResourceView) -> Subject {
    let removed = before.scopes.iter().map(|scope| scope.name.clone()).collect();
    Subject::Resource { identifier: before.identifier.clone(), removed, closes: true }
}

/// Returns the names of those of the scopes `before` that are not among `after`.
fn removed(before: &[ScopeView], after: &[ScopeView]) -> Vec<String> {
    let kept: BTreeSet<&str> = after.iter().map(|scope| scope.name.as_str()).collect();
    before.iter().filter(|scope| !kept.contains(scope.name.as_str())).map(|scope| scope.name.clone()).collect()
}

/// Returns whether the access tokens of the resource `after` tell more of people than those of `before`.
fn tells_more(before: &ResourceView, after: &ResourceView) -> bool {
    let other_groups = after.token_claims.contains(&TokenClaim::Groups) && !after.group_prefix.starts_with(&before.group_prefix);
    other_groups || after.token_claims.iter().any(|claim| !before.token_claims.contains(claim))
}

/// Changes a registered resource. Does nothing if it has the values already. A scope that is removed is taken from roles, clients, consents
/// and authorizations too, and the access tokens that hold it are refused.
pub async fn edit(change: &mut Change<'_>, identifier: &str, patch: ResourcePatch) -> Result<ResourceView, Refused> {
    change.require(Operation::ResourceEdit)?;
    let (app, db) = (change.app, &change.transaction);
    let resource = removable(change, identifier).await?;
    if !resources::hold(db, &resource.id).await? {
        return Err(Refused::not_found("resource", identifier));
    }
    let row = resources::row(db, &resource.id).await?.ok_or_else(|| Refused::not_found("resource", identifier))?;
    let mut before = read(app, db, &resource.id).await?.ok_or_else(|| Refused::not_found("resource", identifier))?;
    // PostgreSQL may put the names into another order.
    before.scopes.sort_by(|one, other| one.name.cmp(&other.name));
    change.require_version(before.version)?;
    let mut faults = Faults::default();
    let scopes = patch.scopes.map_or_else(|| before.scopes.clone(), |scopes| scopes.apply(&before.scopes, &mut faults));
    let row = ResourceRow {
        name: patch.name.unwrap_or(row.name),
        token_lifetime: patch.token_lifetime.unwrap_or(row.token_lifetime),
        open: patch.open.unwrap_or(row.open),
        access_token_typ: patch.access_token_typ.map_or(row.access_token_typ, |typ| typ.as_str().to_owned()),
        token_claims: patch.token_claims.map_or(row.token_claims, |claims| TokenClaim::list(&claims)),
        group_prefix: patch.group_prefix.unwrap_or(row.group_prefix),
        ..row
    };
    let owned: Vec<ScopeRow> =
        scopes.into_iter().map(|ScopeView { name, description }| ScopeRow { name, resource_id: row.id.clone(), description }).collect();
    let after = ResourceView::new(app, &row, owned.iter().cloned());
    if after == before && faults.is_empty() {
        return Ok(before);
    }
    faults.extend(check_name("name", &row.name).err());
    faults.extend(row.token_lifetime.and_then(|seconds| check_lifetime(seconds).err()));
    faults.extend(check_group_prefix(&row.group_prefix).err());
    faults.extend(check_scopes(&after.scopes));
    faults.extend(owned_by_others(change, &row.id, &after.scopes).await?);
    faults.refuse()?;
    let loses_scopes = !removed(&before.scopes, &after.scopes).is_empty();
    if (after.open && !before.open) || tells_more(&before, &after) || loses_scopes {
        change.require_recent()?;
    }
    if after.scopes != before.scopes {
        scope_changes::set(db, &row.id, owned, change.now).await.map_err(taken)?;
    }
    resources::update(db, &row).await?;
    let after = ResourceView { version: before.version + 1, ..after };
    change.record(Action::ResourceChanged, Object::Resource(&resource.id, &after.identifier), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Another change may have taken a name since it was looked up.
fn taken(error: StoreError) -> Refused {
    match error {
        StoreError::Conflict(_) => Refused::Conflict("another resource got one of the scopes at the same moment".to_owned()),
        other => other.into(),
    }
}
