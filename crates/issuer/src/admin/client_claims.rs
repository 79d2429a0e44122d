//! Operations on the claims that a client gets beside those of its scopes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::admin::{Change, Fault, Faults, Operation, Reading, Refused};
use crate::app::App;
use crate::audit::{Action, Object};
use crate::oauth::claim_name;
use crate::oauth::client_claim::{ClaimSource, ClientClaim, MAX_FIXED_BYTES, TRUSTED_CLAIMS, USER_FIELDS};
use crate::oauth::json::{MAX_EXACT, is_exact};
use crate::oauth::standard_claims::CLAIMS;
use crate::store::client_groups::UseRow;
use crate::store::{ConnectionTrait, attributes, client_claims, clients, groups};

/// The largest number of claims of a client.
const MAX_CLAIMS: usize = 50;
/// The largest number of groups in a group map.
const MAX_MAPPED: usize = 200;

/// The claims of a client, as the audit trail records them.
#[derive(Debug, Serialize)]
struct ClientClaims<'a> {
    claims: &'a [ClientClaim],
}

/// Returns the claims of the client `id`, in the order of their names. Fails with [`Refused::NotFound`] if there is no such client.
pub async fn list(reading: &Reading<'_>, id: &str) -> Result<Vec<ClientClaim>, Refused> {
    claims_of(reading.permit(Operation::ClientClaimList)?, id).await
}

/// Returns the claim `claim` of the client `id`. Fails with [`Refused::NotFound`] if there is no such client, or if it has no such claim.
pub async fn show(reading: &Reading<'_>, id: &str, claim: &str) -> Result<ClientClaim, Refused> {
    let claims = claims_of(reading.permit(Operation::ClientClaimShow)?, id).await?;
    claims.into_iter().find(|own| own.claim == claim).ok_or_else(|| Refused::not_found("claim", claim))
}

async fn claims_of(app: &App, id: &str) -> Result<Vec<ClientClaim>, Refused> {
    let db = app.store.reader();
    clients::row(db, id).await?.ok_or_else(|| Refused::not_found("client", id))?;
    Ok(client_claims::of_client(db, id).await?)
}

/// Checks what needs no rows: the name of the claim, the length of fixed values, and that nothing a person or an administrator types
/// becomes a claim that applications trust.
fn check(claim: &ClientClaim) -> Result<(), Refused> {
    let mut faults = Vec::new();
    if let Err(error) = claim_name::check(&claim.claim) {
        faults.push(Fault::new("claim", error.to_string()).found(&claim.claim));
    }
    let too_long = |value: &Value| value.to_string().len() > MAX_FIXED_BYTES;
    let at_most = || format!("at most {MAX_FIXED_BYTES} bytes of JSON");
    let exact =
        || format!("numbers from -{MAX_EXACT} to {MAX_EXACT}, because readers of JSON lose digits of others; write such a one as a text");
    match &claim.source {
        ClaimSource::User { field } => {
            let known =
                USER_FIELDS.contains(&field.as_str()) || CLAIMS.iter().any(|(name, scope)| name == field && !is_about_groups(scope));
            if !known {
                let fields = USER_FIELDS
                    .into_iter()
                    .chain(CLAIMS.iter().map(|(name, _)| *name).filter(|name| !is_about_groups(name) && !USER_FIELDS.contains(name)));
                faults.push(Fault::new("field", format!("one of {}", fields.collect::<Vec<_>>().join(", "))).found(field));
            }
        }
        ClaimSource::Fixed { value } => {
            if too_long(value) {
                faults.push(Fault::new("value", at_most()));
            }
            if !is_exact(value) {
                faults.push(Fault::new("value", exact()));
            }
        }
        ClaimSource::GroupMap { map, default } => {
            if map.is_empty() || map.len() > MAX_MAPPED {
                faults.push(Fault::new("map", format!("1 to {MAX_MAPPED} groups with their values")).found(map.len()));
            }
            let long = map.iter().enumerate().filter(|(_, entry)| too_long(&entry.value));
            faults.extend(long.map(|(index, entry)| {
                let found = format!("a longer one for {}", entry.group);
                Fault::new("map", format!("values of {}", at_most())).found(found).at(format!("/map/{index}/value"))
            }));
            let inexact = map.iter().enumerate().filter(|(_, entry)| !is_exact(&entry.value));
            faults.extend(inexact.map(|(index, _)| Fault::new("map", exact()).at(format!("/map/{index}/value"))));
            faults.extend(default.as_ref().filter(|value| too_long(value)).map(|_| Fault::new("default", at_most())));
            faults.extend(default.as_ref().filter(|value| !is_exact(value)).map(|_| Fault::new("default", exact())));
        }
        ClaimSource::Attribute { .. } | ClaimSource::Groups | ClaimSource::Roles => {}
    }
    // An unknown field is said to be unknown, and nothing else.
    if faults.iter().all(|fault| fault.field != "field")
        && let Err((field, expected)) = claim.source.check_trusted(&claim.claim)
    {
        faults.push(match &claim.source {
            ClaimSource::GroupMap { default: Some(default), .. } if field == "default" => Fault::new(field, expected).found(default),
            _ => Fault::new(field, expected).found(&claim.claim),
        });
    }
    if !claim.in_id_token && !claim.in_userinfo {
        faults.push(Fault::new("in_userinfo", "true, or in_id_token true; otherwise the client never gets the claim"));
    }
    if faults.is_empty() { Ok(()) } else { Err(Refused::Invalid(faults)) }
}

fn is_about_groups(name: &str) -> bool {
    matches!(name, "groups" | "roles")
}

/// The claims of a client after a change.
#[derive(Debug)]
pub struct Changed {
    /// The name of the client.
    pub client_name: String,
    /// All claims of the client.
    pub claims: Vec<ClientClaim>,
    /// The version of the client.
    pub version: i32,
}

/// Gives the client `id` a claim. Fails with [`Refused::Taken`] if it has one of this name.
pub async fn add(change: &mut Change<'_>, id: &str, claim: ClientClaim) -> Result<Changed, Refused> {
    change.require(Operation::ClientClaimPut)?;
    let own = hold(change, id).await?.into_iter().find(|own| own.claim == claim.claim);
    let added = put(change, id, claim).await;
    let Some(own) = own else { return added };
    let mut faults = Faults::default();
    faults.keep(added)?;
    faults.with(Err(Refused::taken("claim", format!("the client {id} has the claim {} already", own.claim))))
}

/// Gives the client `id` a claim, in place of an earlier one of the same name. Returns all claims that the client then has.
pub async fn put(change: &mut Change<'_>, id: &str, claim: ClientClaim) -> Result<Changed, Refused> {
    change.require(Operation::ClientClaimPut)?;
    let mut faults = Faults::default();
    faults.keep(check(&claim))?;
    // Locked before the client, in the order that is stated in store/mod.rs, so that the attribute is not removed meanwhile.
    let declared = match &claim.source {
        ClaimSource::Attribute { attribute } => attributes::lock(&change.transaction, attribute).await?,
        _ => None,
    };
    let before = hold(change, id).await?;
    let db = &change.transaction;
    if before.len() >= MAX_CLAIMS && !before.iter().any(|own| own.claim == claim.claim) {
        return Err(Refused::Conflict(format!("the client {id} has {MAX_CLAIMS} claims already, which is the largest number")));
    }
    let mut mapped = BTreeMap::<String, Uuid>::new();
    match &claim.source {
        ClaimSource::Attribute { attribute } => {
            let is_trusted = TRUSTED_CLAIMS.contains(&claim.claim.as_str());
            if declared.as_ref().is_some_and(|row| row.mutability == "user") && is_trusted {
                let expected = format!("another name; applications trust this claim, and people may edit the attribute {attribute}");
                faults.add(Fault::new("claim", expected));
            }
            if declared.is_none() {
                faults.add(Fault::new("attribute", format!("a declared attribute; there is no attribute {attribute}")));
            }
        }
        ClaimSource::GroupMap { map, .. } => {
            for (index, entry) in map.iter().enumerate() {
                let row = groups::by_name(db, &entry.group).await?;
                let fault = |expected: String| Fault::new("map", expected).of_member(index).of_member("group");
                match row.map(|row| row.id) {
                    None => faults.add(fault(format!("names of groups; there is no group {}", entry.group))),
                    Some(id) if mapped.values().any(|earlier| *earlier == id) => {
                        faults.add(fault(format!("each group once; the group {} is named twice", entry.group)));
                    }
                    Some(id) => drop(mapped.insert(entry.group.clone(), id)),
                }
            }
        }
        _ => {}
    }
    faults.refuse()?;
    client_claims::put(db, id, &claim, &mapped).await?;
    changed(change, id, before).await
}

/// A claim that was taken from a client.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ClaimRemoval {
    pub client_id: String,
    pub client_name: String,
    /// The claim as it was.
    #[serde(flatten)]
    pub claim: ClientClaim,
    /// The scope that gives the client a claim of the same name, which it now gets in the place of the one that was taken; `None` if none does.
    pub by_scope: Option<String>,
    /// The claims that are left.
    #[serde(skip)]
    pub left: Vec<ClientClaim>,
}

impl ClaimRemoval {
    /// Says what the application loses, and where the value comes from.
    pub fn in_words(&self) -> String {
        let ClientClaim { claim, source, .. } = &self.claim;
        let (name, places, source) = (&self.client_name, self.claim.places(), source.in_words());
        let lost = format!("{name} no longer gets the claim {claim} in {places}. Its value comes from {source}.");
        match &self.by_scope {
            Some(scope) => {
                format!("{lost} Where the scope {scope} is granted, it gets the claim of this name that the scope gives instead.")
            }
            None => lost,
        }
    }
}

/// Takes the claim `claim` from the client `id`. Fails with [`Refused::NotFound`] if the client has no such claim.
pub async fn remove(change: &mut Change<'_>, id: &str, claim: &str) -> Result<ClaimRemoval, Refused> {
    change.require(Operation::ClientClaimRemove)?;
    let before = hold(change, id).await?;
    let lost = before.iter().find(|own| own.claim == claim).cloned().ok_or_else(|| Refused::not_found("claim", claim))?;
    let db = &change.transaction;
    client_claims::remove(db, id, claim).await?;
    let by_scope = scope_giving(db, id, claim).await?;
    let Changed { claims: left, client_name, .. } = changed(change, id, before).await?;
    Ok(ClaimRemoval { client_id: id.to_owned(), client_name, claim: lost, by_scope, left })
}

/// Returns the scope that gives the client `id` a claim of the name `claim`, if the client may ask for it.
async fn scope_giving(db: &impl ConnectionTrait, id: &str, claim: &str) -> Result<Option<String>, Refused> {
    let standard = CLAIMS.iter().find(|(name, _)| *name == claim).map(|(_, scope)| (*scope).to_owned());
    let scope = match standard {
        Some(scope) => Some(scope),
        None => attributes::row(db, claim).await?.and_then(|attribute| attribute.scope),
    };
    let own = clients::scopes_of(db, &[id]).await?;
    Ok(scope.filter(|scope| own.values().flatten().any(|own| own == scope)))
}

/// A claim of a client that comes from an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ClaimOfClient {
    pub client_id: String,
    pub client_name: String,
    pub claim: String,
}

impl ClaimOfClient {
    fn of(row: UseRow) -> Self {
        Self { client_id: row.client_id, client_name: row.client_name, claim: row.detail }
    }
}

/// Returns up to `limit` claims that come from the attribute `name`, in the order of the ids of their clients.
pub async fn of_attribute(reading: &Reading<'_>, name: &str, limit: u32) -> Result<Vec<ClaimOfClient>, Refused> {
    let app = reading.permit(Operation::AttributeShow)?;
    Ok(client_claims::of_attribute(app.store.reader(), name, limit).await?.into_iter().map(ClaimOfClient::of).collect())
}

/// Takes the claims that come from the attribute `name` from their clients, because the attribute is about to be removed: another attribute of
/// the same name must not become these claims. The caller has locked the attribute, so that no client gets another such claim. Returns them.
pub(super) async fn remove_of_attribute(change: &mut Change<'_>, name: &str) -> Result<Vec<ClaimOfClient>, Refused> {
    let claims = client_claims::of_attribute(&change.transaction, name, u32::MAX).await?;
    let clients: BTreeSet<&str> = claims.iter().map(|row| row.client_id.as_str()).collect();
    for id in clients {
        let before = hold_any(change, id).await?;
        for row in claims.iter().filter(|row| row.client_id == *id) {
            client_claims::remove(&change.transaction, id, &row.detail).await?;
        }
        changed(change, id, before).await?;
    }
    Ok(claims.into_iter().map(ClaimOfClient::of).collect())
}

/// Locks the client `id`, which must have the version that the actor has seen, and returns its claims before a change.
async fn hold(change: &Change<'_>, id: &str) -> Result<Vec<ClientClaim>, Refused> {
    let before = hold_any(change, id).await?;
    let row = clients::row(&change.transaction, id).await?.ok_or_else(|| Refused::not_found("client", id))?;
    change.require_version(row.version)?;
    Ok(before)
}

/// Does what [`hold`] does, whatever the version of the client.
async fn hold_any(change: &Change<'_>, id: &str) -> Result<Vec<ClientClaim>, Refused> {
    let db = &change.transaction;
    if !clients::hold(db, id).await? {
        return Err(Refused::not_found("client", id));
    }
    let scopes = clients::scopes_of(db, &[id]).await?;
    change.require_over_client(scopes.values().flatten().map(String::as_str))?;
    Ok(client_claims::of_client(db, id).await?)
}

async fn changed(change: &mut Change<'_>, id: &str, before: Vec<ClientClaim>) -> Result<Changed, Refused> {
    let after = client_claims::of_client(&change.transaction, id).await?;
    if after != before {
        clients::count_change(&change.transaction, id).await?;
        let (before, after) = (ClientClaims { claims: &before }, ClientClaims { claims: &after });
        change.record(Action::ClientClaimsChanged, Object::Client(id), Some(&before), Some(&after)).await?;
    }
    let client = clients::row(&change.transaction, id).await?.ok_or_else(|| Refused::not_found("client", id))?;
    Ok(Changed { client_name: client.client_name, claims: after, version: client.version })
}
