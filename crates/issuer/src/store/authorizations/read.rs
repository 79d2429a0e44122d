//! Reads authorizations, alone or with their user and client.

use std::sync::LazyLock;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, DerivePartialModel, EntityTrait, FromQueryResult, IdenStatic,
    JoinType, PaginatorTrait, PartialModelTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait, RelationTrait, Value,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::client_groups::may_use;
use crate::store::clients::Client;
use crate::store::entity::authorizations::{Column, Entity, Model as AuthorizationRow, Relation};
use crate::store::entity::{sessions, users};
use crate::store::query::{columns, text};
use crate::store::users::User;
use crate::store::word_list::has;
use crate::store::{StoreError, batch};

use super::of;

/// An SQL expression: the time at which the session of the authorization expires; NULL if it has ended, or if there is no session.
const SESSION_EXPIRES_AT: &str =
    "(SELECT sessions.expires_at FROM sessions WHERE sessions.sid = authorizations.sid AND sessions.ended_at IS NULL)";

/// An SQL expression: whether the user of the authorization may sign in to its client.
static MAY_USE: LazyLock<String> = LazyLock::new(|| may_use("authorizations.client_id"));

/// An authorization with the values of [`AuthorizationRow`] that are not columns of its table. The query must join `users`.
struct InSession(AuthorizationRow);

impl InSession {
    fn columns(prefix: &str) -> String {
        let own = columns::<Entity>("authorizations", prefix);
        format!("{own}, {SESSION_EXPIRES_AT} AS {prefix}session_expires_at, {} AS {prefix}may_use", *MAY_USE)
    }
}

impl FromQueryResult for InSession {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        let session_expires_at = row.try_get(prefix, "session_expires_at")?;
        let may_use = row.try_get(prefix, "may_use")?;
        Ok(Self(AuthorizationRow { session_expires_at, may_use, ..AuthorizationRow::from_query_result(row, prefix)? }))
    }
}

impl PartialModelTrait for InSession {
    fn select_cols_nested<S: QuerySelect>(select: S, prefix: Option<&str>, table: Option<&'static str>) -> S {
        let name = |name: &str| format!("{}{name}", prefix.unwrap_or_default());
        AuthorizationRow::select_cols_nested(select, prefix, table)
            .expr_as(Expr::cust(SESSION_EXPIRES_AT), name("session_expires_at"))
            .expr_as(Expr::cust(MAY_USE.as_str()), name("may_use"))
    }
}

#[derive(FromQueryResult)]
struct WithUser {
    // No prefix here, because with one SeaORM would put the name of each column together again for each row.
    #[sea_orm(nested)]
    authorization: InSession,
    #[sea_orm(nested(prefix = "user_"))]
    user: User,
}

/// The SQL text up to the list of ids, which [`with_users`] appends.
static WITH_USERS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, {} FROM authorizations JOIN users ON users.id = authorizations.user_id WHERE authorizations.id IN ",
        InSession::columns(""),
        User::columns("user_")
    )
});

/// Returns the authorizations `ids` with their users, in the order of `ids`; `None` for one that does not exist.
pub(in crate::store) async fn with_users(
    db: DatabaseConnection,
    ids: Vec<Uuid>,
) -> Result<Vec<Option<(AuthorizationRow, User)>>, StoreError> {
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

/// The SQL text up to the value by which one authorization is found, after the name of the column.
static WITH_PARTIES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, {}, {} FROM authorizations JOIN users ON users.id = authorizations.user_id \
         JOIN clients ON clients.id = authorizations.client_id LEFT JOIN resources ON resources.id = clients.default_resource \
         WHERE authorizations.",
        InSession::columns(""),
        User::columns("user_"),
        Client::columns("client_")
    )
});

/// An authorization with its user and its client.
type Parties = (AuthorizationRow, User, Client);

async fn parties_where(db: &impl ConnectionTrait, column: Column, value: Value) -> Result<Option<Parties>, StoreError> {
    let sql = format!("{}{} = $1", *WITH_PARTIES, column.as_str());
    let found = WithParties::find_by_statement(text(db, sql, [value])).one(db).await?;
    Ok(found.map(|found| (found.authorization.0, found.user, found.client)))
}

/// Returns the authorization `id` with its user and its client.
pub async fn with_parties(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Parties>, StoreError> {
    parties_where(db, Column::Id, id.into()).await
}

/// Returns the authorization whose access tokens carry `handle`, with its user and its client.
pub async fn of_grant(db: &impl ConnectionTrait, handle: Vec<u8>) -> Result<Option<Parties>, StoreError> {
    parties_where(db, Column::GrantId, handle.into()).await
}

/// A condition for the authorizations that can still be used at `now`. A refreshable one cannot if it was not refreshed for `idle`
/// seconds.
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

/// Returns the versions of the master key that authenticate refresh tokens which can still be used at `now`. A token that was not
/// refreshed for `idle` seconds cannot.
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

/// Returns the authorization `id` with the username of its user, whether it has ended or not.
pub async fn by_id(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<(AuthorizationRow, String)>, StoreError> {
    let found =
        Entity::find_by_id(id).join(JoinType::InnerJoin, Relation::Users.def()).into_partial_model::<WithUsername>().all(db).await?.pop();
    Ok(found.map(|found| (found.authorization.0, found.username)))
}

/// Returns the number of authorizations of `user` that were not ended, including those that have expired.
pub async fn count_not_ended(db: &impl ConnectionTrait, user: Uuid) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(of(Some(user), None)).filter(Column::EndedAt.is_null()).count(db).await?)
}

/// Returns the number of authorizations of `client` that can still be used at `now`, at most `limit`.
pub async fn count_live(
    db: &impl ConnectionTrait,
    client: &str,
    now: UnixSeconds,
    idle: UnixSeconds,
    limit: u64,
) -> Result<usize, StoreError> {
    let live = Entity::find().filter(of(None, Some(client))).filter(is_live(now, idle)).limit(limit);
    Ok(live.into_partial_model::<OnlyId>().all(db).await?.len())
}

/// Says which authorizations a query looks for.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Those that were given to this client.
    Of(&'a str),
    /// Those that these users gave.
    By(&'a [Uuid]),
    /// Those with these ids.
    These(&'a [Uuid]),
    /// Those that hold one of these scopes, or were given for the resource with this identifier. To find them all authorizations may be read.
    Holding(&'a [String], Option<&'a str>),
}

/// An authorization with its user, its client and the handle in its access tokens.
#[derive(Debug, DerivePartialModel)]
#[sea_orm(entity = "Entity")]
#[expect(missing_docs, reason = "the names say it")]
pub struct Standing {
    pub id: Uuid,
    pub user_id: Uuid,
    pub client_id: String,
    /// The scopes, separated by spaces.
    pub scope: String,
    pub grant_id: Option<Vec<u8>>,
    pub grant_id_used: bool,
}

/// Returns up to `limit` of the authorizations `which` that can still be used at `now`. One that was not refreshed for `idle` seconds cannot
/// be used.
pub async fn standing(
    db: &impl ConnectionTrait,
    which: Which<'_>,
    now: UnixSeconds,
    idle: UnixSeconds,
    limit: u64,
) -> Result<Vec<Standing>, StoreError> {
    let which = match which {
        Which::Of(client) => Column::ClientId.eq(client),
        Which::By([]) | Which::These([]) | Which::Holding([], None) => return Ok(Vec::new()),
        Which::By(users) => Column::UserId.is_in(users.iter().copied()),
        Which::These(ids) => Column::Id.is_in(ids.iter().copied()),
        Which::Holding(scopes, resource) => {
            let lists = scopes.iter().map(|scope| has("authorizations.scope", scope));
            let lists = lists.chain(resource.map(|identifier| has("authorizations.resources", identifier)));
            lists.reduce(ExprTrait::or).unwrap_or_else(|| Expr::cust("1 = 0"))
        }
    };
    Ok(Entity::find().filter(which).filter(is_live(now, idle)).limit(limit).into_partial_model::<Standing>().all(db).await?)
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
struct OnlyId {
    #[expect(dead_code, reason = "only the number of rows matters")]
    id: Uuid,
}

/// Returns up to `limit` authorizations of a user, a client or both that can still be used at `now`, the latest first, each with
/// the username of its user. One that was not refreshed for `idle` seconds cannot be used. `after` is the last id of the previous
/// page.
pub async fn live(
    db: &impl ConnectionTrait,
    (user, client): (Option<Uuid>, Option<&str>),
    now: UnixSeconds,
    idle: UnixSeconds,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<(AuthorizationRow, String)>, StoreError> {
    let found = Entity::find()
        .join(JoinType::InnerJoin, Relation::Users.def())
        .filter(is_live(now, idle))
        .filter(of(user, client).add_option(after.map(|after| Column::Id.lt(after))))
        // An id begins with the time at which it was made, so this is the order in time.
        .order_by_desc(Column::Id)
        .limit(limit)
        .into_partial_model::<WithUsername>()
        .all(db)
        .await?;
    Ok(found.into_iter().map(|found| (found.authorization.0, found.username)).collect())
}
