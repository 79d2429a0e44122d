//! Operations on clients. `/register` calls the same functions for clients that register themselves.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use subtle::ConstantTimeEq;

use crate::admin::new_client::{ClientDraft, NewClient, pkce_of_public_client};
use crate::admin::{Change, Listing, Operation, Reading, Refused, Window, resources as resource_operations};
use crate::app::App;
use crate::audit::{Action, Face, Object, Who};
use crate::clock::{UnixSeconds, rfc3339};
use crate::config::CLI;
use crate::fetch::FetchError;
use crate::fetch::budget::Asker;
use crate::fetch::logo::{self, Logo};
use crate::grants::Grant;
use crate::oauth::client_auth::{NONE, PRIVATE_KEY_JWT};
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::pkce::Pkce;
use crate::oauth::scope::{ADMIN_SCOPES, OIDC_SCOPES, words};
use crate::oauth::secret;
use crate::store::clients::{self, ClientRow};
use crate::store::resources::{self, ISSUER, Resource};
use crate::store::{ConnectionTrait, authorizations};

/// A client as administrators see it. Fields carry the names of RFC 7591 where it has them.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are those of the specification")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct ClientView {
    pub client_id: String,
    pub client_name: String,
    pub public: bool,
    pub grant_types: Vec<String>,
    /// The identifier of the resource of its tokens unless a request names another.
    pub default_resource: Option<String>,
    /// The scopes that it may ask for, separated by spaces.
    pub scope: String,
    pub redirect_uris: Vec<String>,
    pub origins: Vec<String>,
    /// `None` if any method will do that the client has a secret or keys for.
    pub token_endpoint_auth_method: Option<String>,
    pub first_party: bool,
    pub pkce: Pkce,
    pub registered_itself: bool,
    pub metadata: ClientMetadata,
    pub enabled: bool,
    /// The number of valid secrets: 2 after a rotation.
    pub secrets: usize,
    #[serde(serialize_with = "rfc3339")]
    pub created_at: UnixSeconds,
}

impl ClientView {
    async fn read(app: &App, db: &impl ConnectionTrait, row: ClientRow) -> Result<Self, Refused> {
        let scope = clients::scopes(db, &row.id).await?;
        let origins = clients::origins(db, &row.id).await?;
        let default_resource = match &row.default_resource {
            Some(id) => resources::row(db, id).await?,
            None => None,
        };
        let identifier = default_resource.map(|row| resources::identifier(&row.id, row.identifier.as_deref(), &app.settings.issuer));
        let list = |text: &str| words(text).map(str::to_owned).collect();
        Ok(Self {
            public: row.public,
            grant_types: list(&row.grant_types),
            default_resource: identifier,
            scope: scope.join(" "),
            redirect_uris: list(&row.redirect_uris),
            origins,
            first_party: row.first_party,
            pkce: row.pkce(),
            registered_itself: row.registration_token_hash.is_some(),
            metadata: row.client_metadata()?,
            enabled: row.disabled_at.is_none(),
            secrets: [&row.secret_hash, &row.previous_secret_hash].into_iter().flatten().count(),
            created_at: row.created_at,
            client_id: row.id,
            client_name: row.client_name,
            token_endpoint_auth_method: row.token_endpoint_auth_method,
        })
    }
}

/// A filter for the list of clients.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientFilter {
    /// `true` for enabled clients only, `false` for disabled ones only, `None` for both.
    pub enabled: Option<bool>,
}

/// Returns a page of the clients that match `filter`, in the order of their ids.
pub async fn list(reading: &Reading<'_>, filter: ClientFilter, window: &Window) -> Result<Listing<ClientView>, Refused> {
    let app = reading.permit(Operation::ClientList)?;
    let db = app.store.reader();
    let rows = clients::page(db, filter.enabled, window.after.as_deref(), window.limit + 1).await?;
    let page = Listing::of(rows, window.limit, |row| row.id.clone(), |row| row);
    let mut items = Vec::new();
    for row in page.items {
        items.push(ClientView::read(app, db, row).await?);
    }
    Ok(Listing { items, next: page.next })
}

/// Returns the client `id`. Fails with [`Refused::NotFound`] if it does not exist.
pub async fn show(reading: &Reading<'_>, id: &str) -> Result<ClientView, Refused> {
    let app = reading.permit(Operation::ClientShow)?;
    let db = app.store.reader();
    ClientView::read(app, db, clients::row(db, id).await?.ok_or_else(|| Refused::not_found("client", id))?).await
}

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

/// Fetches the logo that the metadata of `client` names. Returns `None` if it names none.
pub async fn fetch_logo(app: &App, client: &NewClient, asker: Asker<'_>) -> Result<Option<Logo>, Refused> {
    let Some(uri) = &client.metadata().logo_uri else { return Ok(None) };
    let fetched = logo::fetch(&app.fetcher, uri, asker).await;
    fetched.map(Some).map_err(|error| Refused::invalid("logo_uri", format!("an image that can be fetched; {error}")))
}

/// Fetches the document at `sector_identifier_uri`, which must contain all redirect URIs (OpenID Connect Dynamic Client
/// Registration 1.0 §5).
pub async fn check_sector(app: &App, client: &NewClient, asker: Asker<'_>) -> Result<(), Refused> {
    let Some(uri) = &client.metadata().sector_identifier_uri else { return Ok(()) };
    let expected = |text: String| Refused::invalid("sector_identifier_uri", text);
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
    let (origins, pkce) = (client.origins(), client.pkce());
    let NewClient(draft) = client;
    let ClientDraft { client_name, grant_types, redirect_uris, metadata, public, first_party, .. } = draft;
    let id = draft.client_id.unwrap_or_else(|| app.clock.random_id::<16>());
    if clients::row(db, &id).await?.is_some() {
        return Err(Refused::Conflict(format!("there is a client {id} already")));
    }
    let scope = draft.scope.unwrap_or_default();
    let (default_resource, scope) = if own_token.is_none() {
        let default_resource = existing_resource(app, db, draft.default_resource.as_deref()).await?;
        (default_resource, resource_operations::existing_scopes(db, "scope", &scope).await?)
    } else {
        let default = default_of_registrations(app, db).await?;
        let of_default = resources::scopes_of(db, default.iter().map(|resource| resource.id.as_str())).await?;
        let of_default: Vec<String> = of_default.into_iter().map(|scope| scope.name).collect();
        let scope = registrable_scopes(db, &scope, &of_default).await?;
        // A client without a scope of its default resource could get no token for it. Those of an open resource need no registration.
        let has_scope = |resource: &Resource| resource.open || of_default.iter().any(|own| scope.contains(own));
        (default.filter(has_scope).map(|resource| resource.id), scope)
    };
    change.require_grant_of(scope.iter())?;
    let row = ClientRow {
        id,
        client_name,
        public,
        grant_types: grant_types.join(" "),
        redirect_uris: redirect_uris.join(" "),
        default_resource,
        secret_hash: client_secret.as_deref().map(secret::hash),
        previous_secret_hash: None,
        created_at: change.now,
        disabled_at: None,
        token_endpoint_auth_method: draft.token_endpoint_auth_method,
        pkce: pkce.as_str().to_owned(),
        first_party,
        metadata: metadata.to_json(),
        registration_token_hash: own_token.map(secret::hash),
        access: "everyone".to_owned(),
        id_token_claims: false,
        group_filter: "assigned".to_owned(),
        group_prefix: String::new(),
        claims_allowed: own_token.is_none(),
        last_used_at: None,
        version: 0,
    };
    clients::insert(db, row.clone(), &scope, &origins).await?;
    if let Some(logo) = logo {
        clients::set_logo(db, &row.id, logo.media_type, logo.image).await?;
    }
    let client = ClientView::read(app, db, row).await?;
    change.record(Action::ClientAdded, Object::Client(&client.client_id), None, Some(&client)).await?;
    Ok(Added { client, client_secret })
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

fn new_secret(app: &App) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<32>())
}

/// Locks a client and returns its view before a change.
async fn lock(change: &Change<'_>, id: &str) -> Result<ClientView, Refused> {
    let db = &change.transaction;
    if !clients::hold(db, id).await? {
        return Err(Refused::not_found("client", id));
    }
    let row = clients::row(db, id).await?.ok_or_else(|| Refused::not_found("client", id))?;
    ClientView::read(change.app, db, row).await
}

/// Gives a client a new secret and returns it. The current secret stays valid until the next rotation, unless `drop_previous` is
/// set.
pub async fn rotate_secret(change: &mut Change<'_>, id: &str, drop_previous: bool) -> Result<String, Refused> {
    change.require(Operation::ClientRotateSecret)?;
    let before = lock(change, id).await?;
    if before.public || before.token_endpoint_auth_method.as_deref() == Some(NONE) {
        return Err(Refused::Conflict(format!("the client {id} is public and has no secret")));
    }
    if before.token_endpoint_auth_method.as_deref() == Some(PRIVATE_KEY_JWT) {
        return Err(Refused::Conflict(format!("the client {id} authenticates by {PRIVATE_KEY_JWT} and has no secret")));
    }
    let client_secret = new_secret(change.app);
    clients::rotate_secret(&change.transaction, id, &secret::hash(&client_secret), drop_previous).await?;
    let after = ClientView { secrets: if drop_previous { 1 } else { 2 }, ..before.clone() };
    change.record(Action::ClientSecretRotated, Object::Client(id), Some(&before), Some(&after)).await?;
    Ok(client_secret)
}

/// The settings of a client that can be changed; `None` leaves one as it is.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "the names are those of the view")]
pub struct ClientSettings {
    pub pkce: Option<Pkce>,
}

/// Changes the settings of a client. Does nothing if it has them already.
pub async fn set(change: &mut Change<'_>, id: &str, settings: ClientSettings) -> Result<ClientView, Refused> {
    change.require(Operation::ClientSet)?;
    let before = lock(change, id).await?;
    let after = ClientView { pkce: settings.pkce.unwrap_or(before.pkce), ..before.clone() };
    if after.pkce == before.pkce {
        return Ok(before);
    }
    if after.public {
        return Err(Refused::Invalid(vec![pkce_of_public_client(after.pkce)]));
    }
    clients::set_pkce(&change.transaction, id, after.pkce).await?;
    change.record(Action::ClientChanged, Object::Client(id), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Enables or disables a client. The issuer refuses every request of a disabled client. Does nothing if the client is already in that
/// state, so that the time at which it was disabled stays.
pub async fn set_enabled(change: &mut Change<'_>, id: &str, enabled: bool) -> Result<ClientView, Refused> {
    change.require(Operation::ClientSetEnabled)?;
    let before = lock(change, id).await?;
    if before.enabled == enabled {
        return Ok(before);
    }
    if enabled && is_first_client(&before) && !change.app.settings.issuer.is_loopback() {
        let remedy = "it may use the password grant with the scopes of administration and needs no secret; add a client of your own";
        return Err(Refused::Conflict(format!("the client {id} is only for an issuer at a loopback URL, because {remedy}")));
    }
    clients::set_disabled(&change.transaction, id, (!enabled).then_some(change.now)).await?;
    let after = ClientView { enabled, ..before.clone() };
    let action = if enabled { Action::ClientEnabled } else { Action::ClientDisabled };
    change.record(action, Object::Client(id), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Returns whether `client` is the one that the first start makes for curl: public, with the password grant and scopes of administration. A
/// client of the same name that lacks one of these is an administrator's own.
pub fn is_first_client(client: &ClientView) -> bool {
    let administers = words(&client.scope).any(|name| ADMIN_SCOPES.iter().any(|(admin, _)| *admin == name));
    client.client_id == CLI && client.public && client.grant_types.iter().any(|name| name == Grant::Password.name()) && administers
}

/// Removes a client and all authorizations given to it. Returns the number of authorizations that were ended.
pub async fn remove(change: &mut Change<'_>, id: &str) -> Result<u64, Refused> {
    change.require(Operation::ClientRemove)?;
    if change.actor.face == Face::Registration && !matches!(&change.actor.who, Who::Client(own) if own == id) {
        return Err(Refused::Forbidden);
    }
    let before = lock(change, id).await?;
    let ended = authorizations::end_all(&change.transaction, None, Some(id), change.now).await?;
    clients::remove(&change.transaction, id).await?;
    change.record(Action::ClientRemoved, Object::Client(id), Some(&before), None).await?;
    Ok(ended)
}
