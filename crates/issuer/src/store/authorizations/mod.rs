//! Authorizations: one row per user authorization, with or without a refresh token.

mod end;
mod read;

pub use end::{end, end_all, end_elsewhere, end_of_all_sessions, end_of_session};
pub(super) use read::with_users;
pub use read::{Standing, Which, by_id, count_live, count_not_ended, key_versions, live, of_grant, standing, with_parties};

use std::collections::HashSet;

use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityName, EntityTrait, FromQueryResult, QueryFilter, QuerySelect,
    QueryTrait, Value,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::claims_request::ClaimsRequest;
use crate::store::client_groups::may_use;
use crate::store::clients::Client;
use crate::store::entity::authorizations::{Column, Entity};
use crate::store::entity::{access_changes, authorization_codes, clients, sessions, users};
use crate::store::query::{insert_if, text};
use crate::store::users::User;
use crate::store::{StoreError, batch};

pub use crate::store::entity::authorizations::Model as AuthorizationRow;

impl AuthorizationRow {
    /// Parses the `claims` parameter of the authorization request (OpenID Connect Core §5.5). It is empty if the request had none.
    pub fn requested_claims(&self) -> Result<ClaimsRequest, StoreError> {
        let Some(json) = &self.claims else { return Ok(ClaimsRequest::default()) };
        serde_json::from_str(json).map_err(|error| StoreError::Corrupt(format!("claims of the authorization {}: {error}", self.id)))
    }

    /// Returns whether the authorization was last refreshed `idle` seconds or more before `now`. If the clock was set back, no time
    /// counts as passed.
    pub fn is_idle(&self, now: UnixSeconds, idle: UnixSeconds) -> bool {
        std::cmp::max(now - self.refreshed_at, 0) >= idle
    }

    /// Returns whether neither the authorization nor the session that it needs has ended or expired at `now`. An authorization that
    /// is `offline` needs no session.
    pub fn is_live(&self, now: UnixSeconds) -> bool {
        self.ended_at.is_none() && self.expires() > now
    }

    /// Returns the time, in Unix seconds, at which the authorization, or the session that it needs, expires unless the session is used.
    pub fn expires(&self) -> UnixSeconds {
        if self.sid.is_none() || self.offline {
            return self.expires_at;
        }
        self.session_expires_at.map_or(0, |session| std::cmp::min(session, self.expires_at))
    }
}

/// A SELECT without columns that finds one row if both the user and the client exist, and locks them against changes.
pub(super) fn parties(user: Uuid, client: &str) -> SelectStatement {
    Query::select()
        .from(users::Entity)
        .from(clients::Entity)
        .and_where(users::Column::Id.eq(user))
        .and_where(clients::Column::Id.eq(client))
        .lock_with_tables(LockType::Share, [users::Entity.table_ref(), clients::Entity.table_ref()])
        .take()
}

/// Locks the rows of the user and the client against changes until the caller's transaction ends.
pub async fn hold_parties(db: &impl ConnectionTrait, user: Uuid, client: &str) -> Result<(), StoreError> {
    db.query_one(parties(user, client).expr(Expr::val(1))).await?;
    Ok(())
}

/// Returns what [`parties`] does, if nothing but scopes of roles was taken from `user`, from `client` or from many users at once since the
/// two were read. The counters of the latter are locked after them. `client` must have been read first.
fn but_for_roles(user: &User, client: &Client) -> SelectStatement {
    parties(user.id, &client.id)
        .from(access_changes::Entity)
        .and_where(users::Column::AccessVersion.eq(user.access_version))
        .and_where(clients::Column::GrantId.eq(client.grant_id.as_slice()))
        .and_where(access_changes::Column::Id.eq(1))
        .and_where(access_changes::Column::Number.eq(client.access_changes))
        .lock_with_tables(LockType::Share, [users::Entity.table_ref(), clients::Entity.table_ref(), access_changes::Entity.table_ref()])
        .take()
}

/// Returns what [`but_for_roles`] does, if no role has lost scopes since either. `role_scopes` is how often one had when the user was read.
fn as_read(user: &User, client: &Client, role_scopes: i64) -> SelectStatement {
    but_for_roles(user, client).and_where(access_changes::Column::RoleScopes.eq(role_scopes)).take()
}

/// Returns whether nothing was taken from `user`, from `client` or from many users at once since the two were read.
pub async fn is_as_read(db: &impl ConnectionTrait, user: &User, client: &Client) -> Result<bool, StoreError> {
    Ok(db.query_one(as_read(user, client, client.role_scope_changes).expr(Expr::val(1))).await?.is_some())
}

/// Returns how often a role has lost scopes, if one has since `user` and `client` were read, and this is all that has changed, and `user` has
/// the same scopes as then. No role loses scopes any more until the caller's transaction ends.
async fn after_others_lost_scopes(db: &impl ConnectionTrait, user: &User, client: &Client) -> Result<Option<i64>, StoreError> {
    let counter = Expr::col((access_changes::Entity, access_changes::Column::RoleScopes));
    let Some(row) = db.query_one(but_for_roles(user, client).expr_as(counter, "role_scopes")).await? else { return Ok(None) };
    let role_scopes: i64 = row.try_get("", "role_scopes")?;
    if role_scopes == client.role_scope_changes {
        return Ok(None);
    }
    // A statement of its own, which sees what was committed before the lock was given.
    let now = crate::store::users::with_scopes(db, user.id).await?;
    let set = |user: &User| user.scopes.iter().cloned().collect::<HashSet<_>>();
    Ok(now.filter(|now| set(now) == set(user)).map(|_| role_scopes))
}

/// Inserts `row` of `user` and `client` if both are enabled, the user may sign in to the client, its session (if any) has not ended, the user
/// still has the same `credential_version`, and nothing was taken from them since they were read; otherwise returns `false`. A transaction
/// that changes them at the same moment waits, and then finds the row. Roles of others may lose scopes meanwhile.
pub async fn insert(db: &impl ConnectionTrait, row: &AuthorizationRow, user: &User, client: &Client) -> Result<bool, StoreError> {
    if insert_after(db, row, user, client, client.role_scope_changes).await? {
        return Ok(true);
    }
    match after_others_lost_scopes(db, user, client).await? {
        Some(role_scopes) => insert_after(db, row, user, client, role_scopes).await,
        None => Ok(false),
    }
}

/// Does what [`insert`] does, if a role has lost scopes `role_scopes` times.
async fn insert_after(
    db: &impl ConnectionTrait,
    row: &AuthorizationRow,
    user: &User,
    client: &Client,
    role_scopes: i64,
) -> Result<bool, StoreError> {
    let mut decision = as_read(user, client, role_scopes);
    decision
        .and_where(users::Column::DisabledAt.is_null())
        .and_where(users::Column::CredentialVersion.eq(user.credential_version))
        .and_where(clients::Column::DisabledAt.is_null())
        .and_where(Expr::cust(may_use("clients.id")));
    if let Some(sid) = &row.sid {
        let session = sessions::Entity::find_by_id(sid).filter(sessions::Column::EndedAt.is_null());
        decision.and_where(Expr::exists(session.into_query()));
    }
    insert_if::<Entity>(db, row, decision).await
}

/// An SQL expression: whether the user of the authorization is a member of one of the groups of its client.
const IN_GROUP: &str = "EXISTS (SELECT 1 FROM client_groups JOIN group_members ON group_members.group_id = client_groups.group_id \
     WHERE client_groups.client_id = authorizations.client_id AND group_members.user_id = authorizations.user_id)";

/// A step of an authorization to its next generation.
#[derive(Debug, Clone)]
pub struct Advance {
    /// The id of the authorization.
    pub id: Uuid,
    /// The generation that is spent.
    pub from: i32,
    /// The handle in the access token that is given for it.
    pub grant_id: Vec<u8>,
    /// [`Client::grant_id`] when the client was read, before the authorization.
    pub client_grant_id: Vec<u8>,
    /// [`Client::access_changes`] at that time.
    pub access_changes: i64,
    /// The time of the step, in Unix seconds.
    pub now: UnixSeconds,
}

#[derive(FromQueryResult, PartialEq, Eq, Hash)]
struct Advanced {
    id: Uuid,
    generation: i32,
}

/// Advances each authorization of `steps` by one generation, in one statement, if it has neither ended nor expired, its user and
/// client are enabled, the user may sign in to the client, it has the handle that was read, and nothing was taken from the client or from many
/// users since the client was read. Returns `true` for each step that was made; of two equal steps only the first is made. What was taken from
/// the user needs no other condition: it has replaced the handle that was read with the user's scopes. The handle counts as used from then on.
pub(super) async fn advance(db: DatabaseConnection, steps: Vec<Advance>) -> Result<Vec<bool>, StoreError> {
    let now = steps.iter().map(|step| step.now).max().unwrap_or_default();
    let mut values: Vec<Value> = steps.iter().map(|step| step.id.into()).collect();
    let ids = batch::placeholders(&mut values);
    let count = values.len();
    let columns: [Vec<Value>; 4] = [
        steps.iter().map(|step| step.from.into()).collect(),
        steps.iter().map(|step| step.grant_id.as_slice().into()).collect(),
        steps.iter().map(|step| step.client_grant_id.as_slice().into()).collect(),
        steps.iter().map(|step| step.access_changes.into()).collect(),
    ];
    for mut column in columns {
        batch::placeholders(&mut column);
        values.extend(column);
    }
    let step = |number: usize| {
        format!(
            "id = ${number} AND generation = ${} AND grant_id = ${} \
             AND ${} = (SELECT r.grant_id FROM clients r WHERE r.id = authorizations.client_id) \
             AND ${} = (SELECT number FROM access_changes WHERE access_changes.id = 1)",
            count + number,
            2 * count + number,
            3 * count + number,
            4 * count + number
        )
    };
    let each: Vec<String> = (1..=count).map(step).collect();
    values.push(now.into());
    let now = 5 * count + 1;
    let sql = format!(
        "UPDATE authorizations SET generation = generation + 1, refreshed_at = ${now}, grant_id_used = TRUE \
         WHERE id IN ({ids}) AND ({}) AND ended_at IS NULL AND expires_at > ${now} \
         AND EXISTS (SELECT 1 FROM users u WHERE u.id = authorizations.user_id AND u.disabled_at IS NULL) \
         AND EXISTS (SELECT 1 FROM clients c WHERE c.id = authorizations.client_id AND c.disabled_at IS NULL \
         AND (c.access = 'everyone' OR {IN_GROUP})) \
         RETURNING id, generation",
        each.join(" OR ")
    );
    let mut made: HashSet<Advanced> = Advanced::find_by_statement(text(&db, sql, values)).all(&db).await?.into_iter().collect();
    Ok(steps.iter().map(|step| made.remove(&Advanced { id: step.id, generation: step.from + 1 })).collect())
}

/// Stores that an access token carries the handle `grant_id` of the authorization `id`. Returns `false` if it has another handle, or has ended.
pub async fn note_use(db: &impl ConnectionTrait, id: Uuid, grant_id: &[u8]) -> Result<bool, StoreError> {
    let noted = Entity::update_many().col_expr(Column::GrantIdUsed, Expr::value(true)).filter(Column::Id.eq(id));
    let noted = noted.filter(Column::GrantId.eq(grant_id)).filter(Column::EndedAt.is_null());
    Ok(noted.exec(db).await?.rows_affected == 1)
}

/// A condition for the authorizations of `user`, of `client`, or of both together. `None` matches every user or every client.
fn of(user: Option<Uuid>, client: Option<&str>) -> Condition {
    Condition::all().add_option(user.map(|user| Column::UserId.eq(user))).add_option(client.map(|client| Column::ClientId.eq(client)))
}

/// Deletes up to `limit` authorizations that ended or expired before `before`, with the codes of which they came; returns their number. None
/// of their access tokens is still valid, so their handles are taken away first, and the deletion revokes nothing.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let over = || Column::ExpiresAt.lt(before).or(Column::EndedAt.lt(before));
    let with_handle = Entity::find().select_only().column(Column::Id).filter(over()).filter(Column::GrantId.is_not_null());
    let some = with_handle.limit(limit.unsigned_abs()).into_query();
    Entity::update_many().col_expr(Column::GrantId, Expr::cust("NULL")).filter(Column::Id.in_subquery(some)).exec(db).await?;
    let without_handle = Entity::find().select_only().column(Column::Id).filter(over()).filter(Column::GrantId.is_null());
    let ids: Vec<Uuid> = without_handle.limit(limit.unsigned_abs()).into_tuple().all(db).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let codes = authorization_codes::Entity::delete_many();
    codes.filter(authorization_codes::Column::AuthorizationId.is_in(ids.iter().copied())).exec(db).await?;
    Ok(Entity::delete_many().filter(Column::Id.is_in(ids)).exec(db).await?.rows_affected)
}
