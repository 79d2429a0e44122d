//! Operations on clients. `/register` calls the same functions for clients that register themselves.

use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::admin::client_secrets::{lock, new_secret};
use crate::admin::new_client::{ASSIGNED, ClientDraft, NewClient, Rules};
use crate::admin::{Change, Fault, Faults, Operation, Reading, Refused, resources as resource_operations};
use crate::app::App;
use crate::audit::{Action, Face, Object, Who};
use crate::clock::{DAY, UnixSeconds};
use crate::config::CLI;
use crate::fetch::FetchError;
use crate::fetch::budget::Asker;
use crate::fetch::logo::{self, Logo};
use crate::grants::Grant;
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::scope::{ADMIN_SCOPES, OIDC_SCOPES, words};
use crate::oauth::secret;
use crate::store::clients::{self, ClientRow};
use crate::store::resources::{self, ISSUER, Resource};
use crate::store::{ConnectionTrait, authorizations, client_groups, client_logos, client_secrets};

pub use crate::admin::client_secrets::{OldSecret, end_old_secrets, rotate_secret};
pub use crate::admin::client_view::{ClientFilter, ClientView, SecretView, count_found, list, show};

/// Returns the client `id`, if it is enabled, registered itself and was given `token` to manage its registration (RFC 7592 §3).
pub async fn show_own(app: &App, id: &str, token: &str) -> Result<Option<ClientView>, Refused> {
    let (db, hash) = (app.store.reader(), secret::hash(token));
    let row = clients::row(db, id).await?.filter(|row| row.disabled_at.is_none());
    let is_own = |row: &ClientRow| row.registration_token_hash.as_ref().is_some_and(|good| bool::from(good.as_slice().ct_eq(&hash)));
    match row.filter(is_own) {
        Some(row) => Ok(Some(ClientView::read(app, db, row).await?)),
        None => Ok(None),
    }
}

/// Fetches the logo that `metadata` names. Returns `None` if it names none.
pub async fn fetch_logo(app: &App, metadata: &ClientMetadata, asker: Asker<'_>) -> Result<Option<Logo>, Refused> {
    let Some(uri) = &metadata.logo_uri else { return Ok(None) };
    let fetched = logo::fetch(&app.fetcher, uri, asker).await;
    let wrong = |error| Fault::new("logo_uri", format!("an image that can be fetched; {error}")).within("metadata").found(uri);
    fetched.map(Some).map_err(|error| wrong(error).into())
}

/// Fetches the document at `sector_identifier_uri`, which must contain all redirect URIs (OpenID Connect Dynamic Client
/// Registration 1.0 §5).
pub async fn check_sector(app: &App, client: &NewClient, asker: Asker<'_>) -> Result<(), Refused> {
    let Some(uri) = &client.metadata().sector_identifier_uri else { return Ok(()) };
    let expected = |text: String| Refused::from(Fault::new("sector_identifier_uri", text).within("metadata").found(uri));
    let document = app.fetcher.get(uri, asker).await.map_err(|error| match error {
        FetchError::TooMany(seconds) => Refused::TooManyFetches(seconds),
        error => expected(format!("a document that can be fetched; {error}")),
    })?;
    let named: Vec<String> = serde_json::from_slice(&document).unwrap_or_default();
    if client.redirect_uris().iter().all(|uri| named.contains(uri)) {
        return Ok(());
    }
    Err(expected("a JSON array that contains all redirect_uris".to_owned()))
}

/// A new client with its secret, which is shown only once.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Added {
    pub client: ClientView,
    /// `None` if the client does not authenticate by a secret.
    pub client_secret: Option<String>,
}

/// Adds a client. A client that registers itself passes `own_token`, by which it will manage its registration; it gets no scopes of
/// administration.
pub async fn add(change: &mut Change<'_>, client: NewClient, logo: Option<Logo>, own_token: Option<&str>) -> Result<Added, Refused> {
    change.require(Operation::ClientAdd)?;
    if change.actor.face == Face::Registration && own_token.is_none() {
        return Err(Refused::Forbidden);
    }
    let (app, db) = (change.app, &change.transaction);
    let client_secret = client.has_secret().then(|| new_secret(app));
    let id = client.id().map_or_else(|| app.clock.random_id::<16>(), str::to_owned);
    let found = Found::look_up(app, db, &client.0, own_token.is_some()).await?;
    change.require_grant_of(found.scope.iter())?;
    let grant_id = app.clock.random_bytes::<16>().to_vec();
    let new = NewRow { id: id.clone(), grant_id, registration_token_hash: own_token.map(secret::hash), created_at: change.now };
    let row = new.row(&client, &found);
    if !clients::insert(db, row.clone(), &found.scope, &client.origins()).await? {
        return Err(taken(&id));
    }
    client_groups::set(db, &id, &found.groups).await?;
    if let Some(client_secret) = &client_secret {
        client_secrets::insert(db, &id, secret::key(client_secret), change.now).await?;
    }
    if let Some(logo) = logo {
        client_logos::set(db, &row.id, logo.media_type, logo.image).await?;
    }
    let client = ClientView::read(app, db, row).await?;
    change.record(Action::ClientAdded, Object::Client(&client.client_id), None, Some(&client)).await?;
    Ok(Added { client, client_secret })
}

fn taken(id: &str) -> Refused {
    Refused::taken("client_id", format!("there is a client {id} already"))
}

/// The columns of a new client that do not follow from its draft.
struct NewRow {
    id: String,
    grant_id: Vec<u8>,
    registration_token_hash: Option<Vec<u8>>,
    created_at: UnixSeconds,
}

impl NewRow {
    fn row(self, client: &NewClient, found: &Found) -> ClientRow {
        let blank = ClientRow {
            id: self.id,
            client_name: String::new(),
            public: false,
            grant_types: String::new(),
            redirect_uris: String::new(),
            default_resource: None,
            created_at: self.created_at,
            disabled_at: None,
            token_endpoint_auth_method: None,
            pkce: String::new(),
            first_party: false,
            metadata: String::new(),
            claims_allowed: self.registration_token_hash.is_none(),
            registration_token_hash: self.registration_token_hash,
            access: String::new(),
            id_token_claims: false,
            group_filter: String::new(),
            group_prefix: String::new(),
            signals_of_all_users: false,
            session_management: false,
            last_used_at: None,
            version: 0,
            grant_id: self.grant_id,
        };
        with_draft(blank, client, found)
    }
}

/// Returns `row` with everything that the draft of `client` says.
pub(super) fn with_draft(row: ClientRow, client: &NewClient, found: &Found) -> ClientRow {
    let NewClient(draft) = client;
    ClientRow {
        client_name: draft.client_name.clone(),
        public: draft.public,
        grant_types: draft.grant_types.join(" "),
        redirect_uris: draft.redirect_uris.join(" "),
        default_resource: found.default_resource.clone(),
        token_endpoint_auth_method: draft.token_endpoint_auth_method.clone(),
        pkce: client.pkce().as_str().to_owned(),
        first_party: draft.first_party,
        metadata: draft.metadata.to_json(),
        access: draft.access.unwrap_or_default().as_str().to_owned(),
        id_token_claims: draft.id_token_claims,
        group_filter: draft.group_filter.clone().unwrap_or_else(|| ASSIGNED.to_owned()),
        group_prefix: draft.group_prefix.clone(),
        claims_allowed: draft.claims_allowed.unwrap_or(row.claims_allowed),
        signals_of_all_users: draft.signals_of_all_users,
        session_management: draft.session_management,
        ..row
    }
}

/// The rows that the names in a draft stand for, looked up in the database.
pub(super) struct Found {
    /// The key of the default resource.
    default_resource: Option<String>,
    /// The scopes, which exist.
    pub(super) scope: Vec<String>,
    /// The ids of the groups.
    pub(super) groups: Vec<Uuid>,
}

impl Found {
    /// Looks up the default resource, the scopes and the groups of `draft`. Fails with all that do not exist, but for the scopes of a client
    /// that registers itself, which gets those that exist. Fails also if there is a client with the id of a new one.
    pub(super) async fn look_up(app: &App, db: &impl ConnectionTrait, draft: &ClientDraft, registers: bool) -> Result<Self, Refused> {
        let scope = draft.scope.as_deref().unwrap_or_default();
        if registers {
            let default = default_of_registrations(app, db).await?;
            let of_default = resources::scopes_of(db, default.iter().map(|resource| resource.id.as_str())).await?;
            let of_default: Vec<String> = of_default.into_iter().map(|scope| scope.name).collect();
            let scope = registrable_scopes(db, scope, &of_default).await?;
            // A client without a scope of its default resource could get no token for it. Those of an open resource need no registration.
            let has_scope = |resource: &Resource| resource.open || of_default.iter().any(|own| scope.contains(own));
            let default_resource = default.filter(has_scope).map(|resource| resource.id);
            return Ok(Self { default_resource, scope, groups: Vec::new() });
        }
        let mut faults = Faults::default();
        if let Some(id) = draft.client_id.as_deref()
            && clients::row(db, id).await?.is_some()
        {
            faults.keep::<()>(Err(taken(id)))?;
        }
        let default_resource = faults.keep(existing_resource(app, db, draft.default_resource.as_deref()).await)?.flatten();
        let scope = faults.keep(resource_operations::existing_scopes(db, "scope", scope).await)?.unwrap_or_default();
        let known = client_groups::ids(db, &draft.groups).await?;
        for unknown in draft.groups.iter().filter(|name| !known.contains_key(*name)) {
            faults.add(Fault::new("groups", "the names of existing groups, such as staff").found(unknown).of_item(unknown));
        }
        faults.refuse()?;
        Ok(Self { default_resource, scope, groups: known.into_values().collect() })
    }
}

/// Checks the input for a client that an administrator adds, whose scopes, groups and default resource must exist. Fails with all faults.
pub async fn check(reading: &Reading<'_>, draft: ClientDraft) -> Result<NewClient, Refused> {
    let app = reading.permit(Operation::ClientList)?;
    check_with(app, app.store.reader(), draft, Rules::for_administrators(app)).await.map(|(client, _)| client)
}

/// Checks `draft` by `rules` and looks up what it names. Fails with the faults of both.
pub(super) async fn check_with(
    app: &App,
    db: &impl ConnectionTrait,
    draft: ClientDraft,
    rules: Rules,
) -> Result<(NewClient, Found), Refused> {
    let found = Found::look_up(app, db, &draft, false).await;
    Faults::of_both(NewClient::check(draft, rules), found)
}

/// Returns the key of the resource `identifier`; `None` if none is named.
async fn existing_resource(app: &App, db: &impl ConnectionTrait, identifier: Option<&str>) -> Result<Option<String>, Refused> {
    let Some(identifier) = identifier else { return Ok(None) };
    match resources::by_identifier(db, identifier, &app.settings.issuer).await? {
        Some(resource) => Ok(Some(resource.id)),
        None => Err(Refused::invalid("default_resource", format!("an existing resource; there is no resource {identifier}"))),
    }
}

/// Returns the default resource of clients that register themselves.
async fn default_of_registrations(app: &App, db: &impl ConnectionTrait) -> Result<Option<Resource>, Refused> {
    let Some(identifier) = app.settings.registration_default_resource.as_deref() else { return Ok(None) };
    let found = resources::by_identifier(db, identifier, &app.settings.issuer).await?;
    if found.is_none() {
        tracing::error!(identifier, "a client is registered without a default resource: registration_default_resource does not exist");
    }
    Ok(found)
}

/// Returns those scopes of `asked` that exist and do not belong to the administration of the issuer. If none is asked for, returns those
/// of OpenID Connect and of the default resource. If none of those that are asked for is left, returns `openid` and those of the default
/// resource: a client without scopes could do nothing, and one that asked for something else did not ask for the person's data.
async fn registrable_scopes(db: &impl ConnectionTrait, asked: &[String], of_default: &[String]) -> Result<Vec<String>, Refused> {
    let known = resources::known_scopes(db, asked).await?;
    let names: Vec<String> = known.into_iter().filter(|scope| scope.resource_id != ISSUER).map(|scope| scope.name).collect();
    if !names.is_empty() {
        return Ok(names);
    }
    // A client that registers itself is told of no groups and roles, so it does not get their scopes unasked.
    let given = |name: &str| if asked.is_empty() { !matches!(name, "groups" | "roles") } else { name == "openid" };
    let oidc = OIDC_SCOPES.iter().map(|(name, _)| *name).filter(|name| given(name));
    Ok(oidc.map(str::to_owned).chain(of_default.iter().cloned()).collect())
}

/// Enables or disables a client. The issuer refuses every request of a disabled client. Does nothing if the client is already in that
/// state, so that the time at which it was disabled stays.
pub async fn set_enabled(change: &mut Change<'_>, id: &str, enabled: bool) -> Result<ClientView, Refused> {
    change.require(Operation::ClientSetEnabled)?;
    let before = lock(change, id).await?;
    if before.enabled == enabled {
        return Ok(before);
    }
    change.require_over_client(words(&before.scope))?;
    let after = ClientView { enabled, version: before.version + 1, ..before.clone() };
    check_first_client(change.app, &after)?;
    clients::set_disabled(&change.transaction, id, (!enabled).then_some(change.now)).await?;
    let action = if enabled { Action::ClientEnabled } else { Action::ClientDisabled };
    change.record(action, Object::Client(id), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Refuses to let the client of the first start be enabled unless the issuer is loopback.
pub(super) fn check_first_client(app: &App, after: &ClientView) -> Result<(), Refused> {
    if after.enabled && is_first_client(after) && !app.settings.issuer.is_loopback() {
        let remedy = "it may use the password grant with the scopes of administration and needs no secret; add a client of your own";
        let id = &after.client_id;
        return Err(Refused::Conflict(format!("the client {id} is only for an issuer at a loopback URL, because {remedy}")));
    }
    Ok(())
}

/// Returns whether `client` is the one that the first start makes for curl: public, with the password grant and scopes of administration. A
/// client of the same name that lacks one of these is an administrator's own.
pub fn is_first_client(client: &ClientView) -> bool {
    let administers = words(&client.scope).any(|name| ADMIN_SCOPES.iter().any(|(admin, _)| *admin == name));
    client.client_id == CLI && client.public && client.grant_types.iter().any(|name| name == Grant::Password.name()) && administers
}

/// Removes up to `limit` clients that registered themselves and were not used for `registered_client_unused_days`; returns their number.
pub async fn remove_unused(change: &mut Change<'_>, limit: u64) -> Result<u64, Refused> {
    let days = change.app.settings.registered_client_unused_days;
    if days == 0 {
        return Ok(0);
    }
    let before = change.now - UnixSeconds::from(days) * DAY;
    let unused = clients::unused(&change.transaction, before, limit).await?;
    let mut removed = 0;
    for id in unused {
        match remove(change, &id).await {
            Ok(_) => removed += 1,
            // Another node was first.
            Err(Refused::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

/// Removes a client and all authorizations given to it. Returns the number of authorizations that were ended.
pub async fn remove(change: &mut Change<'_>, id: &str) -> Result<u64, Refused> {
    change.require(Operation::ClientRemove)?;
    if change.actor.face == Face::Registration && !matches!(&change.actor.who, Who::Client(own) if own == id) {
        return Err(Refused::Forbidden);
    }
    let before = lock(change, id).await?;
    change.require_version(before.version)?;
    change.require_over_client(words(&before.scope))?;
    let ended = authorizations::end_all(&change.transaction, None, Some(id), change.now).await?;
    clients::remove(&change.transaction, id).await?;
    change.record(Action::ClientRemoved, Object::Client(id), Some(&before), None).await?;
    Ok(ended)
}
