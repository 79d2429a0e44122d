//! Operations on resources and their scopes.

use std::collections::BTreeMap;

use serde::Serialize;
use signet_verifier::is_scope_token;
use utoipa::ToSchema;

use crate::admin::{Change, Fault, Faults, Listing, Operation, Reading, Refused, Window, check_name};
use crate::app::App;
use crate::audit::{Action, Object};
use crate::clock::UnixSeconds;
use crate::config::MAX_TOKEN_LIFETIME;
use crate::oauth::access_token_typ::AccessTokenTyp;
use crate::oauth::plain_text::is_plain_text;
use crate::oauth::resource_identifier::{comparable, is_allowed, is_same_url};
use crate::oauth::token_claim::TokenClaim;
use crate::store::resources::{self, Resource, ResourceRow, ScopeRow};
use crate::store::{ConnectionTrait, scope_changes};

/// The longest identifier, in bytes. It is limited because every token carries it.
const MAX_IDENTIFIER: usize = 255;
/// The longest name of a scope, in bytes.
const MAX_SCOPE: usize = 128;

/// A scope with its description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ScopeView {
    /// The scope, as tokens carry it.
    pub name: String,
    /// The text by which the consent page explains the scope.
    pub description: String,
}

/// A resource with its scopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ResourceView {
    /// The `aud` of its tokens.
    pub identifier: String,
    /// The name that pages show to people.
    pub name: String,
    /// The scopes that it owns.
    pub scopes: Vec<ScopeView>,
    /// The lifetime of its access tokens, in seconds.
    pub token_lifetime: UnixSeconds,
    /// `true` if any client may ask for its scopes on behalf of a user.
    pub open: bool,
    /// The `typ` of its access tokens.
    #[schema(value_type = String)]
    pub access_token_typ: AccessTokenTyp,
    /// The claims about the user that its access tokens carry beside the scopes.
    #[schema(value_type = Vec<String>)]
    pub token_claims: Vec<TokenClaim>,
    /// The prefix of the names of the groups that its access tokens tell.
    pub group_prefix: String,
    /// Incremented by each change.
    pub version: i32,
}

/// Returns the identifier of the resource that owns each of `scopes`. A scope that is not known is left out.
pub async fn owners(reading: &Reading<'_>, scopes: &[String]) -> Result<BTreeMap<String, String>, Refused> {
    let app = reading.permit(Operation::RoleShow)?;
    let db = app.store.reader();
    let known = resources::known_scopes(db, scopes).await?;
    let owners = resources::by_ids(db, known.iter().map(|scope| scope.resource_id.as_str())).await?;
    let issuer = &app.settings.issuer;
    let identifier = |id: &String| {
        let row = owners.get(id)?;
        Some(resources::identifier(&row.id, row.identifier.as_deref(), issuer))
    };
    Ok(known.into_iter().filter_map(|scope| Some((scope.name, identifier(&scope.resource_id)?))).collect())
}

impl ResourceView {
    pub(super) fn new(app: &App, row: &ResourceRow, scopes: impl Iterator<Item = ScopeRow>) -> Self {
        Self {
            identifier: resources::identifier(&row.id, row.identifier.as_deref(), &app.settings.issuer),
            name: row.name.clone(),
            scopes: scopes.map(|ScopeRow { name, description, .. }| ScopeView { name, description }).collect(),
            token_lifetime: row.token_lifetime.unwrap_or(app.settings.access_token_lifetime),
            open: row.open,
            access_token_typ: row.access_token_typ(),
            token_claims: TokenClaim::parse_list(&row.token_claims),
            group_prefix: row.group_prefix.clone(),
            version: row.version,
        }
    }
}

/// Returns a page of all resources, the built-in ones first, then the oldest first.
pub async fn list(reading: &Reading<'_>, window: &Window) -> Result<Listing<ResourceView>, Refused> {
    let app = reading.permit(Operation::ResourceList)?;
    let db = app.store.reader();
    let place = |cursor| place(cursor).ok_or_else(|| Refused::invalid("after", "the cursor of a previous page"));
    let after = window.after.as_deref().map(place).transpose()?;
    let rows = resources::page(db, after, window.limit + 1).await?;
    let scopes = resources::scopes_of(db, rows.iter().map(|row| row.id.as_str())).await?;
    let view = |row: ResourceRow| ResourceView::new(app, &row, scopes.iter().filter(|scope| scope.resource_id == row.id).cloned());
    Ok(Listing::of(rows, window.limit, |row| format!("{}.{}", row.created_at, row.id), view))
}

/// Parses a cursor of [`list`]: the time at which a resource was added, and its key.
fn place(cursor: &str) -> Option<(UnixSeconds, &str)> {
    let (created_at, id) = cursor.split_once('.')?;
    Some((created_at.parse().ok()?, id))
}

/// Returns the resource `identifier`. Fails with [`Refused::NotFound`] if it does not exist.
pub async fn show(reading: &Reading<'_>, identifier: &str) -> Result<ResourceView, Refused> {
    let app = reading.permit(Operation::ResourceShow)?;
    let db = app.store.reader();
    let found = resources::by_identifier(db, identifier, &app.settings.issuer).await?;
    let resource = found.ok_or_else(|| Refused::not_found("resource", identifier))?;
    read(app, db, &resource.id).await?.ok_or_else(|| Refused::not_found("resource", identifier))
}

/// Reads the resource with the key `id`. `None` if it does not exist.
pub(super) async fn read(app: &App, db: &impl ConnectionTrait, id: &str) -> Result<Option<ResourceView>, Refused> {
    let Some(row) = resources::row(db, id).await? else { return Ok(None) };
    Ok(Some(ResourceView::new(app, &row, resources::scopes_of(db, [id].into_iter()).await?.into_iter())))
}

/// Checks the lifetime of access tokens, in seconds.
pub(super) fn check_lifetime(seconds: UnixSeconds) -> Result<(), Fault> {
    if (1..=MAX_TOKEN_LIFETIME).contains(&seconds) {
        return Ok(());
    }
    Err(Fault::new("token_lifetime", format!("1 to {MAX_TOKEN_LIFETIME} seconds")).found(seconds))
}

/// Checks the text with which the names of the groups begin that access tokens tell.
pub(super) fn check_group_prefix(prefix: &str) -> Result<(), Fault> {
    if prefix.len() <= 128 && is_plain_text(prefix) {
        return Ok(());
    }
    Err(Fault::new("group_prefix", "at most 128 bytes without control characters, such as orders-"))
}

/// Checks the scopes that a resource is to own: names, descriptions, and that each is there once.
pub(super) fn check_scopes(scopes: &[ScopeView]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, ScopeView { name, description }) in scopes.iter().enumerate() {
        let fault = |expected: String| Fault::new("scopes", expected).of_item(name);
        if !is_scope_token(name) || name.len() > MAX_SCOPE {
            faults.push(fault(format!("names of printable characters without spaces and quotes; found {name:?}")));
        }
        if !is_plain_text(description) {
            faults.push(fault(format!("descriptions without control characters; found one in that of {name}")));
        }
        if scopes[..index].iter().any(|other| other.name == *name) {
            faults.push(fault(format!("each scope once; {name} appears twice")));
        }
    }
    faults
}

/// The input for a new resource, before it is checked.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the view")]
pub struct ResourceDraft {
    pub identifier: String,
    pub name: String,
    pub scopes: Vec<ScopeView>,
    pub token_lifetime: Option<UnixSeconds>,
    pub open: bool,
    pub access_token_typ: AccessTokenTyp,
    pub token_claims: Vec<TokenClaim>,
    pub group_prefix: String,
}

/// A resource that passed all checks that do not need the database.
#[derive(Debug)]
pub struct NewResource(ResourceDraft);

impl NewResource {
    /// Checks `draft`. A scope without a description gets its name as one. Fails with all faults, not only the first.
    pub fn check(mut draft: ResourceDraft) -> Result<Self, Refused> {
        for ScopeView { name, description } in &mut draft.scopes {
            if description.is_empty() {
                description.clone_from(name);
            }
        }
        let mut faults = Vec::new();
        let identifier = &draft.identifier;
        if identifier.len() > MAX_IDENTIFIER || !is_allowed(identifier) {
            let expected = format!(
                "an absolute URI with its scheme in small letters and without fragment and user, of at most {MAX_IDENTIFIER} bytes: https://orders.example, \
                 http://localhost:8000, urn:example:orders, or one with a scheme of its own such as api://orders"
            );
            faults.push(Fault::new("identifier", expected).found(identifier));
        }
        faults.extend(check_name("name", &draft.name).err());
        faults.extend(draft.token_lifetime.and_then(|seconds| check_lifetime(seconds).err()));
        faults.extend(check_group_prefix(&draft.group_prefix).err());
        faults.extend(check_scopes(&draft.scopes));
        if faults.is_empty() { Ok(Self(draft)) } else { Err(Refused::Invalid(faults)) }
    }
}

/// Returns a fault for each of `scopes` that belongs to another resource than the one with the key `id`.
pub(super) async fn owned_by_others(change: &Change<'_>, id: &str, scopes: &[ScopeView]) -> Result<Vec<Fault>, Refused> {
    let db = &change.transaction;
    faults_of(change.app, db, foreign(db, id, scopes).await?).await
}

/// Returns those of `scopes` that belong to another resource than the one with the key `id`.
async fn foreign(db: &impl ConnectionTrait, id: &str, scopes: &[ScopeView]) -> Result<Vec<ScopeRow>, Refused> {
    let names: Vec<String> = scopes.iter().map(|scope| scope.name.clone()).collect();
    let mut foreign = resources::known_scopes(db, &names).await?;
    foreign.retain(|scope| scope.resource_id != id);
    Ok(foreign)
}

/// Returns a fault for each of the scopes `foreign`, which says whose it is.
async fn faults_of(app: &App, db: &impl ConnectionTrait, foreign: Vec<ScopeRow>) -> Result<Vec<Fault>, Refused> {
    let issuer = &app.settings.issuer;
    let owners = resources::by_ids(db, foreign.iter().map(|scope| scope.resource_id.as_str())).await?;
    let fault = |scope: ScopeRow| {
        let owner = owners.get(&scope.resource_id);
        let owner = owner.map_or_else(String::new, |row| resources::identifier(&row.id, row.identifier.as_deref(), issuer));
        Fault::new("scopes", format!("names that no other resource owns; found {}, which belongs to {owner}", scope.name))
            .of_item(scope.name)
    };
    Ok(foreign.into_iter().map(fault).collect())
}

/// Fails with [`Refused::Taken`] if another resource than the one with the key `own` has this `identifier`, and with [`Refused::Invalid`] if
/// others own some of `scopes`. A failed insert may have left the resource itself in its transaction.
async fn refuse_taken(app: &App, db: &impl ConnectionTrait, own: &str, identifier: &str, scopes: &[ScopeView]) -> Result<(), Refused> {
    let mut foreign = foreign(db, own, scopes).await?;
    let (issuer, mut faults) = (&app.settings.issuer, Faults::default());
    let built_in = [resources::ISSUER, resources::USERINFO].map(|id| resources::identifier(id, None, issuer));
    // Read after the scopes, so that a resource which was added meanwhile is found wherever its scopes are.
    if let Some(taken) = resources::by_identifier(db, identifier, issuer).await?.filter(|taken| taken.id != own) {
        // Whoever repeats a request is told that the resource is there, and not that its scopes are its own.
        foreign.retain(|scope| scope.resource_id != taken.id);
        let reason = format!("there is a resource {} already", taken.identifier(issuer));
        faults.keep::<()>(Err(Refused::taken("identifier", reason)))?;
    } else if let Some(own) = built_in.iter().find(|own| is_same_url(own, identifier)) {
        let reason = format!("{identifier} is another spelling of {own}, which belongs to the issuer itself");
        faults.keep::<()>(Err(Refused::taken("identifier", reason)))?;
    }
    faults.extend(faults_of(app, db, foreign).await?);
    faults.refuse()
}

/// Checks the input for a new resource. Fails with all faults, also if its identifier or one of its scopes belongs to another resource.
pub async fn check(reading: &Reading<'_>, draft: ResourceDraft) -> Result<NewResource, Refused> {
    let app = reading.permit(Operation::ResourceList)?;
    let free = refuse_taken(app, app.store.reader(), "", &draft.identifier, &draft.scopes).await;
    Faults::of_both(NewResource::check(draft), free).map(|(resource, ())| resource)
}

/// Adds a resource with the scopes that it owns. Fails with [`Refused::Taken`] if the identifier is taken, and with [`Refused::Invalid`] if
/// another resource owns one of the scopes.
pub async fn add(change: &mut Change<'_>, resource: NewResource) -> Result<ResourceView, Refused> {
    change.require(Operation::ResourceAdd)?;
    let NewResource(ResourceDraft { identifier, name, scopes, token_lifetime, open, access_token_typ, token_claims, group_prefix }) =
        resource;
    let id = change.app.clock.random_uuid().to_string();
    refuse_taken(change.app, &change.transaction, &id, &identifier, &scopes).await?;
    if open {
        change.require_recent()?;
    }
    let comparable = Some(comparable(&identifier));
    let (identifier, access_token_typ) = (Some(identifier), access_token_typ.as_str().to_owned());
    let row = ResourceRow {
        id,
        identifier,
        comparable,
        open,
        access_token_typ,
        name,
        token_lifetime,
        token_claims: TokenClaim::list(&token_claims),
        group_prefix,
        version: 0,
        created_at: change.now,
    };
    insert(change, row, scopes).await
}

/// Adds a built-in resource, whose identifier is made from the issuer.
pub async fn add_built_in(change: &mut Change<'_>, id: &str, name: &str, scopes: &[(&str, &str)]) -> Result<ResourceView, Refused> {
    change.require(Operation::ResourceAddBuiltIn)?;
    let (id, name) = (id.to_owned(), name.to_owned());
    let row = ResourceRow {
        id,
        identifier: None,
        comparable: None,
        open: false,
        access_token_typ: AccessTokenTyp::AtJwt.as_str().to_owned(),
        name,
        token_lifetime: None,
        token_claims: String::new(),
        group_prefix: String::new(),
        version: 0,
        created_at: change.now,
    };
    let scopes = scopes.iter().map(|(name, description)| ScopeView { name: (*name).to_owned(), description: (*description).to_owned() });
    insert(change, row, scopes.collect()).await
}

async fn insert(change: &mut Change<'_>, row: ResourceRow, scopes: Vec<ScopeView>) -> Result<ResourceView, Refused> {
    let resource_id = row.id.clone();
    let scopes: Vec<ScopeRow> = scopes
        .into_iter()
        .map(|ScopeView { name, description }| ScopeRow { name, resource_id: resource_id.clone(), description })
        .collect();
    let after = ResourceView::new(change.app, &row, scopes.iter().cloned());
    if !resources::insert(&change.transaction, row, scopes).await? {
        refuse_taken(change.app, &change.transaction, &resource_id, &after.identifier, &after.scopes).await?;
        return Err(Refused::overtaken());
    }
    change.record(Action::ResourceAdded, Object::Resource(&resource_id, &after.identifier), None, Some(&after)).await?;
    Ok(after)
}

/// Returns the registered resource `identifier`; fails for a built-in one.
pub(super) async fn removable(change: &Change<'_>, identifier: &str) -> Result<Resource, Refused> {
    let db = &change.transaction;
    // Look for a registered resource first. One that was registered before the issuer took its name hides behind the built-in one, and
    // must be removable.
    if let Some(resource) = resources::registered(db, identifier).await? {
        return Ok(resource);
    }
    Err(match resources::by_identifier(db, identifier, &change.app.settings.issuer).await? {
        Some(_) => Refused::Conflict(format!("the resource {identifier} is built in and cannot be changed or removed")),
        None => Refused::not_found("resource", identifier),
    })
}

/// Removes a resource and its scopes, which roles, clients, consents and authorizations lose too. Returns the view before the change.
pub async fn remove(change: &mut Change<'_>, identifier: &str) -> Result<ResourceView, Refused> {
    change.require(Operation::ResourceRemove)?;
    let (app, db) = (change.app, &change.transaction);
    let resource = removable(change, identifier).await?;
    if !resources::hold(db, &resource.id).await? {
        return Err(Refused::not_found("resource", identifier));
    }
    let before = read(app, db, &resource.id).await?.ok_or_else(|| Refused::not_found("resource", identifier))?;
    change.require_version(before.version)?;
    if !scope_changes::remove_owner(db, &resource.id, change.now).await? {
        return Err(Refused::not_found("resource", identifier));
    }
    change.record(Action::ResourceRemoved, Object::Resource(&resource.id, &before.identifier), Some(&before), None).await?;
    Ok(before)
}

/// Returns `names` in order, each once. Refuses them unless every one is an existing scope.
pub(super) async fn existing_scopes(db: &impl ConnectionTrait, field: &'static str, names: &[String]) -> Result<Vec<String>, Refused> {
    let known = resources::known_scopes(db, names).await?;
    let unknown = names.iter().filter(|name| !known.iter().any(|scope| scope.name == **name));
    let fault = |name: &String| Fault::new(field, format!("existing scopes; there is no scope {name}")).of_item(name);
    let mut faults = Faults::default();
    faults.extend(unknown.map(fault));
    faults.refuse()?;
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    Ok(names)
}
