//! Clients.

use std::fmt;

use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, IntoActiveModel, QueryOrder, Value};

use crate::clock::UnixSeconds;
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::scope::words;
use crate::store::entity::{client_scopes, clients};
use crate::store::resources::Resource;
use crate::store::{Columns, StoreError, batch, execute, locked, query_all, query_one};

pub use crate::store::entity::clients::Model as ClientRow;

/// A scope that a client may ask for, with the resource that owns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedScope {
    /// The scope.
    pub name: String,
    /// The id of its resource.
    pub resource_id: String,
}

impl AllowedScope {
    /// Reads one text of scopes, each followed by its resource.
    fn read(columns: &mut Columns<'_>) -> Result<Vec<Self>, StoreError> {
        let text = columns.take::<Option<String>>()?.unwrap_or_default();
        let pairs: Vec<&str> = words(&text).collect();
        Ok(pairs.chunks_exact(2).map(|pair| Self { name: pair[0].to_owned(), resource_id: pair[1].to_owned() }).collect())
    }
}

/// A client with what it may ask for.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own, in a column of its own")]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// Whether it has no secret.
    pub public: bool,
    /// The grant types it is registered for.
    pub grants: Vec<String>,
    /// SHA-256 of the secrets that are good, at most two.
    pub secret_hashes: Vec<Vec<u8>>,
    /// Whether it may do anything.
    pub enabled: bool,
    /// Redirect URIs, as registered.
    pub redirect_uris: Vec<String>,
    /// The one method by which it must authenticate; if none is set, any that it has a secret for.
    pub auth_method: Option<String>,
    /// Whether every authorization request must carry a PKCE challenge. Those of public clients must in any case.
    pub require_pkce: bool,
    /// Whether it is the issuer's own, so that nobody is asked for consent.
    pub first_party: bool,
    /// Whether it registered itself.
    pub dynamic: bool,
    metadata: String,
    /// The resource of its tokens unless a request names another.
    pub default_resource: Option<Resource>,
    /// The scopes it may ask for.
    pub scopes: Vec<AllowedScope>,
}

/// Says which it is, and shows no hash.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What [`Client::read`] reads, in its order, for queries over `clients c LEFT JOIN resources r`, its default resource.
pub(super) const CLIENT_COLUMNS: &str = "c.id, c.name, c.public, c.grants, c.secret_hash, c.previous_secret_hash, c.disabled_at, \
     c.redirect_uris, c.auth_method, c.require_pkce, c.first_party, c.registration_token_hash IS NOT NULL, c.metadata, \
     r.id, r.identifier, r.token_lifetime, \
     (SELECT string_agg(s.name || ' ' || s.resource_id, ' ') FROM client_scopes cs JOIN scopes s ON s.name = cs.scope \
      WHERE cs.client_id = c.id)";

impl Client {
    pub(super) fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            name: columns.take()?,
            public: columns.take()?,
            grants: words(&columns.take::<String>()?).map(str::to_owned).collect(),
            secret_hashes: [columns.take::<Option<Vec<u8>>>()?, columns.take()?].into_iter().flatten().collect(),
            enabled: columns.take::<Option<UnixSeconds>>()?.is_none(),
            redirect_uris: words(&columns.take::<String>()?).map(str::to_owned).collect(),
            auth_method: columns.take()?,
            require_pkce: columns.take()?,
            first_party: columns.take()?,
            dynamic: columns.take()?,
            metadata: columns.take()?,
            default_resource: Resource::read(columns)?,
            scopes: AllowedScope::read(columns)?,
        })
    }

    /// Whether `scope` is among those that it may ask for.
    pub fn may_ask(&self, scope: &str) -> bool {
        self.scopes.iter().any(|allowed| allowed.name == scope)
    }

    /// What it says of itself.
    pub fn metadata(&self) -> Result<ClientMetadata, StoreError> {
        serde_json::from_str(&self.metadata).map_err(|error| StoreError::Corrupt(format!("metadata of the client {}: {error}", self.id)))
    }

    /// Whether it is registered for `grant`.
    pub fn has_grant(&self, grant: &str) -> bool {
        self.grants.iter().any(|own| own == grant)
    }
}

/// Whether a client can have the id `id`. PostgreSQL refuses a statement with a NUL in a text.
pub fn can_be_id(id: &str) -> bool {
    !id.contains('\0')
}

/// The clients of `ids`, in their order.
pub(super) async fn by_ids(db: DatabaseConnection, ids: Vec<String>) -> Result<Vec<Option<Client>>, StoreError> {
    let mut values: Vec<Value> = ids.iter().map(|id| id.as_str().into()).collect();
    let placeholders = batch::placeholders(&mut values);
    let sql =
        format!("SELECT {CLIENT_COLUMNS} FROM clients c LEFT JOIN resources r ON r.id = c.default_resource WHERE c.id IN ({placeholders})");
    let found = query_all(&db, &sql, values).await?.iter().map(|row| Client::read(&mut Columns::of(row))).collect::<Result<Vec<_>, _>>()?;
    Ok(ids.iter().map(|id| found.iter().find(|client| client.id == *id).cloned()).collect())
}

/// All clients, by id.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<ClientRow>, StoreError> {
    Ok(clients::Entity::find().order_by_asc(clients::Column::Id).all(db).await?)
}

/// The row of the client `id`.
pub async fn row(db: &impl ConnectionTrait, id: &str) -> Result<Option<ClientRow>, StoreError> {
    if !can_be_id(id) {
        return Ok(None);
    }
    Ok(clients::Entity::find_by_id(id).one(db).await?)
}

/// The grant types that some enabled client is registered for.
pub async fn grants_in_use(db: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let rows = query_all(db, "SELECT DISTINCT grants FROM clients WHERE disabled_at IS NULL", []).await?;
    let mut grants = Vec::new();
    for row in rows {
        grants.extend(words(&Columns::of(&row).take::<String>()?).map(str::to_owned));
    }
    Ok(grants)
}

/// Adds a client that may ask for `scopes`, which must exist, and whose scripts run in `origins`.
pub async fn insert(db: &impl ConnectionTrait, client: ClientRow, scopes: &[String], origins: &[String]) -> Result<(), StoreError> {
    let rows: Vec<_> = scopes
        .iter()
        .map(|scope| client_scopes::Model { client_id: client.id.clone(), scope: scope.clone() }.into_active_model())
        .collect();
    let id = client.id.clone();
    clients::Entity::insert(client.into_active_model()).exec_without_returning(db).await?;
    for origin in origins {
        let sql = "INSERT INTO client_origins (client_id, origin) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        execute(db, sql, [id.as_str().into(), origin.as_str().into()]).await?;
    }
    if !rows.is_empty() {
        client_scopes::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Whether scripts of `origin` belong to an enabled client.
pub async fn is_origin(db: &impl ConnectionTrait, origin: &str) -> Result<bool, StoreError> {
    let sql =
        "SELECT 1 AS one FROM client_origins o JOIN clients c ON c.id = o.client_id WHERE o.origin = $1 AND c.disabled_at IS NULL LIMIT 1";
    Ok(query_one(db, sql, [origin.into()]).await?.is_some())
}

/// The origins of the client `id`.
pub async fn origins(db: &impl ConnectionTrait, id: &str) -> Result<Vec<String>, StoreError> {
    let rows = query_all(db, "SELECT origin FROM client_origins WHERE client_id = $1 ORDER BY origin", [id.into()]).await?;
    rows.iter().map(|row| Columns::of(row).take()).collect()
}

/// Keeps the logo of the client `id`.
pub async fn set_logo(db: &impl ConnectionTrait, id: &str, media_type: &str, image: Vec<u8>) -> Result<(), StoreError> {
    let sql = "INSERT INTO client_logos (client_id, media_type, image) VALUES ($1, $2, $3) \
               ON CONFLICT (client_id) DO UPDATE SET media_type = $2, image = $3";
    execute(db, sql, [id.into(), media_type.into(), image.into()]).await?;
    Ok(())
}

/// Media type and bytes of the logo of the client `id`.
pub async fn logo(db: &impl ConnectionTrait, id: &str) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    if !can_be_id(id) {
        return Ok(None);
    }
    let row = query_one(db, "SELECT media_type, image FROM client_logos WHERE client_id = $1", [id.into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let mut columns = Columns::of(&row);
    Ok(Some((columns.take()?, columns.take()?)))
}

/// Whether the client `id` has a logo.
pub async fn has_logo(db: &impl ConnectionTrait, id: &str) -> Result<bool, StoreError> {
    Ok(query_one(db, "SELECT 1 AS one FROM client_logos WHERE client_id = $1", [id.into()]).await?.is_some())
}

/// Gives a confidential client a new secret; the current one stays good beside it until the next rotation, unless
/// `drop_previous`. False if there is no such client.
pub async fn rotate_secret(db: &impl ConnectionTrait, id: &str, hash: &[u8], drop_previous: bool) -> Result<bool, StoreError> {
    let sql = if drop_previous {
        "UPDATE clients SET previous_secret_hash = NULL, secret_hash = $2 WHERE id = $1"
    } else {
        "UPDATE clients SET previous_secret_hash = secret_hash, secret_hash = $2 WHERE id = $1"
    };
    Ok(execute(db, sql, [id.into(), hash.to_vec().into()]).await? == 1)
}

/// Enables a client (`None`) or disables it. False if there is no such client.
pub async fn set_disabled(db: &impl ConnectionTrait, id: &str, at: Option<UnixSeconds>) -> Result<bool, StoreError> {
    Ok(execute(db, "UPDATE clients SET disabled_at = $2 WHERE id = $1", [id.into(), at.into()]).await? == 1)
}

/// Lets nobody give anything to the client `id` until the caller's transaction ends. False if there is none.
pub async fn hold(db: &impl ConnectionTrait, id: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS one FROM clients WHERE id = $1".to_owned() + &locked(db, "UPDATE");
    Ok(can_be_id(id) && query_one(db, &sql, [id.into()]).await?.is_some())
}

/// Removes a client with its authorizations. False if there is none.
pub async fn remove(db: &impl ConnectionTrait, id: &str) -> Result<bool, StoreError> {
    Ok(clients::Entity::delete_by_id(id).exec(db).await?.rows_affected == 1)
}
