//! Authorizations: one row per user authorization, with or without a refresh token.

use std::collections::HashSet;
use std::sync::LazyLock;

use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, DerivePartialModel, EntityName, EntityTrait, FromQueryResult,
    JoinType, PartialModelTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait, RelationTrait, Value,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::claims_request::ClaimsRequest;
use crate::store::clients::Client;
use crate::store::entity::authorizations::{Column, Entity, Relation};
use crate::store::entity::{clients, sessions, users};
use crate::store::query::{self, columns, insert_if, text};
use crate::store::users::User;
use crate::store::{StoreError, batch};

pub use crate::store::entity::authorizations::Model as AuthorizationRow;

impl AuthorizationRow {
    /// The request's `claims` parameter.
    pub fn requested_claims(&self) -> Result<ClaimsRequest, StoreError> {
        let Some(json) = &self.claims else { return Ok(ClaimsRequest::default()) };
        serde_json::from_str(json).map_err(|error| StoreError::Corrupt(format!("claims of the authorization {}: {error}", self.id)))
    }

    /// Whether it was not refreshed for `idle` seconds at `now`. A clock that was set back counts as no time.
    pub fn is_idle(&self, now: UnixSeconds, idle: UnixSeconds) -> bool {
        std::cmp::max(now - self.refreshed_at, 0) >= idle
    }

    /// Whether the row itself, and the session that it needs, live at `now`.
    pub fn is_live(&self, now: UnixSeconds) -> bool {
        let in_session = self.sid.is_none() || self.offline || self.session_expires_at.is_some_and(|until| until > now);
        self.ended_at.is_none() && self.expires_at > now && in_session
    }
}

/// When the session of the authorization ends, if it has not ended yet.
const SESSION_EXPIRES_AT: &str =
    "(SELECT sessions.expires_at FROM sessions WHERE sessions.sid = authorizations.sid AND sessions.ended_at IS NULL)";

/// An authorization with the end of its session, which is the one value of [`AuthorizationRow`] that is no column of its table.
struct InSession(AuthorizationRow);

impl InSession {
    fn columns(prefix: &str) -> String {
        format!("{}, {SESSION_EXPIRES_AT} AS {prefix}session_expires_at", columns::<Entity>("authorizations", prefix))
    }
}

impl FromQueryResult for InSession {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        let session_expires_at = row.try_get(prefix, "session_expires_at")?;
        Ok(Self(AuthorizationRow { session_expires_at, ..AuthorizationRow::from_query_result(row, prefix)? }))
    }
}

impl PartialModelTrait for InSession {
    fn select_cols_nested<S: QuerySelect>(select: S, prefix: Option<&str>, table: Option<&'static str>) -> S {
        let name = format!("{}session_expires_at", prefix.unwrap_or_default());
        AuthorizationRow::select_cols_nested(select, prefix, table).expr_as(Expr::cust(SESSION_EXPIRES_AT), name)
    }
}

#[derive(FromQueryResult)]
struct WithUser {
    // Without a prefix, so that SeaORM need not put the name of each column together for each row.
    #[sea_orm(nested)]
    authorization: InSession,
    #[sea_orm(nested(prefix = "user_"))]
    user: User,
}

/// Ends where the list of ids begins.
static WITH_USERS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, {} FROM authorizations JOIN users ON users.id = authorizations.user_id WHERE authorizations.id IN ",
        InSession::columns(""),
        User::columns("user_")
    )
});

/// The authorizations of `ids` with their users, in their order.
pub(super) async fn with_users(db: DatabaseConnection, ids: Vec<Uuid>) -> Result<Vec<Option<(AuthorizationRow, User)>>, StoreError> {
    let mut values: Vec<Value> = ids.iter().map(|id| (*id).into()).collect();
    let placeholders = batch::placeholders(&mut values);
    let found = WithUser::find_by_statement(text(&db, format!("{}({placeholders})", *WITH_USERS), values)).all(&db).await?;
    let of_id = |id: &Uuid| found.iter().find(|found| found.authorization.0.id == *id);
    Ok(ids.iter().map(|id| of_id(id).map(|found| (found.authorization.0.clone(), found.user.clone()))).collect())
}

#[derive(FromQueryResult)]
struct WithParties {
    #[sea_orm(nested)]
    authorization: InSession,
    #[sea_orm(nested(prefix = "user_"))]
    user: User,
    #[sea_orm(nested(prefix = "client_"))]
    client: Client,
}

static WITH_PARTIES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, {}, {} FROM authorizations JOIN users ON users.id = authorizations.user_id \
         JOIN clients ON clients.id = authorizations.client_id LEFT JOIN resources ON resources.id = clients.default_resource \
         WHERE authorizations.id = $1",
        InSession::columns(""),
        User::columns("user_"),
        Client::columns("client_")
    )
});

/// The authorization `id` with its user and its client.
pub async fn with_parties(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<(AuthorizationRow, User, Client)>, StoreError> {
    let found = WithParties::find_by_statement(text(db, WITH_PARTIES.as_str(), [id.into()])).one(db).await?;
    Ok(found.map(|found| (found.authorization.0, found.user, found.client)))
}

/// A SELECT without columns that finds one row if there are the user and the client, and locks both against changes.
fn parties(user: Uuid, client: &str) -> SelectStatement {
    Query::select()
        .from(users::Entity)
        .from(clients::Entity)
        .and_where(users::Column::Id.eq(user))
        .and_where(clients::Column::Id.eq(client))
        .lock_with_tables(LockType::Share, [users::Entity.table_ref(), clients::Entity.table_ref()])
        .take()
}

/// Lets nobody change the user and the client until the caller's transaction ends.
pub async fn hold_parties(db: &impl ConnectionTrait, user: Uuid, client: &str) -> Result<(), StoreError> {
    db.query_one(parties(user, client).expr(Expr::val(1))).await?;
    Ok(())
}

/// Inserts `row` if its user and client are enabled, its session (if any) has not ended, and the user's credentials are of
/// `credential_version`; otherwise returns `false`. A transaction that changes one of those waits, and then finds the row.
pub async fn insert(db: &impl ConnectionTrait, row: &AuthorizationRow, credential_version: i32) -> Result<bool, StoreError> {
    let mut decision = parties(row.user_id, &row.client_id);
    decision
        .and_where(users::Column::DisabledAt.is_null())
        .and_where(users::Column::CredentialVersion.eq(credential_version))
        .and_where(clients::Column::DisabledAt.is_null());
    if let Some(sid) = &row.sid {
        let session = sessions::Entity::find_by_id(sid).filter(sessions::Column::EndedAt.is_null());
        decision.and_where(Expr::exists(session.into_query()));
    }
    insert_if::<Entity>(db, row, decision).await
}

/// A step to the next generation.
#[derive(Debug, Clone, Copy)]
pub struct Advance {
    /// The authorization.
    pub id: Uuid,
    /// The generation that is spent.
    pub from: i32,
    /// The time of the step, in Unix seconds.
    pub now: UnixSeconds,
}

#[derive(FromQueryResult, PartialEq, Eq, Hash)]
struct Advanced {
    id: Uuid,
    generation: i32,
}

/// Advances each authorization of `steps` by one generation, if it lives and its user and client are enabled, in one
/// statement. Returns `true` for the steps that were made; of two equal steps only the first is made.
pub(super) async fn advance(db: DatabaseConnection, steps: Vec<Advance>) -> Result<Vec<bool>, StoreError> {
    let now = steps.iter().map(|step| step.now).max().unwrap_or_default();
    let mut values: Vec<Value> = steps.iter().map(|step| step.id.into()).collect();
    let ids = batch::placeholders(&mut values);
    let mut generations: Vec<Value> = steps.iter().map(|step| step.from.into()).collect();
    batch::placeholders(&mut generations);
    let count = values.len();
    let each: Vec<String> = (1..=count).map(|number| format!("id = ${number} AND generation = ${}", count + number)).collect();
    values.extend(generations);
    values.push(now.into());
    let now = 2 * count + 1;
    let sql = format!(
        "UPDATE authorizations SET generation = generation + 1, refreshed_at = ${now} \
         WHERE id IN ({ids}) AND ({}) AND ended_at IS NULL AND expires_at > ${now} \
         AND EXISTS (SELECT 1 FROM users u WHERE u.id = authorizations.user_id AND u.disabled_at IS NULL) \
         AND EXISTS (SELECT 1 FROM clients c WHERE c.id = authorizations.client_id AND c.disabled_at IS NULL) \
         RETURNING id, generation",
        each.join(" OR ")
    );
    let mut made: HashSet<Advanced> = Advanced::find_by_statement(text(&db, sql, values)).all(&db).await?.into_iter().collect();
    Ok(steps.iter().map(|step| made.remove(&Advanced { id: step.id, generation: step.from + 1 })).collect())
}

/// Ends the authorization `id`, and with it everything that came of it. Returns `false` if it had ended before, or if there is
/// no such authorization.
pub async fn end(db: &impl ConnectionTrait, id: Uuid, now: UnixSeconds) -> Result<bool, StoreError> {
    let ended = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::EndedAt.is_null())
        .exec(db)
        .await?;
    Ok(ended.rows_affected == 1)
}

/// Ends all authorizations of a user, or of a client, or of a user with a client; returns their number.
pub async fn end_all(db: &impl ConnectionTrait, user: Option<Uuid>, client: Option<&str>, now: UnixSeconds) -> Result<u64, StoreError> {
    end_where(db, of(user, client), now).await
}

/// Ends the authorizations that were given in the session `sid` and do not outlive it; returns their number.
pub async fn end_of_session(db: &impl ConnectionTrait, sid: &str, now: UnixSeconds) -> Result<u64, StoreError> {
    end_where(db, Condition::all().add(Column::Sid.eq(sid)).add(Column::Offline.eq(false)), now).await
}

/// Ends the authorizations of `user` that were given in sessions other than `sid` and do not outlive those; returns their number.
pub async fn end_of_other_sessions(db: &impl ConnectionTrait, user: Uuid, sid: &str, now: UnixSeconds) -> Result<u64, StoreError> {
    let elsewhere = of(Some(user), None).add(Column::Sid.ne(sid)).add(Column::Offline.eq(false));
    end_where(db, elsewhere, now).await
}

/// Ends all authorizations of `user` that were not given in the session `sid`, including those that outlive a session.
pub async fn end_elsewhere(db: &impl ConnectionTrait, user: Uuid, sid: &str, now: UnixSeconds) -> Result<u64, StoreError> {
    let elsewhere = Condition::any().add(Column::Sid.is_null()).add(Column::Sid.ne(sid));
    end_where(db, of(Some(user), None).add(elsewhere), now).await
}

/// Ends the authorizations that meet `condition`. It locks them in the order of their ids, so that two transactions that end
/// some of the same authorizations never wait for each other in a circle.
async fn end_where(db: &impl ConnectionTrait, condition: Condition, now: UnixSeconds) -> Result<u64, StoreError> {
    let locked = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::EndedAt.is_null())
        .filter(condition)
        .order_by_asc(Column::Id)
        .lock(LockType::Update)
        .into_query();
    let ended = Entity::update_many().col_expr(Column::EndedAt, Expr::value(now)).filter(Column::Id.in_subquery(locked)).exec(db).await?;
    Ok(ended.rows_affected)
}

/// Holds for authorizations that can still be used at `now`, if those that were not refreshed for `idle` seconds cannot.
fn is_live(now: UnixSeconds, idle: UnixSeconds) -> Condition {
    let session = sessions::Entity::find()
        .filter(Expr::col((sessions::Entity, sessions::Column::Sid)).equals((Entity, Column::Sid)))
        .filter(sessions::Column::EndedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(now));
    Condition::all()
        .add(Column::EndedAt.is_null())
        .add(Column::ExpiresAt.gt(now))
        .add(Condition::any().add(Column::Refreshable.eq(false)).add(Column::RefreshedAt.gt(now - idle)))
        .add(Condition::any().add(Column::Sid.is_null()).add(Column::Offline.eq(true)).add(Expr::exists(session.into_query())))
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
struct KeyVersion {
    key_version: i32,
}

/// The versions of the master key that authenticate the refresh tokens of authorizations that live at `now` and were
/// refreshed within `idle` seconds.
pub async fn key_versions(db: &impl ConnectionTrait, now: UnixSeconds, idle: UnixSeconds) -> Result<Vec<i32>, StoreError> {
    let refreshable = Entity::find().distinct().filter(Column::Refreshable.eq(true)).filter(is_live(now, idle));
    let versions = refreshable.into_partial_model::<KeyVersion>().all(db).await?;
    Ok(versions.into_iter().map(|row| row.key_version).collect())
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
struct WithUsername {
    #[sea_orm(nested)]
    authorization: InSession,
    #[sea_orm(from_expr = "Expr::col((users::Entity, users::Column::Username))")]
    username: String,
}

/// The authorizations of a user and/or client that live at `now` and were refreshed within `idle` seconds, with the names
/// of their users, the latest first.
pub async fn live(
    db: &impl ConnectionTrait,
    user: Option<Uuid>,
    client: Option<&str>,
    now: UnixSeconds,
    idle: UnixSeconds,
) -> Result<Vec<(AuthorizationRow, String)>, StoreError> {
    let found = Entity::find()
        .join(JoinType::InnerJoin, Relation::Users.def())
        .filter(is_live(now, idle))
        .filter(of(user, client))
        .order_by_desc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .into_partial_model::<WithUsername>()
        .all(db)
        .await?;
    Ok(found.into_iter().map(|found| (found.authorization.0, found.username)).collect())
}

/// Holds for the authorizations of `user`, or with `client`, or both.
fn of(user: Option<Uuid>, client: Option<&str>) -> Condition {
    Condition::all().add_option(user.map(|user| Column::UserId.eq(user))).add_option(client.map(|client| Column::ClientId.eq(client)))
}

/// Forgets up to `limit` authorizations that ended or expired before `before`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::ExpiresAt.lt(before).or(Column::EndedAt.lt(before)), limit).await
}
