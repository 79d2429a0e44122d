//! Changes to a client. Everything may change but its id.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::admin::client_secrets::{lock, new_secret};
use crate::admin::client_view::ClientView;
use crate::admin::clients::{check_first_client, check_with, fetch_logo, with_draft};
use crate::admin::new_client::{ClientDraft, Rules};
use crate::admin::patch::Patch;
use crate::admin::preview::Subject;
use crate::admin::{Change, Fault, Faults, Operation, Refused, require_version};
use crate::app::App;
use crate::audit::{Action, Object};
use crate::fetch::budget::Asker;
use crate::fetch::logo::Logo;
use crate::oauth::access::Access;
use crate::oauth::client_metadata::{ClientMetadata, MEMBERS};
use crate::oauth::json;
use crate::oauth::pkce::Pkce;
use crate::oauth::redirect_uri;
use crate::oauth::scope::words;
use crate::oauth::secret;
use crate::store::clients::{self, ClientRow};
use crate::store::{client_groups, client_logos, client_secrets};

/// A change of some fields of a client. The fields are those of [`ClientView`] that can be changed.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the view")]
pub struct ClientPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub client_name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub public: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub grant_types: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub default_resource: Patch<String>,
    /// The scopes, separated by spaces.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub scope: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub redirect_uris: Patch<Vec<String>>,
    /// If cleared, they follow from the redirect URIs.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub origins: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub token_endpoint_auth_method: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub first_party: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub pkce: Patch<Pkce>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub access: Patch<Access>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub groups: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub id_token_claims: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub group_filter: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub group_prefix: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub claims_allowed: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub signals_of_all_users: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub session_management: Patch<bool>,
    /// The members of the metadata to change. A member that is null is removed.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    pub metadata: Map<String, Value>,
}

/// A change that is ready for its transaction.
#[derive(Debug)]
pub struct ClientEdit {
    patch: ClientPatch,
    logo: Option<Logo>,
}

impl ClientEdit {
    /// Prepares `patch`: fetches the logo that it names. If its URL is not allowed, the edit tells that with all other faults.
    pub async fn prepare(app: &App, patch: ClientPatch, asker: Asker<'_>) -> Result<Self, Refused> {
        let logo_uri = patch.metadata.get("logo_uri").and_then(Value::as_str).map(str::to_owned);
        let metadata = ClientMetadata { logo_uri, ..ClientMetadata::default() };
        let is_allowed = metadata.errors(false, app.settings.fetch_private_addresses).is_empty();
        let logo = if is_allowed { fetch_logo(app, &metadata, asker).await? } else { None };
        Ok(Self { patch, logo })
    }
}

/// A client after a change.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Edited {
    pub client: ClientView,
    /// The first secret of a client that authenticates by one since the change.
    pub client_secret: Option<String>,
}

/// Changes the client `id`. Does nothing if it is so already. Fails with [`Refused::Stale`] if its version is not `expected_version`.
pub async fn edit(change: &mut Change<'_>, id: &str, edit: ClientEdit, expected_version: Option<i32>) -> Result<Edited, Refused> {
    change.require(Operation::ClientEdit)?;
    let (app, db) = (change.app, &change.transaction);
    let before = lock(change, id).await?;
    require_version(before.version, expected_version)?;
    change.require_version(before.version)?;
    let ClientEdit { patch, logo } = edit;
    // A group may have been deleted since the client was given to its members. Other fields can be changed nevertheless.
    let needs_group = !patch.access.keeps() || !patch.groups.keeps();
    let rules = Rules { needs_group, ..Rules::for_administrators(app) };
    let mut faults = Faults::default();
    let draft = patch.apply(&before, &mut faults);
    let (client, found) = faults.with(check_with(app, db, draft, rules).await)?;
    let earlier = clients::row(db, id).await?.ok_or_else(|| Refused::not_found("client", id))?;
    let row = with_draft(earlier.clone(), &client, &found);
    let client_secret = (client.has_secret() && before.secrets.is_empty()).then(|| new_secret(app));
    let loses_secrets = !client.has_secret() && !before.secrets.is_empty();
    let same_origins = same(&client.origins(), before.origins.iter().map(String::as_str));
    let same_lists = same(&found.scope, words(&before.scope)) && same_origins;
    let same_groups = same(client.groups(), before.groups.iter().map(String::as_str));
    if row == earlier && same_lists && same_groups && client_secret.is_none() && !loses_secrets {
        return Ok(Edited { client: before, client_secret });
    }
    change.require_over_client(words(&before.scope))?;
    let granted = found.scope.iter().filter(|scope| !words(&before.scope).any(|own| own == *scope));
    change.require_grant_of(granted)?;
    let is_dangerous = is_dangerous(&earlier, &before.metadata, &row, client.metadata());
    if !same_origins || client_secret.is_some() || is_dangerous || gives_access(&before, &row, client.groups(), &found.scope) {
        change.require_recent()?;
    }
    let row = ClientRow { version: earlier.version + 1, ..row };
    clients::replace(db, row.clone(), &found.scope, &client.origins()).await?;
    client_groups::set(db, id, &found.groups).await?;
    if let Some(client_secret) = &client_secret {
        client_secrets::insert(db, id, secret::key(client_secret), change.now).await?;
    }
    if loses_secrets {
        client_secrets::remove(db, id, None).await?;
    }
    match (logo, &client.metadata().logo_uri) {
        (Some(logo), _) => client_logos::set(db, id, logo.media_type, logo.image).await?,
        (None, uri) if *uri != before.metadata.logo_uri => client_logos::remove(db, id).await?,
        (None, _) => {}
    }
    let after = ClientView::read(app, db, row).await?;
    check_first_client(app, &after)?;
    change.record(Action::ClientChanged, Object::Client(id), Some(&before), Some(&after)).await?;
    Ok(Edited { client: after, client_secret })
}

/// Returns whether the change of a client from `earlier` to `row` lets somebody else receive its tokens or prove to be the client, makes that
/// easier, or lets the client learn more about people.
fn is_dangerous(earlier: &ClientRow, own: &ClientMetadata, row: &ClientRow, metadata: &ClientMetadata) -> bool {
    let proof = |row: &ClientRow| (row.public, row.token_endpoint_auth_method.clone());
    let told = |row: &ClientRow| (row.group_filter.clone(), row.group_prefix.clone());
    let newly = |flag: fn(&ClientRow) -> bool| flag(row) && !flag(earlier);
    row.redirect_uris != earlier.redirect_uris
        || metadata.post_logout_redirect_uris != own.post_logout_redirect_uris
        || (&metadata.jwks, &metadata.jwks_uri) != (&own.jwks, &own.jwks_uri)
        || proof(row) != proof(earlier)
        || row.pkce != earlier.pkce
        || told(row) != told(earlier)
        || newly(|row| row.first_party)
        || newly(|row| row.claims_allowed)
        || newly(|row| row.signals_of_all_users)
}

/// Returns whether more people may sign in to a client after the change from `before` to `row`, or whether it may ask for tokens in more ways
/// or of more scopes. `groups` and `scopes` are those that it has then.
fn gives_access(before: &ClientView, row: &ClientRow, groups: &[String], scopes: &[String]) -> bool {
    let opens = match (before.access, row.access()) {
        (Access::Everyone, _) => false,
        (Access::Groups, Access::Everyone) => true,
        (Access::Groups, Access::Groups) => groups.iter().any(|group| !before.groups.contains(group)),
    };
    opens
        || words(&row.grant_types).any(|grant| !before.grant_types.iter().any(|own| own == grant))
        || scopes.iter().any(|scope| !words(&before.scope).any(|own| own == scope))
}

/// Returns whether the lists have the same items, in any order.
fn same<'a>(one: &'a [String], other: impl Iterator<Item = &'a str>) -> bool {
    one.iter().map(String::as_str).collect::<BTreeSet<_>>() == other.collect()
}

/// A member of a client or a resource before and after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Changed {
    /// The value before the change; null if there is none.
    pub before: Value,
    /// The value after the change; null if there is none.
    pub after: Value,
}

/// The members of a client or a resource that no edit sets.
const FOLLOWING: [&str; 5] = ["version", "secrets", "live_authorizations", "streams", "last_used_at"];

/// Returns by name the members that an edit changed. Those of the metadata stand beside the others.
pub fn changes<V: Serialize>(before: &V, after: &V) -> BTreeMap<String, Changed> {
    let mut changes = BTreeMap::new();
    let json = |view: &V| serde_json::to_value(view).unwrap_or_default();
    add_changes(&json(before), &json(after), &mut changes);
    changes
}

/// Adds to `changes` the members in which the objects differ. Those of an object within them stand beside the others.
fn add_changes(before: &Value, after: &Value, changes: &mut BTreeMap<String, Changed>) {
    let none = Map::new();
    let (old, new) = (before.as_object().unwrap_or(&none), after.as_object().unwrap_or(&none));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).filter(|name| !FOLLOWING.contains(&name.as_str())).collect();
    for name in names {
        match (&before[name], &after[name]) {
            (one, other) if one == other => {}
            (one @ Value::Object(_), other @ Value::Object(_)) => add_changes(one, other, changes),
            (one, other) => drop(changes.insert(name.clone(), Changed { before: one.clone(), after: other.clone() })),
        }
    }
}

impl ClientPatch {
    /// Returns the users whom this change of the client `before` concerns.
    pub fn subject(&self, before: &ClientView) -> Subject {
        let groups = if let Patch::Set(groups) = &self.groups { groups.clone() } else { Vec::new() };
        // Only such a change concerns people who are in no group of it and have not used it.
        let everyone = matches!(&self.access, Patch::Set(access) if *access != before.access);
        Subject::Client { id: before.client_id.clone(), groups, everyone }
    }

    /// Returns the draft of the client `before` after this change. Members of the metadata that cannot be read are among `faults`.
    fn apply(self, before: &ClientView, faults: &mut Faults) -> ClientDraft {
        let mut draft = draft_of(before);
        let changes_kind = matches!(self.public, Patch::Set(public) if public != before.public);
        if changes_kind {
            // What only fits the other kind of client is chosen anew, unless the change says it.
            draft.pkce = None;
            draft.token_endpoint_auth_method = None;
        }
        let follows_uris = draft.metadata.application_type == Some(redirect_uri::application_type_of(&before.redirect_uris, before.public));
        if follows_uris && (changes_kind || !self.redirect_uris.keeps()) {
            draft.metadata.application_type = None;
        }
        self.client_name.apply(&mut draft.client_name);
        self.public.apply(&mut draft.public);
        self.grant_types.apply(&mut draft.grant_types);
        self.default_resource.apply_optional(&mut draft.default_resource);
        let mut scope = before.scope.clone();
        self.scope.apply(&mut scope);
        draft.scope = Some(words(&scope).map(str::to_owned).collect());
        self.redirect_uris.apply(&mut draft.redirect_uris);
        self.origins.apply(&mut draft.origins);
        self.token_endpoint_auth_method.apply_optional(&mut draft.token_endpoint_auth_method);
        self.first_party.apply(&mut draft.first_party);
        self.pkce.apply_optional(&mut draft.pkce);
        self.access.apply_optional(&mut draft.access);
        self.groups.apply(&mut draft.groups);
        self.id_token_claims.apply(&mut draft.id_token_claims);
        if !matches!(&self.group_filter, Patch::Keep) && self.group_filter != Patch::Set(before.group_filter.clone()) {
            draft.group_prefix = String::new();
        }
        self.group_filter.apply_optional(&mut draft.group_filter);
        self.group_prefix.apply(&mut draft.group_prefix);
        // A client that registered itself is told of nothing more until an administrator allows it.
        let mut allowed = before.claims_allowed;
        self.claims_allowed.apply_or(&mut allowed, || !before.registered_itself);
        draft.claims_allowed = Some(allowed);
        self.signals_of_all_users.apply(&mut draft.signals_of_all_users);
        self.session_management.apply(&mut draft.session_management);
        draft.metadata = merged(&draft.metadata, self.metadata, faults);
        draft
    }
}

/// Returns the draft from which the client `view` would be made as it is.
fn draft_of(view: &ClientView) -> ClientDraft {
    let by_default: Vec<String> = view.redirect_uris.iter().filter_map(|uri| redirect_uri::origin(uri)).collect();
    let is_default =
        view.origins.iter().all(|origin| by_default.contains(origin)) && by_default.iter().all(|own| view.origins.contains(own));
    ClientDraft {
        client_id: None,
        client_name: view.client_name.clone(),
        grant_types: view.grant_types.clone(),
        redirect_uris: view.redirect_uris.clone(),
        scope: None,
        token_endpoint_auth_method: view.token_endpoint_auth_method.clone(),
        default_resource: view.default_resource.clone(),
        // Origins that follow from the redirect URIs go on following them.
        origins: if is_default { Vec::new() } else { view.origins.clone() },
        public: view.public,
        pkce: Some(view.pkce),
        first_party: view.first_party,
        access: Some(view.access),
        groups: view.groups.clone(),
        id_token_claims: view.id_token_claims,
        group_filter: Some(view.group_filter.clone()),
        group_prefix: view.group_prefix.clone(),
        claims_allowed: Some(view.claims_allowed),
        signals_of_all_users: view.signals_of_all_users,
        session_management: view.session_management,
        metadata: view.metadata.clone(),
    }
}

/// Returns the metadata of a new client, which has `members`, but for those that cannot be read, which are among `faults`.
pub fn metadata_of(members: Map<String, Value>, faults: &mut Faults) -> ClientMetadata {
    merged(&ClientMetadata::default(), members, faults)
}

/// Returns `metadata` after the members of `patch` were set or removed (RFC 7396 §2), but for those that cannot be read, which are among
/// `faults`.
fn merged(metadata: &ClientMetadata, patch: Map<String, Value>, faults: &mut Faults) -> ClientMetadata {
    let Ok(Value::Object(mut members)) = serde_json::to_value(metadata) else { return metadata.clone() };
    for (name, value) in patch {
        if !MEMBERS.contains(&name.as_str()) {
            let fault = Fault::new("metadata", format!("members among {}", MEMBERS.join(", ")));
            faults.add(fault.found(&name).of_member(name));
            continue;
        }
        if value.is_null() {
            members.remove(&name);
            continue;
        }
        match json::read::<ClientMetadata>(&Map::from_iter([(name.clone(), value.clone())]).into()) {
            Ok(_) => drop(members.insert(name, value)),
            Err(error) => faults.add(Fault::new("metadata", error.expected).at(format!("/metadata{}", error.pointer))),
        }
    }
    // Each member was read alone, so that all of them can be read together.
    serde_json::from_value(members.into()).unwrap_or_else(|_| metadata.clone())
}
