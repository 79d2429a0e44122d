//! The groups of clients: those whose members may sign in, and of which the client is told.

use std::collections::HashMap;

use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DerivePartialModel, EntityTrait, FromQueryResult, IntoActiveModel, JoinType, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Value,
};
use uuid::Uuid;

use crate::oauth::group_name::folded;
use crate::store::batch::placeholders;
use crate::store::clients::changed;
use crate::store::entity::client_groups::{Column, Entity, Model};
use crate::store::entity::{client_claims, clients, groups};
use crate::store::query::text;
use crate::store::{StoreError, revocations};

/// An SQL expression: whether the user `users.id` may sign in to the client whose id is the SQL expression `client`.
pub(super) fn may_use(client: &str) -> String {
    format!(
        "(EXISTS (SELECT 1 FROM clients gate WHERE gate.id = {client} AND gate.access = 'everyone') \
         OR EXISTS (SELECT 1 FROM client_groups JOIN group_members ON group_members.group_id = client_groups.group_id \
         WHERE client_groups.client_id = {client} AND group_members.user_id = users.id))"
    )
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
struct Named {
    client_id: String,
    #[sea_orm(from_expr = "sea_orm::sea_query::Expr::col((groups::Entity, groups::Column::Name))")]
    name: String,
}

/// Returns the names of the groups of the clients `ids`, by client, in alphabetical order.
pub async fn names(db: &impl ConnectionTrait, ids: &[&str]) -> Result<HashMap<String, Vec<String>>, StoreError> {
    let group = Entity::belongs_to(groups::Entity).from(Column::GroupId).to(groups::Column::Id).into();
    let own = Entity::find().join(JoinType::InnerJoin, group).filter(Column::ClientId.is_in(ids.iter().copied()));
    let mut names: HashMap<String, Vec<String>> = HashMap::new();
    for row in own.order_by_asc(groups::Column::Name).into_partial_model::<Named>().all(db).await? {
        names.entry(row.client_id).or_default().push(row.name);
    }
    Ok(names)
}

/// Returns the ids of the groups with these names, by name. A name that no group has is missing.
pub async fn ids(db: &impl ConnectionTrait, names: &[String]) -> Result<HashMap<String, Uuid>, StoreError> {
    let names = names.iter().filter(|name| !name.contains('\0')).map(String::as_str);
    let rows = groups::Entity::find().filter(groups::Column::Name.is_in(names)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.name, row.id)).collect())
}

/// Increments the versions of the clients that name the group `name` among their groups or in a group map, since what administrators see of them
/// is about to change. The caller has not locked the group yet, because clients are locked before groups.
pub async fn count_change_of_clients(db: &impl ConnectionTrait, name: &str) -> Result<(), StoreError> {
    let named = groups::Entity::find().filter(groups::Column::FoldedName.eq(folded(name)));
    let Some(group) = named.all(db).await?.pop() else { return Ok(()) };
    let assigned = Entity::find().select_only().column(Column::ClientId).filter(Column::GroupId.eq(group.id));
    let mapping = client_claims::Entity::find().select_only().column(client_claims::Column::ClientId);
    let mapping =
        mapping.filter(client_claims::Column::Source.eq("group_map")).filter(client_claims::Column::Map.contains(group.id.to_string()));
    let naming = Condition::any()
        .add(clients::Column::Id.in_subquery(assigned.into_query()))
        .add(clients::Column::Id.in_subquery(mapping.into_query()));
    let locked = clients::Entity::find().select_only().column(clients::Column::Id).filter(naming).order_by_asc(clients::Column::Id);
    let locked = locked.lock(LockType::NoKeyUpdate).into_query();
    changed().filter(clients::Column::Id.in_subquery(locked)).exec(db).await?;
    Ok(())
}

/// Returns the ids of the groups of the client `id` in their order.
pub async fn of(db: &impl ConnectionTrait, id: &str) -> Result<Vec<Uuid>, StoreError> {
    let own = Entity::find().filter(Column::ClientId.eq(id)).order_by_asc(Column::GroupId);
    Ok(own.all(db).await?.into_iter().map(|row| row.group_id).collect())
}

/// Returns the ids and names of up to `limit` enabled clients in which everyone may sign in, in no order.
pub async fn for_everyone(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<(String, String)>, StoreError> {
    use clients::Column;
    let open = clients::Entity::find().select_only().columns([Column::Id, Column::ClientName]).filter(Column::Access.eq("everyone"));
    let people = open.filter(Column::DisabledAt.is_null()).filter(Column::GrantTypes.ne("client_credentials"));
    Ok(people.limit(limit).into_tuple().all(db).await?)
}

/// A client that a user may sign in to through a group.
#[derive(Debug, Clone, FromQueryResult)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct ThroughRow {
    pub client_id: String,
    pub client_name: String,
    pub group_name: String,
}

/// An SQL text: the tables by which users may use enabled clients through groups.
const THROUGH: &str = "FROM group_members m JOIN client_groups cg ON cg.group_id = m.group_id \
     JOIN clients c ON c.id = cg.client_id AND c.access = 'groups' AND c.disabled_at IS NULL";

/// Returns up to `limit` clients that the user `id` may use through groups, one row for each group, in no order.
pub async fn through(db: &impl ConnectionTrait, id: Uuid, limit: u64) -> Result<Vec<ThroughRow>, StoreError> {
    let sql = format!(
        "SELECT c.id AS client_id, c.client_name AS client_name, g.name AS group_name {THROUGH} JOIN groups g ON g.id = m.group_id \
         WHERE m.user_id = $1 LIMIT {limit}"
    );
    Ok(ThroughRow::find_by_statement(text(db, sql, [id.into()])).all(db).await?)
}

/// A client that uses a group.
#[derive(Debug, Clone, FromQueryResult)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct UseRow {
    pub client_id: String,
    pub client_name: String,
    pub access: String,
    /// The claim whose map names the group, or the prefix that the name of the group begins with; empty if the group is one of the client.
    pub detail: String,
}

/// Returns up to `limit` clients that use the group `id`, in no order.
pub async fn of_group(db: &impl ConnectionTrait, id: Uuid, limit: u64) -> Result<Vec<UseRow>, StoreError> {
    let sql = format!(
        "SELECT c.id AS client_id, c.client_name AS client_name, c.access AS access, '' AS detail FROM client_groups cg \
         JOIN clients c ON c.id = cg.client_id WHERE cg.group_id = $1 LIMIT {limit}"
    );
    Ok(UseRow::find_by_statement(text(db, sql, [id.into()])).all(db).await?)
}

/// Returns up to `limit` clients that are told of the group `name` because of how it begins, in no order.
pub async fn by_prefix_of(db: &impl ConnectionTrait, name: &str, limit: u64) -> Result<Vec<UseRow>, StoreError> {
    let mut values: Vec<Value> = name.char_indices().map(|(start, c)| name[..start + c.len_utf8()].into()).collect();
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let placeholders = placeholders(&mut values);
    let sql = format!(
        "SELECT c.id AS client_id, c.client_name AS client_name, c.access AS access, c.group_prefix AS detail FROM clients c \
         WHERE c.group_prefix IN ({placeholders}) AND c.group_filter = 'prefix' LIMIT {limit}"
    );
    Ok(UseRow::find_by_statement(text(db, sql, values)).all(db).await?)
}

/// Returns the users among `ids` with the clients that each may use through groups.
pub async fn of_users(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<Vec<(Uuid, String)>, StoreError> {
    #[derive(FromQueryResult)]
    struct Row {
        user_id: Uuid,
        client_id: String,
    }
    let mut values: Vec<Value> = ids.map(Into::into).collect();
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let placeholders = placeholders(&mut values);
    let sql = format!("SELECT m.user_id AS user_id, c.id AS client_id {THROUGH} WHERE m.user_id IN ({placeholders})");
    let rows = Row::find_by_statement(text(db, sql, values)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.user_id, row.client_id)).collect())
}

/// Gives the client `id` these groups in place of those that it has.
pub async fn set(db: &impl ConnectionTrait, id: &str, groups: &[Uuid]) -> Result<(), StoreError> {
    if of(db, id).await?.iter().any(|group| !groups.contains(group)) {
        revocations::of_client(db, id).await?;
    }
    Entity::delete_many().filter(Column::ClientId.eq(id)).exec(db).await?;
    if !groups.is_empty() {
        let rows = groups.iter().map(|group| Model { client_id: id.to_owned(), group_id: *group }.into_active_model());
        Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}
