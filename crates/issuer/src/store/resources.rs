//! Resources and the scopes that they own.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::clock::UnixSeconds;
use crate::oauth::access_token_typ::AccessTokenTyp;
use crate::oauth::issuer::Issuer;
use crate::oauth::resource_identifier::{comparable, is_same};
use crate::oauth::token_claim::TokenClaim;
use crate::store::entity::{resources, scopes};
use crate::store::query::insert_unless_taken;
use crate::store::{StoreError, revocations};

pub use crate::store::entity::resources::Model as ResourceRow;
pub use crate::store::entity::scopes::Model as ScopeRow;

/// The id of the built-in resource that stands for the issuer itself; it owns the scopes of administration.
pub const ISSUER: &str = "issuer";
/// The id of the built-in resource that stands for UserInfo; it owns OpenID Connect's scopes.
pub const USERINFO: &str = "userinfo";

/// The part of a resource that tokens need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The key of its row, which differs from its identifier.
    pub id: String,
    identifier: Option<String>,
    /// The lifetime of its access tokens, in seconds. `None` for the default of the settings.
    pub token_lifetime: Option<UnixSeconds>,
    /// `true` if any client may ask for its scopes on behalf of a user.
    pub open: bool,
    /// The `typ` of its access tokens.
    pub access_token_typ: AccessTokenTyp,
    /// The claims about the user that its access tokens carry beside the scopes.
    pub token_claims: TokenClaims,
}

/// What the access tokens of a resource tell of the user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenClaims {
    /// The prefix that the names of the groups begin with which are told; `None` if none are told.
    pub groups: Option<String>,
    /// `true` if the roles are told that hold a scope of the resource.
    pub roles: bool,
}

impl TokenClaims {
    /// Returns `true` if the tokens tell nothing.
    pub fn is_empty(&self) -> bool {
        self.groups.is_none() && !self.roles
    }

    fn of(row: &ResourceRow) -> Self {
        let told = TokenClaim::parse_list(&row.token_claims);
        Self { groups: told.contains(&TokenClaim::Groups).then(|| row.group_prefix.clone()), roles: told.contains(&TokenClaim::Roles) }
    }
}

impl Resource {
    /// Makes the built-in resource [`USERINFO`] without reading its row.
    pub fn userinfo() -> Self {
        Self {
            id: USERINFO.to_owned(),
            identifier: None,
            token_lifetime: None,
            open: false,
            access_token_typ: AccessTokenTyp::AtJwt,
            token_claims: TokenClaims::default(),
        }
    }

    /// Returns the `aud` of its tokens.
    pub fn identifier(&self, issuer: &Issuer) -> String {
        identifier(&self.id, self.identifier.as_deref(), issuer)
    }
}

impl ResourceRow {
    /// Returns the `typ` of the access tokens. A value that cannot be read counts as the default.
    pub fn access_token_typ(&self) -> AccessTokenTyp {
        AccessTokenTyp::parse(&self.access_token_typ).unwrap_or_default()
    }
}

impl From<ResourceRow> for Resource {
    fn from(row: ResourceRow) -> Self {
        let (access_token_typ, token_claims) = (row.access_token_typ(), TokenClaims::of(&row));
        Self { id: row.id, identifier: row.identifier, token_lifetime: row.token_lifetime, open: row.open, access_token_typ, token_claims }
    }
}

/// Returns the identifier of a resource: the stored one, or for a built-in resource one that is made from the issuer.
pub fn identifier(id: &str, stored: Option<&str>, issuer: &Issuer) -> String {
    match (stored, id) {
        (Some(identifier), _) => identifier.to_owned(),
        (None, USERINFO) => issuer.endpoint("/userinfo"),
        (None, _) => issuer.as_str().to_owned(),
    }
}

/// Returns the resource that this identifier names. A built-in resource takes precedence over a registered one.
pub async fn by_identifier(db: &impl ConnectionTrait, identifier: &str, issuer: &Issuer) -> Result<Option<Resource>, StoreError> {
    match [ISSUER, USERINFO].into_iter().find(|id| is_same(&self::identifier(id, None, issuer), identifier)) {
        Some(id) => by_column(db, resources::Column::Id, id).await,
        None => registered(db, identifier).await,
    }
}

/// Returns the registered resource that this identifier names, even if a built-in one has the same.
pub async fn registered(db: &impl ConnectionTrait, identifier: &str) -> Result<Option<Resource>, StoreError> {
    by_column(db, resources::Column::Comparable, &comparable(identifier)).await
}

/// Returns the first identifier of a built-in resource that a registered resource has too. That happens if the resource was
/// registered before the issuer got its present name.
pub async fn registered_as_issuer(db: &impl ConnectionTrait, issuer: &Issuer) -> Result<Option<String>, StoreError> {
    for id in [ISSUER, USERINFO] {
        let own = identifier(id, None, issuer);
        if registered(db, &own).await?.is_some() {
            return Ok(Some(own));
        }
    }
    Ok(None)
}

async fn by_column(db: &impl ConnectionTrait, column: resources::Column, value: &str) -> Result<Option<Resource>, StoreError> {
    Ok(resources::Entity::find().filter(column.eq(value)).all(db).await?.pop().map(Resource::from))
}

/// Returns the row of the resource with the key `id`.
pub async fn row(db: &impl ConnectionTrait, id: &str) -> Result<Option<ResourceRow>, StoreError> {
    Ok(resources::Entity::find_by_id(id).all(db).await?.pop())
}

/// Returns up to `limit` resources, the built-in ones first, then the oldest first. `after` is the time at which the last one of the
/// previous page was added, and its key.
pub async fn page(db: &impl ConnectionTrait, after: Option<(UnixSeconds, &str)>, limit: u64) -> Result<Vec<ResourceRow>, StoreError> {
    use resources::Column;
    let following = |(created_at, id): (UnixSeconds, &str)| {
        let later = Condition::any()
            .add(Column::CreatedAt.gt(created_at))
            .add(Condition::all().add(Column::CreatedAt.eq(created_at)).add(Column::Id.gt(id)));
        if [ISSUER, USERINFO].contains(&id) {
            return Condition::any().add(Column::Identifier.is_not_null()).add(later);
        }
        Condition::all().add(Column::Identifier.is_not_null()).add(later)
    };
    Ok(resources::Entity::find()
        .filter(Condition::all().add_option(after.map(following)))
        // Only registered resources have an identifier, and `false` comes before `true`.
        .order_by_asc(Column::Identifier.is_not_null())
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?)
}

/// Returns the rows of the resources with the keys `ids`, by key.
pub async fn by_ids(db: &impl ConnectionTrait, ids: impl Iterator<Item = &str>) -> Result<BTreeMap<String, ResourceRow>, StoreError> {
    let rows = resources::Entity::find().filter(resources::Column::Id.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}

/// Returns the scopes of the resources with the keys `ids`, in the order of their names.
pub async fn scopes_of(db: &impl ConnectionTrait, ids: impl Iterator<Item = &str>) -> Result<Vec<ScopeRow>, StoreError> {
    Ok(scopes::Entity::find().filter(scopes::Column::ResourceId.is_in(ids)).order_by_asc(scopes::Column::Name).all(db).await?)
}

/// Returns the rows of those `names` that are existing scopes, in the order of their names.
pub async fn known_scopes(db: &impl ConnectionTrait, names: &[String]) -> Result<Vec<ScopeRow>, StoreError> {
    Ok(scopes::Entity::find().filter(scopes::Column::Name.is_in(names)).order_by_asc(scopes::Column::Name).all(db).await?)
}

/// Inserts a resource with its scopes. Returns `false` if the identifier or one of the scopes is taken; the caller must then roll back.
pub async fn insert(db: &impl ConnectionTrait, resource: ResourceRow, mut owned: Vec<ScopeRow>) -> Result<bool, StoreError> {
    if !insert_unless_taken::<resources::Entity>(db, resource).await? {
        return Ok(false);
    }
    // In one order, so that two transactions which insert the same scopes never wait for each other in a circle.
    owned.sort_by(|one, other| one.name.cmp(&other.name));
    for scope in owned {
        if !insert_unless_taken::<scopes::Entity>(db, scope).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Locks the row of the resource with the key `id` until the caller's transaction ends. Returns `false` if there is no such resource.
pub async fn hold(db: &impl ConnectionTrait, id: &str) -> Result<bool, StoreError> {
    Ok(!resources::Entity::find_by_id(id).lock_exclusive().all(db).await?.is_empty())
}

/// Stores `row` in place of the row with the same id, and increments its version. The identifier stays. Returns `false` if there is no such
/// resource.
pub async fn update(db: &impl ConnectionTrait, row: &ResourceRow) -> Result<bool, StoreError> {
    use resources::Column;
    if !row.open
        && let Some(old) = self::row(db, &row.id).await?.filter(|old| old.open)
    {
        revocations::of_resource(db, &old).await?;
    }
    let set = resources::Entity::update_many()
        .col_expr(Column::Name, Expr::value(row.name.as_str()))
        .col_expr(Column::TokenLifetime, Expr::value(row.token_lifetime))
        .col_expr(Column::Open, Expr::value(row.open))
        .col_expr(Column::AccessTokenTyp, Expr::value(row.access_token_typ.as_str()))
        .col_expr(Column::TokenClaims, Expr::value(row.token_claims.as_str()))
        .col_expr(Column::GroupPrefix, Expr::value(row.group_prefix.as_str()))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1));
    Ok(set.filter(Column::Id.eq(row.id.as_str())).exec(db).await?.rows_affected == 1)
}
