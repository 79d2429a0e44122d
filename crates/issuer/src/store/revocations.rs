//! The revocations of access tokens. Triggers of the database write them when a handle (`grant_id`) goes out of use: when an authorization
//! ends, when its row is deleted, and when it gets a new handle. The migration lists the triggers. The functions here give new handles to
//! what lives on with less access.

use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, SelectExt,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::{
    access_changes, authorizations, client_groups, client_scopes, clients, group_members, group_roles, groups, resources, role_scopes,
    roles, scopes, user_roles, users,
};
use crate::store::query::allow_long_statements;
use crate::store::word_list::{has, without};

/// Returns 16 random bytes, as SQL, so that one statement can give new handles to many rows.
fn random_handle(db: &impl ConnectionTrait) -> SimpleExpr {
    Expr::cust(match db.get_database_backend() {
        // Some bits of a UUID are fixed, and these parts of three UUIDs have none of them.
        DbBackend::Postgres => {
            "substring(uuid_send(gen_random_uuid()) from 1 for 6) || substring(uuid_send(gen_random_uuid()) from 1 for 6) \
             || substring(uuid_send(gen_random_uuid()) from 1 for 4)"
        }
        _ => "randomblob(16)",
    })
}

/// The users and clients that a change takes access from.
#[derive(Debug, Clone, Copy)]
enum Narrowed<'a> {
    Users(&'a [Uuid]),
    Client(&'a str),
    /// The holders of a role that loses scopes.
    Holders,
    /// The members of a group, the holders of a role that is removed, or everyone who uses a resource.
    Many,
}

impl Narrowed<'_> {
    /// Marks those who lose access, so that a request for tokens which has read what they held inserts no authorization any more. The mark
    /// locks what [`crate::store::authorizations::insert`] holds, so that such a request either sees it, or has committed before the caller
    /// looks for the authorizations.
    async fn mark(self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        match self {
            Self::Users(ids) => {
                use users::{Column, Entity};
                let marked = Entity::update_many().col_expr(Column::AccessVersion, Expr::col(Column::AccessVersion).add(1));
                marked.filter(Column::Id.is_in(ids.iter().copied())).exec(db).await?;
            }
            Self::Client(id) => renew_clients(db, Condition::all().add(clients::Column::Id.eq(id))).await?,
            Self::Holders | Self::Many => {
                use access_changes::{Column, Entity};
                let counter = if let Self::Holders = self { Column::RoleScopes } else { Column::Number };
                Entity::update_many().col_expr(counter, Expr::col(counter).add(1)).exec(db).await?;
            }
        }
        Ok(())
    }
}

/// An authorization that was inserted while this transaction ran was given no longer than this before the newest one, in seconds. A node
/// notes that time at the beginning of a request, by its own clock: a request takes a minute at most, and the clocks of two nodes may differ by
/// twice the greatest `clock_skew`, which is 300 s.
const RECENT_SECONDS: u32 = 900;

/// Returns an SQL expression: whether the authorization was given within [`RECENT_SECONDS`] before the newest one.
fn recent() -> SimpleExpr {
    let newest = "(SELECT newest.created_at FROM authorizations newest ORDER BY newest.id DESC LIMIT 1)";
    Expr::cust(format!("authorizations.created_at >= {newest} - {RECENT_SECONDS}"))
}

/// An SQL expression of PostgreSQL: whether this transaction has not yet changed the authorization. Where a transaction changes a row twice,
/// PostgreSQL checks the foreign keys of the row again, and waits for whoever holds the client, who may wait for the authorization.
const UNCHANGED: &str = "authorizations.xmin <> pg_current_xact_id()::xid";

/// Waits on PostgreSQL until no other transaction is between this call and its commit. [`renew`] and [`of_any_client`] look for
/// authorizations twice, the second time with locks of the first, so that two of them at once would wait for each other. A grant takes no part in
/// this lock.
async fn wait_for_others(db: &impl ConnectionTrait) -> Result<(), StoreError> {
    /// A number that no other advisory lock of this database has.
    const NARROWING: i64 = 0x7369_676e_6574;
    if db.get_database_backend() == DbBackend::Postgres {
        allow_long_statements(db).await?;
        db.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({NARROWING})")).await?;
    }
    Ok(())
}

/// Gives new handles to the authorizations that meet `condition` and have not ended, because of a change that takes access from `narrowed`.
async fn renew(db: &impl ConnectionTrait, narrowed: Narrowed<'_>, condition: Condition) -> Result<(), StoreError> {
    if let (Narrowed::Holders | Narrowed::Many, DbBackend::Postgres) = (narrowed, db.get_database_backend()) {
        wait_for_others(db).await?;
        // While the mark is there, nobody can sign in. So what takes long comes before it, and then only what was given meanwhile is left.
        renew_marked(db, condition.clone()).await?;
        narrowed.mark(db).await?;
        return renew_marked(db, Condition::all().add(condition).add(recent()).add(Expr::cust(UNCHANGED))).await;
    }
    narrowed.mark(db).await?;
    if let Narrowed::Client(_) = narrowed {
        wait_for_others(db).await?;
    }
    renew_marked(db, condition).await
}

/// Gives new handles to the authorizations that meet `condition` and have not ended.
async fn renew_marked(db: &impl ConnectionTrait, condition: Condition) -> Result<(), StoreError> {
    renew_without(db, condition, None).await
}

/// Scopes that are removed, and when.
#[derive(Debug, Clone, Copy)]
struct Removed<'a> {
    scopes: &'a [String],
    now: UnixSeconds,
}

/// Gives new handles to the authorizations that meet `condition` and have not ended. No token carries them yet, so that the next change revokes
/// none of them unless one has been given until then. Even so the next change gives another: a request for tokens that has read the handle finds
/// it gone when it writes. Locks the authorizations by id, as the order of locks in [`crate::store`] requires.
///
/// Takes what is `removed` from the authorizations too. One that has no scope left ends: otherwise a request for tokens that names no scope would
/// get tokens without scopes.
async fn renew_without(db: &impl ConnectionTrait, condition: Condition, removed: Option<Removed<'_>>) -> Result<(), StoreError> {
    use authorizations::{Column, Entity};
    let locked = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::EndedAt.is_null())
        .filter(Column::GrantId.is_not_null())
        .filter(condition)
        .order_by_asc(Column::Id)
        .lock(LockType::Update)
        .into_query();
    allow_long_statements(db).await?;
    let mut renewed = Entity::update_many().col_expr(Column::GrantId, random_handle(db)).col_expr(Column::GrantIdUsed, Expr::value(false));
    if let Some(Removed { scopes, now }) = removed {
        let left = || without("scope", scopes);
        // One that holds no scope was given for a resource alone, and may be for others too.
        let ends = Condition::all().add(left().eq("")).add(Column::Scope.ne(""));
        let ended_at = Expr::case(ends, Expr::value(now)).finally(Expr::value(None::<UnixSeconds>));
        renewed = renewed.col_expr(Column::Scope, left()).col_expr(Column::EndedAt, ended_at.into());
    }
    renewed.filter(Column::Id.in_subquery(locked)).exec(db).await?;
    Ok(())
}

/// Gives new handles to the clients that meet `condition`, for the tokens that they get for themselves.
async fn renew_clients(db: &impl ConnectionTrait, condition: Condition) -> Result<(), StoreError> {
    clients::Entity::update_many().col_expr(clients::Column::GrantId, random_handle(db)).filter(condition).exec(db).await?;
    Ok(())
}

/// The access that a change takes away from users.
#[derive(Debug, Default)]
pub struct Loss {
    /// The scopes that they may no longer hold by this way. They may still hold one by another way; its tokens are refused all the same, and
    /// the client refreshes.
    pub scopes: Vec<String>,
    /// The group of which they are no longer members.
    pub group: Option<Uuid>,
}

impl Loss {
    /// The loss of `roles`, and of the membership in `group`.
    pub async fn of(db: &impl ConnectionTrait, roles: &[String], group: Option<Uuid>) -> Result<Self, StoreError> {
        let rows = role_scopes::Entity::find().filter(role_scopes::Column::Role.is_in(roles.iter().map(String::as_str))).all(db).await?;
        Ok(Self { scopes: rows.into_iter().map(|row| row.scope).collect(), group })
    }

    /// The authorizations that it narrows: those that hold one of the scopes, those for a client that the group may use, and those for a
    /// resource whose tokens tell of groups or roles.
    fn narrows(&self) -> Condition {
        let told = "EXISTS (SELECT 1 FROM resources LEFT JOIN scopes ON scopes.resource_id = resources.id \
             WHERE resources.token_claims <> '' AND (' ' || authorizations.scope || ' ' LIKE '% ' || scopes.name || ' %' \
             OR ' ' || authorizations.resources || ' ' LIKE '% ' || resources.identifier || ' %'))";
        let mut narrows = Condition::any().add(Expr::cust(told));
        for scope in &self.scopes {
            narrows = narrows.add(has("authorizations.scope", scope));
        }
        if let Some(group) = self.group {
            let usable = client_groups::Entity::find().select_only().column(client_groups::Column::ClientId);
            let usable = usable.filter(client_groups::Column::GroupId.eq(group)).into_query();
            narrows = narrows.add(authorizations::Column::ClientId.in_subquery(usable));
        }
        narrows
    }
}

/// Refuses the access tokens of `users` that hold what these users lose.
pub async fn of_users(db: &impl ConnectionTrait, users: &[Uuid], loss: &Loss) -> Result<(), StoreError> {
    let user = Condition::all().add(authorizations::Column::UserId.is_in(users.iter().copied()));
    renew(db, Narrowed::Users(users), user.add(loss.narrows())).await
}

/// Refuses the access tokens of the members of the group `id` that hold what these members lose.
pub async fn of_members(db: &impl ConnectionTrait, id: Uuid, loss: &Loss) -> Result<(), StoreError> {
    // Nobody joins a group whose row is locked. Without members there is nothing to refuse, and no request for tokens need run again.
    groups::Entity::find_by_id(id).lock_exclusive().all(db).await?;
    if !group_members::Entity::find().filter(group_members::Column::GroupId.eq(id)).exists(db).await? {
        return Ok(());
    }
    let members = members().and_where(group_members::Column::GroupId.eq(id)).take();
    let condition = Condition::all().add(authorizations::Column::UserId.in_subquery(members)).add(loss.narrows());
    renew(db, Narrowed::Many, condition).await
}

/// Refuses the access tokens of everyone who has the role `name`, directly or through a group, that hold what these users lose with its
/// `scopes`.
pub async fn of_scopes(db: &impl ConnectionTrait, name: &str, scopes: Vec<String>) -> Result<(), StoreError> {
    of_holders(db, Narrowed::Holders, name, &Loss { scopes, group: None }).await
}

/// Does the same for the role `name` itself, which is about to be removed.
pub async fn of_role(db: &impl ConnectionTrait, name: &str) -> Result<(), StoreError> {
    // Nobody is given a role whose row is locked.
    roles::Entity::find_by_id(name).lock_exclusive().all(db).await?;
    let is_given = user_roles::Entity::find().filter(user_roles::Column::Role.eq(name)).exists(db).await?;
    if !is_given && !group_roles::Entity::find().filter(group_roles::Column::Role.eq(name)).exists(db).await? {
        return Ok(());
    }
    of_holders(db, Narrowed::Many, name, &Loss::of(db, &[name.to_owned()], None).await?).await
}

async fn of_holders(db: &impl ConnectionTrait, narrowed: Narrowed<'_>, name: &str, loss: &Loss) -> Result<(), StoreError> {
    let direct = user_roles::Entity::find().select_only().column(user_roles::Column::UserId).filter(user_roles::Column::Role.eq(name));
    let carriers =
        group_roles::Entity::find().select_only().column(group_roles::Column::GroupId).filter(group_roles::Column::Role.eq(name));
    let members = members().and_where(group_members::Column::GroupId.in_subquery(carriers.into_query())).take();
    let user = authorizations::Column::UserId;
    let holders = Condition::any().add(user.in_subquery(direct.into_query())).add(user.in_subquery(members));
    renew(db, narrowed, Condition::all().add(holders).add(loss.narrows())).await
}

/// Refuses all access tokens of the client `id`, those of its users and its own.
pub async fn of_client(db: &impl ConnectionTrait, id: &str) -> Result<(), StoreError> {
    renew(db, Narrowed::Client(id), Condition::all().add(authorizations::Column::ClientId.eq(id))).await
}

/// Refuses the access tokens that the client `id` got for itself.
pub async fn of_client_itself(db: &impl ConnectionTrait, id: &str) -> Result<(), StoreError> {
    renew_clients(db, Condition::all().add(clients::Column::Id.eq(id))).await
}

/// The number of authorizations that one statement of [`of_any_client`] looks at, so that none lasts long.
const AT_ONCE: u64 = 5000;

/// Refuses all access tokens that may be for `resource`, which was open to any client: those of authorizations that hold a scope of it or were
/// given for it, and those that clients with a scope of it got for themselves.
pub async fn of_resource(db: &impl ConnectionTrait, resource: &resources::Model) -> Result<(), StoreError> {
    let owned = scopes::Entity::find().filter(scopes::Column::ResourceId.eq(resource.id.as_str())).all(db).await?;
    let names: Vec<String> = owned.into_iter().map(|scope| scope.name).collect();
    renew_clients(db, Condition::all().add(clients::Column::Id.in_subquery(clients_of(&names, Some(&resource.id))))).await?;
    // A resource without scopes and identifier has no authorizations.
    let mut lists_it = Condition::any().add(Expr::cust("1 = 0"));
    for name in &names {
        lists_it = lists_it.add(has("authorizations.scope", name));
    }
    if let Some(identifier) = &resource.identifier {
        lists_it = lists_it.add(has("authorizations.resources", identifier));
    }
    of_any_client(db, &lists_it, None, true).await
}

/// Returns whether a role has one of `names`. No role gets one until the caller's transaction ends.
async fn are_in_roles(db: &impl ConnectionTrait, names: &[String]) -> Result<bool, StoreError> {
    let names = || names.iter().map(String::as_str);
    scopes::Entity::find().filter(scopes::Column::Name.is_in(names())).order_by_asc(scopes::Column::Name).lock_exclusive().all(db).await?;
    Ok(role_scopes::Entity::find().filter(role_scopes::Column::Scope.is_in(names())).exists(db).await?)
}

/// Takes `scopes`, which are about to be removed, from the authorizations that hold one of them, and refuses their access tokens. Does not take
/// the identifier of the `resource` that is removed with them from the authorizations that list it, but refuses their tokens too. Reads all
/// authorizations: a client may have lost a scope which its authorizations still list, and they must not hold the scope again if its name is
/// given to another one later. Expects few scopes, because each makes the conditions longer.
pub async fn of_removed_scopes(
    db: &impl ConnectionTrait,
    scopes: &[String],
    resource: Option<&str>,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    // Without scopes and a resource no authorization is meant.
    let none = Condition::any().add(Expr::cust("1 = 0"));
    let mut lists_it = scopes.iter().fold(none, |any, scope| any.add(has("authorizations.scope", scope)));
    if let Some(identifier) = resource {
        // An authorization that names the resource still names it after the change, so a second search would find it again.
        let unchanged = (db.get_database_backend() == DbBackend::Postgres).then(|| Expr::cust(UNCHANGED));
        lists_it = lists_it.add(Condition::all().add(has("authorizations.resources", identifier)).add_option(unchanged));
    }
    // No user may hold a scope that no role has, so no request for tokens can be about to insert an authorization with it.
    let may_be_given = resource.is_some() || are_in_roles(db, scopes).await?;
    of_any_client(db, &lists_it, Some(Removed { scopes, now }), may_be_given).await
}

/// Selects the ids of the clients that may ask for one of `scopes`, and of those whose default is the resource with the key `resource`.
fn clients_of(scopes: &[String], resource: Option<&str>) -> SelectStatement {
    let holders = client_scopes::Entity::find().select_only().column(client_scopes::Column::ClientId);
    let mut holders = holders.filter(client_scopes::Column::Scope.is_in(scopes.iter().map(String::as_str))).into_query();
    if let Some(resource) = resource {
        let by_default = clients::Entity::find().select_only().column(clients::Column::Id);
        holders.union(UnionType::Distinct, by_default.filter(clients::Column::DefaultResource.eq(resource)).into_query());
    }
    holders
}

/// Refuses the access tokens that the clients which may ask for one of `scopes`, or whose default is the resource with the key `resource`, got
/// for themselves, and increments the versions of these clients, which are about to lose both.
pub async fn of_clients_with(db: &impl ConnectionTrait, scopes: &[String], resource: Option<&str>) -> Result<(), StoreError> {
    use clients::{Column, Entity};
    let narrowed = Entity::update_many().col_expr(Column::GrantId, random_handle(db));
    let narrowed = narrowed.col_expr(Column::Version, Expr::col(Column::Version).add(1));
    narrowed.filter(Column::Id.in_subquery(clients_of(scopes, resource))).exec(db).await?;
    Ok(())
}

/// Refuses the access tokens of the authorizations that meet `lists_it`, of whatever client, because any could ask for scopes of an open
/// resource, and takes what is `removed` from them. Reads all authorizations in the order of their ids, a part of them in each statement. If
/// further ones `may_be_given` meanwhile, the mark comes afterwards, as in [`renew`], and then those that were given lately are read again.
async fn of_any_client(
    db: &impl ConnectionTrait,
    lists_it: &Condition,
    removed: Option<Removed<'_>>,
    may_be_given: bool,
) -> Result<(), StoreError> {
    use authorizations::{Column, Entity};
    let ids = || Entity::find().select_only().column(Column::Id);
    // An authorization that has lost the removed scopes is not found again, so it needs no further condition.
    let unchanged = || (removed.is_none() && db.get_database_backend() == DbBackend::Postgres).then(|| Expr::cust(UNCHANGED));
    let mut after = Uuid::nil();
    wait_for_others(db).await?;
    loop {
        let part = Column::Id.gt(after);
        let last = ids().filter(part.clone()).order_by_asc(Column::Id).offset(AT_ONCE - 1).limit(1);
        let last = last.into_tuple::<Uuid>().all(db).await?.pop();
        let part = Condition::all().add(part).add_option(last.map(|last| Column::Id.lte(last)));
        renew_without(db, part.add(lists_it.clone()).add_option(unchanged()), removed).await?;
        let Some(last) = last else { break };
        after = last;
    }
    if !may_be_given {
        return Ok(());
    }
    Narrowed::Many.mark(db).await?;
    let newest = ids().order_by_desc(Column::Id).limit(1).into_tuple::<Uuid>().all(db).await?.pop();
    // An id begins with the milliseconds at which it was made, in 48 bits.
    let millis = newest.unwrap_or_default().as_u128() >> 80;
    let recent = millis.saturating_sub(u128::from(RECENT_SECONDS) * 1000) << 80;
    let recent = Condition::all().add(Column::Id.gte(Uuid::from_u128(recent)));
    renew_without(db, recent.add(lists_it.clone()).add_option(unchanged()), removed).await
}

/// The ids of the members of groups.
fn members() -> SelectStatement {
    Query::select().column(group_members::Column::UserId).from(group_members::Entity).take()
}
