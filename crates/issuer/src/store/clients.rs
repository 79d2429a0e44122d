//! Queries on clients, their scopes, their origins and their logos.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::LazyLock;

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, DerivePartialModel, EntityTrait, FromQueryResult,
    IntoActiveModel, JoinType, Order, QueryFilter, QueryOrder, QueryResult, QuerySelect, RelationTrait, SelectExt, UpdateMany, Value,
};

use crate::clock::UnixSeconds;
use crate::oauth::access::Access;
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::pkce::Pkce;
use crate::oauth::scope::words;
use crate::store::client_secrets::{SECRETS, Secret};
use crate::store::entity::{client_origins, client_scopes, clients, resources};
use crate::store::query::{allow_long_statements, columns, insert_unless_taken, text};
use crate::store::resources::{Resource, ResourceRow};
use crate::store::{StoreError, batch, client_terms, revocations};

pub use crate::store::allowed_scope::AllowedScope;
pub use crate::store::entity::clients::Model as ClientRow;

/// The groups of a user that a client is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupFilter {
    /// Those that are assigned to the client.
    Assigned,
    /// Those whose names begin with this text.
    Prefix(String),
    /// All groups of the user.
    All,
}

impl GroupFilter {
    /// Reads the columns of a client. A value that cannot be read counts as the narrowest one.
    fn parse(filter: &str, prefix: &str) -> Self {
        match filter {
            "all" => Self::All,
            "prefix" => Self::Prefix(prefix.to_owned()),
            _ => Self::Assigned,
        }
    }
}

/// A client with the scopes that it may ask for.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own, in a column of its own")]
#[expect(missing_docs, reason = "the names say it")]
pub struct Client {
    pub id: String,
    /// The name that pages show to people.
    pub client_name: String,
    /// `true` if the client cannot keep a secret and therefore has none (RFC 6749 §2.1).
    pub public: bool,
    pub grant_types: Vec<String>,
    /// At most two. One that has expired may still be among them.
    pub secrets: Vec<Secret>,
    pub enabled: bool,
    pub redirect_uris: Vec<String>,
    /// The only method by which the client may authenticate. `None` if any method will do that it has a secret or keys for.
    pub token_endpoint_auth_method: Option<String>,
    /// Whether authorization requests must carry a PKCE challenge; [`Pkce::Required`] for every public client.
    pub pkce: Pkce,
    /// `true` if the client belongs to the operator of the issuer, so that users are not asked for consent.
    pub first_party: bool,
    /// The users who may sign in to it.
    pub access: Access,
    pub registered_itself: bool,
    /// `true` if ID tokens also carry the claims of the granted scopes.
    pub id_token_claims: bool,
    /// The groups that the client is told of.
    pub group_filter: GroupFilter,
    /// `false` if the client registered itself and no administrator has allowed it to be told of groups, roles and attributes.
    pub claims_allowed: bool,
    /// `true` if it has claims of its own, which [`crate::store::client_claims`] reads.
    pub has_claims: bool,
    /// `true` if it gets a `session_state` (OpenID Connect Session Management 1.0).
    pub session_management: bool,
    /// The handle in the access tokens that it gets for itself. Each change that narrows the client gives it another.
    pub grant_id: Vec<u8>,
    /// How often access was taken from many users at once, but for roles that lost scopes, when the client was read.
    pub access_changes: i64,
    /// How often a role had lost scopes at that time.
    pub role_scope_changes: i64,
    metadata: String,
    /// The resource of its tokens unless a request names another.
    pub default_resource: Option<Resource>,
    pub scopes: Vec<AllowedScope>,
}

/// Shows the id, but no hash.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An SQL expression: the scopes of the client, each followed by its resource, separated by spaces.
const SCOPES: &str = "COALESCE((SELECT string_agg(scopes.name || ' ' || scopes.resource_id, ' ') FROM client_scopes \
     JOIN scopes ON scopes.name = client_scopes.scope WHERE client_scopes.client_id = clients.id), '')";

/// An SQL expression: the scopes of all resources that are open to any client, in the same form.
const OPEN_SCOPES: &str = "COALESCE((SELECT string_agg(scopes.name || ' ' || scopes.resource_id, ' ') FROM scopes \
     JOIN resources AS openings ON openings.id = scopes.resource_id WHERE openings.open), '')";

/// An SQL expression: how often access was taken from many users at once, but for roles that lost scopes.
const ACCESS_CHANGES: &str = "(SELECT access_changes.number FROM access_changes WHERE access_changes.id = 1)";

/// An SQL expression: how often a role has lost scopes.
const ROLE_SCOPE_CHANGES: &str = "(SELECT access_changes.role_scopes FROM access_changes WHERE access_changes.id = 1)";

/// An SQL expression: whether the client has claims of its own.
const HAS_CLAIMS: &str = "EXISTS (SELECT 1 FROM client_claims WHERE client_claims.client_id = clients.id)";

impl Client {
    /// Returns the column list for a statement in SQL text over `clients LEFT JOIN resources`, where the resource is the client's
    /// default.
    pub(super) fn columns(prefix: &str) -> String {
        let resource = columns::<resources::Entity>("resources", &format!("{prefix}resource_"));
        format!(
            "{}, {resource}, {SCOPES} AS {prefix}scopes, {OPEN_SCOPES} AS {prefix}open_scopes, {HAS_CLAIMS} AS {prefix}has_claims, \
             {SECRETS} AS {prefix}secrets, {ACCESS_CHANGES} AS {prefix}access_changes, \
             {ROLE_SCOPE_CHANGES} AS {prefix}role_scope_changes",
            columns::<clients::Entity>("clients", prefix)
        )
    }
}

impl FromQueryResult for Client {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        let client = ClientRow::from_query_result(row, prefix)?;
        let resource = ResourceRow::from_query_result_optional(row, &format!("{prefix}resource_"))?;
        let scopes: String = row.try_get(prefix, "scopes")?;
        let open_scopes: String = row.try_get(prefix, "open_scopes")?;
        let secrets: String = row.try_get(prefix, "secrets")?;
        Ok(Self {
            id_token_claims: client.id_token_claims,
            group_filter: GroupFilter::parse(&client.group_filter, &client.group_prefix),
            claims_allowed: client.claims_allowed,
            session_management: client.session_management,
            has_claims: row.try_get(prefix, "has_claims")?,
            access_changes: row.try_get(prefix, "access_changes")?,
            role_scope_changes: row.try_get(prefix, "role_scope_changes")?,
            secrets: Secret::parse(&secrets),
            access: client.access(),
            pkce: client.pkce(),
            id: client.id,
            client_name: client.client_name,
            public: client.public,
            grant_types: words(&client.grant_types).map(str::to_owned).collect(),
            enabled: client.disabled_at.is_none(),
            redirect_uris: words(&client.redirect_uris).map(str::to_owned).collect(),
            token_endpoint_auth_method: client.token_endpoint_auth_method,
            first_party: client.first_party,
            registered_itself: client.registration_token_hash.is_some(),
            grant_id: client.grant_id,
            metadata: client.metadata,
            default_resource: resource.map(Resource::from),
            scopes: AllowedScope::parse(&scopes, &open_scopes),
        })
    }
}

impl Client {
    /// Returns whether the client may ask for `scope`.
    pub fn may_ask(&self, scope: &str) -> bool {
        self.scopes.iter().any(|allowed| allowed.name == scope)
    }

    /// Returns whether `name`, a scope or the claim of the same name, is withheld from the client, because it registered itself and no
    /// administrator has allowed it to be told of groups and roles.
    pub fn withholds(&self, name: &str) -> bool {
        !self.claims_allowed && matches!(name, "groups" | "roles")
    }

    /// Parses the metadata that the client was registered with (RFC 7591 §2).
    pub fn metadata(&self) -> Result<ClientMetadata, StoreError> {
        parse_metadata(&self.id, &self.metadata)
    }

    /// Returns whether the client is registered for the grant type `grant`.
    pub fn has_grant(&self, grant: &str) -> bool {
        self.grant_types.iter().any(|own| own == grant)
    }
}

/// Returns `false` for an id that no client can have. Queries check this first, because PostgreSQL refuses a statement with a NUL
/// in a text.
pub fn can_be_id(id: &str) -> bool {
    !id.contains('\0')
}

/// The SQL text up to the list of ids, which [`by_ids`] appends.
static BY_IDS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM clients LEFT JOIN resources ON resources.id = clients.default_resource WHERE clients.id IN ",
        Client::columns("")
    )
});

/// Returns the clients `ids`, in the order of `ids`; `None` for one that does not exist. One that many requests ask for at once is read once.
pub(super) async fn by_ids(db: DatabaseConnection, ids: Vec<String>) -> Result<Vec<Option<Client>>, StoreError> {
    let different: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let mut values: Vec<Value> = different.into_iter().map(Value::from).collect();
    let placeholders = batch::placeholders(&mut values);
    let found = Client::find_by_statement(text(&db, format!("{}({placeholders})", *BY_IDS), values)).all(&db).await?;
    Ok(ids.iter().map(|id| found.iter().find(|client| client.id == *id).cloned()).collect())
}

impl ClientRow {
    /// Returns who may sign in to the client. A value that cannot be read counts as the stricter one.
    pub fn access(&self) -> Access {
        Access::parse(&self.access).unwrap_or(Access::Groups)
    }

    /// Returns whether authorization requests must carry a PKCE challenge. A value that cannot be read counts as the strongest one.
    pub fn pkce(&self) -> Pkce {
        Pkce::parse(&self.pkce).filter(|_| !self.public).unwrap_or(Pkce::Required)
    }

    /// Parses the metadata that the client was registered with (RFC 7591 §2).
    pub fn client_metadata(&self) -> Result<ClientMetadata, StoreError> {
        parse_metadata(&self.id, &self.metadata)
    }
}

fn parse_metadata(id: &str, json: &str) -> Result<ClientMetadata, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Corrupt(format!("metadata of the client {id}: {error}")))
}

/// Returns up to `limit` clients after the id `after`, in the order of their ids. `enabled` restricts them to those that are
/// enabled (`true`) or disabled (`false`), and `registered` to those that registered themselves (`true`) or did not (`false`).
pub async fn page(
    db: &impl ConnectionTrait,
    (enabled, registered): (Option<bool>, Option<bool>),
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<ClientRow>, StoreError> {
    use clients::Column;
    let registration = Column::RegistrationTokenHash;
    let condition = Condition::all()
        .add_option(registered.map(|registered| if registered { registration.is_not_null() } else { registration.is_null() }))
        .add_option(after.map(|after| Column::Id.gt(after)))
        .add_option(enabled.map(|enabled| if enabled { Column::DisabledAt.is_null() } else { Column::DisabledAt.is_not_null() }));
    Ok(clients::Entity::find().filter(condition).order_by_asc(Column::Id).limit(limit).all(db).await?)
}

/// Returns the scopes that the clients `ids` may ask for, by client, in the order of their names.
pub async fn scopes_of(db: &impl ConnectionTrait, ids: &[&str]) -> Result<HashMap<String, Vec<String>>, StoreError> {
    let own = client_scopes::Entity::find().filter(client_scopes::Column::ClientId.is_in(ids.iter().copied()));
    let rows = own.order_by_asc(client_scopes::Column::Scope).all(db).await?;
    Ok(by_client(rows.into_iter().map(|row| (row.client_id, row.scope))))
}

/// Returns the origins of the clients `ids`, by client, in alphabetical order.
pub async fn origins_of(db: &impl ConnectionTrait, ids: &[&str]) -> Result<HashMap<String, Vec<String>>, StoreError> {
    let own = client_origins::Entity::find().filter(client_origins::Column::ClientId.is_in(ids.iter().copied()));
    let rows = own.order_by_asc(client_origins::Column::Origin).all(db).await?;
    Ok(by_client(rows.into_iter().map(|row| (row.client_id, row.origin))))
}

fn by_client(pairs: impl Iterator<Item = (String, String)>) -> HashMap<String, Vec<String>> {
    let mut lists: HashMap<String, Vec<String>> = HashMap::new();
    for (client, item) in pairs {
        lists.entry(client).or_default().push(item);
    }
    lists
}

/// Returns the row of the client `id`, without its scopes.
pub async fn row(db: &impl ConnectionTrait, id: &str) -> Result<Option<ClientRow>, StoreError> {
    if !can_be_id(id) {
        return Ok(None);
    }
    Ok(clients::Entity::find_by_id(id).all(db).await?.pop())
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "clients::Entity")]
struct GrantTypes {
    grant_types: String,
}

/// Returns the grant types that at least one enabled client is registered for. A grant type may come several times.
pub async fn grants_in_use(db: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let enabled = clients::Entity::find().distinct().filter(clients::Column::DisabledAt.is_null());
    let rows = enabled.into_partial_model::<GrantTypes>().all(db).await?;
    Ok(rows.iter().flat_map(|row| words(&row.grant_types)).map(str::to_owned).collect())
}

/// Inserts a client that may ask for `scopes`, which must exist, and whose scripts run in `origins`. Returns `false`, and inserts nothing, if
/// the id is taken.
pub async fn insert(db: &impl ConnectionTrait, client: ClientRow, scopes: &[String], origins: &[String]) -> Result<bool, StoreError> {
    let (id, terms) = (client.id.clone(), client_terms::of(&client));
    if !insert_unless_taken::<clients::Entity>(db, client).await? {
        return Ok(false);
    }
    client_terms::insert(db, &id, terms).await?;
    add_lists(db, &id, scopes, origins).await?;
    Ok(true)
}

/// Stores the changed row of a client, with its scopes and origins in place of those that it has.
pub async fn replace(db: &impl ConnectionTrait, client: ClientRow, scopes: &[String], origins: &[String]) -> Result<(), StoreError> {
    let (id, terms) = (client.id.clone(), client_terms::of(&client));
    let (mut own, old) = (scopes_of(db, &[&id]).await?, row(db, &id).await?);
    let loses_scopes = own.remove(&id).unwrap_or_default().iter().any(|scope| !scopes.contains(scope));
    let loses_users = client.access() == Access::Groups && old.as_ref().is_some_and(|old| old.access() == Access::Everyone);
    let grants = |row: &ClientRow| words(&row.grant_types).map(str::to_owned).collect::<BTreeSet<_>>();
    let loses_grants = old.as_ref().is_some_and(|old| !grants(old).is_subset(&grants(&client)));
    clients::Entity::update(client.into_active_model().reset_all()).exec(db).await?;
    client_terms::replace(db, &id, terms).await?;
    if loses_scopes || loses_users || loses_grants {
        revocations::of_client(db, &id).await?;
    }
    client_scopes::Entity::delete_many().filter(client_scopes::Column::ClientId.eq(id.as_str())).exec(db).await?;
    client_origins::Entity::delete_many().filter(client_origins::Column::ClientId.eq(id.as_str())).exec(db).await?;
    add_lists(db, &id, scopes, origins).await
}

async fn add_lists(db: &impl ConnectionTrait, id: &str, scopes: &[String], origins: &[String]) -> Result<(), StoreError> {
    for origin in origins {
        let row = client_origins::Model { client_id: id.to_owned(), origin: origin.clone() };
        let unless_known = OnConflict::new().do_nothing().to_owned();
        client_origins::Entity::insert(row.into_active_model()).on_conflict(unless_known).exec_without_returning(db).await?;
    }
    if !scopes.is_empty() {
        let rows = scopes.iter().map(|scope| client_scopes::Model { client_id: id.to_owned(), scope: scope.clone() }.into_active_model());
        client_scopes::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Returns whether scripts of `origin` belong to an enabled client.
pub async fn is_origin(db: &impl ConnectionTrait, origin: &str) -> Result<bool, StoreError> {
    let of_enabled = client_origins::Entity::find()
        .join(JoinType::InnerJoin, client_origins::Relation::Clients.def())
        .filter(client_origins::Column::Origin.eq(origin))
        .filter(clients::Column::DisabledAt.is_null());
    Ok(of_enabled.exists(db).await?)
}

/// A statement that increments the versions of clients.
pub(super) fn changed() -> UpdateMany<clients::Entity> {
    clients::Entity::update_many().col_expr(clients::Column::Version, Expr::col(clients::Column::Version).add(1))
}

/// A statement that changes the client `id`, and counts the change.
fn changing(id: &str) -> UpdateMany<clients::Entity> {
    changed().filter(clients::Column::Id.eq(id))
}

/// Counts a change of what belongs to the client `id`.
pub async fn count_change(db: &impl ConnectionTrait, id: &str) -> Result<(), StoreError> {
    changing(id).exec(db).await?;
    Ok(())
}

/// Disables a client at the time `at`, or enables it if `at` is `None`. Returns `false` if there is no such client.
pub async fn set_disabled(db: &impl ConnectionTrait, id: &str, at: Option<UnixSeconds>) -> Result<bool, StoreError> {
    if at.is_some() {
        revocations::of_client(db, id).await?;
    }
    Ok(changing(id).col_expr(clients::Column::DisabledAt, Expr::value(at)).exec(db).await?.rows_affected == 1)
}

/// Returns up to `limit` enabled clients that were not used since `before`, the longest unused first. Those that were never used are among
/// them if they were added before then.
pub async fn stale(db: &impl ConnectionTrait, before: UnixSeconds, limit: u64) -> Result<Vec<ClientRow>, StoreError> {
    // The index `clients_last_use` is on this expression.
    let used = || Expr::cust("COALESCE(last_used_at, created_at)");
    let enabled = clients::Entity::find().filter(clients::Column::DisabledAt.is_null());
    Ok(enabled.filter(used().lt(before)).order_by(used(), Order::Asc).limit(limit).all(db).await?)
}

/// Returns the ids of up to `limit` clients that registered themselves and were not used since `before`, those that were never used
/// included if they registered before then.
pub async fn unused(db: &impl ConnectionTrait, before: UnixSeconds, limit: u64) -> Result<Vec<String>, StoreError> {
    use clients::Column;
    let unused = Column::LastUsedAt.lt(before).or(Column::LastUsedAt.is_null().and(Column::CreatedAt.lt(before)));
    let own = clients::Entity::find().filter(Column::RegistrationTokenHash.is_not_null()).filter(unused).limit(limit);
    Ok(own.all(db).await?.into_iter().map(|row| row.id).collect())
}

/// Locks the row of the client `id`, so that no other transaction can insert an authorization for it until the caller's transaction
/// ends. Returns `false` if there is no such client.
pub async fn hold(db: &impl ConnectionTrait, id: &str) -> Result<bool, StoreError> {
    Ok(can_be_id(id) && !clients::Entity::find_by_id(id).lock_exclusive().all(db).await?.is_empty())
}

/// Deletes a client. The database deletes its authorizations, codes and consents with it. Returns `false` if there is no such
/// client.
pub async fn remove(db: &impl ConnectionTrait, id: &str) -> Result<bool, StoreError> {
    allow_long_statements(db).await?;
    Ok(clients::Entity::delete_by_id(id).exec(db).await?.rows_affected == 1)
}
