//! The stored audit trail. Events are only added; the one change is that a row which counts failures advances its count. The personal data
//! of an event lies in `audit_personal`, so that it can be emptied while the event stays.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::audit_events::{Column, Entity};
use crate::store::entity::audit_personal;
use crate::store::query;

pub use crate::store::entity::audit_events::Model as AuditRow;
pub use crate::store::entity::audit_personal::Model as PersonalRow;

/// Appends an event and returns its id, which the database assigns; the id in `row` is ignored.
pub async fn insert(db: &impl ConnectionTrait, row: AuditRow) -> Result<i64, StoreError> {
    let mut row = row.into_active_model();
    row.id = ActiveValue::NotSet;
    Ok(Entity::insert(row).exec(db).await?.last_insert_id)
}

/// Appends the personal data of an event that was inserted in the same transaction.
pub async fn insert_personal(db: &impl ConnectionTrait, row: PersonalRow) -> Result<(), StoreError> {
    audit_personal::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Counts one more failure in the row `id`, at `at`. Returns `false` if the row was deleted meanwhile.
pub async fn advance(db: &impl ConnectionTrait, id: i64, at: UnixSeconds) -> Result<bool, StoreError> {
    let advanced = Entity::update_many()
        .col_expr(Column::Times, Expr::col(Column::Times).add(1))
        .col_expr(Column::LastAt, Expr::value(at))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(advanced.rows_affected == 1)
}

/// Returns up to `limit` events about `user` from `from` until `until`, both included, oldest first.
pub async fn about_user(
    db: &impl ConnectionTrait,
    user: Uuid,
    from: UnixSeconds,
    until: UnixSeconds,
    limit: u64,
) -> Result<Vec<AuditRow>, StoreError> {
    let events = Entity::find().filter(Column::UserId.eq(user)).filter(Column::At.between(from, until));
    Ok(events.order_by_asc(Column::At).order_by_asc(Column::Id).limit(limit).all(db).await?)
}

/// The number of seconds within which the event of an import follows the time that its users carry.
const IMPORT_TAKES: UnixSeconds = 3600;

/// Returns the event of the import that added `user` and gave them the time `imported_at`. `None` if the event was deleted since.
pub async fn of_import(db: &impl ConnectionTrait, user: Uuid, imported_at: UnixSeconds) -> Result<Option<AuditRow>, StoreError> {
    // An event tells of up to 1,000 users, by their ids. The first events from that time on are read until one of them names the user.
    let names_user = Column::After.contains(format!("\"{user}\""));
    let events =
        Entity::find().filter(Column::Event.eq("users_imported")).filter(Column::At.between(imported_at, imported_at + IMPORT_TAKES));
    // The events of users whom an import changed are about one user each.
    Ok(events
        .filter(Column::UserId.is_null())
        .filter(names_user)
        .order_by_asc(Column::At)
        .order_by_asc(Column::Id)
        .limit(1)
        .all(db)
        .await?
        .pop())
}

/// Empties the personal data of the user `id` from all events; the events stay. An operation that deletes a user calls this after it has
/// recorded its own event, in the same transaction, so that the personal data of that event goes too.
pub async fn forget(db: &impl ConnectionTrait, id: Uuid) -> Result<(), StoreError> {
    use audit_personal::Column;
    let others = |own: Column, other: Column| own.eq(id).and(other.eq(id).or(other.is_null()));
    for (own, other) in [(Column::OriginOf, Column::ValuesOf), (Column::ValuesOf, Column::OriginOf)] {
        audit_personal::Entity::delete_many().filter(others(own, other)).exec(db).await?;
    }
    // The rows that are left also tell of somebody else.
    let nothing = || Expr::value(None::<String>);
    audit_personal::Entity::update_many()
        .col_expr(Column::OriginOf, Expr::value(None::<Uuid>))
        .col_expr(Column::Address, nothing())
        .col_expr(Column::UserAgent, nothing())
        .filter(Column::OriginOf.eq(id))
        .exec(db)
        .await?;
    audit_personal::Entity::update_many()
        .col_expr(Column::ValuesOf, Expr::value(None::<Uuid>))
        .col_expr(Column::Object, nothing())
        .col_expr(Column::Before, nothing())
        .col_expr(Column::After, nothing())
        .filter(Column::ValuesOf.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// The one field whose value selects events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub enum Selected {
    /// Selects all events.
    All,
    User(Uuid),
    Client(String),
    Event(String),
    /// Selects by the id of a user or client that is the actor. No client has the id of a user.
    Actor(String),
    ActorKind(String),
    Address(String),
    Request(String),
    /// Selects by the group, role, attribute or resource that was changed, as `kind:id`.
    About(String),
}

/// The place of an event in the list: its time and its id.
pub type Place = (UnixSeconds, i64);

/// The part of the trail that is read, newest events first.
#[derive(Debug, Clone)]
pub struct Range {
    /// The first second of the range.
    pub from: UnixSeconds,
    /// The first second after the range.
    pub until: UnixSeconds,
    /// The place of the last event of the previous page.
    pub after: Option<Place>,
}

impl Range {
    /// Returns whether the event at `place` lies in this range.
    pub fn contains(&self, place: Place) -> bool {
        (self.from..self.until).contains(&place.0) && self.after.is_none_or(|after| place < after)
    }

    /// Returns the condition that the columns `at` and `id` lie in this range.
    fn condition<C: ColumnTrait>(&self, at: C, id: C) -> Condition {
        let range = Condition::all().add(at.gte(self.from)).add(at.lt(self.until));
        // The first comparison alone bounds the index; the second one tells apart what happened in the same second.
        range.add_option(self.after.map(|(last_at, last_id)| at.lte(last_at).and(at.lt(last_at).or(id.lt(last_id)))))
    }
}

/// Returns up to `limit` of the selected events in `range`, newest first, each with its personal data.
pub async fn page(
    db: &impl ConnectionTrait,
    selected: &Selected,
    range: &Range,
    limit: u64,
) -> Result<Vec<(AuditRow, Option<PersonalRow>)>, StoreError> {
    if let Selected::Address(address) = selected {
        return of_address(db, address, range, limit).await;
    }
    let mut query = Entity::find().filter(range.condition(Column::At, Column::Id)).limit(limit);
    query = match selected {
        Selected::All | Selected::Address(_) => query,
        Selected::User(id) => query.filter(Column::UserId.eq(*id)),
        Selected::Client(id) => query.filter(Column::ClientId.eq(id)),
        Selected::Event(name) => query.filter(Column::Event.eq(name)),
        Selected::Request(id) => query.filter(Column::RequestId.eq(id)),
        // The index has no entry where the column is null. Both databases see that this comparison never selects such a row.
        Selected::About(object) => query.filter(Column::About.eq(object)),
        Selected::Actor(id) => query.filter(Column::ActorId.eq(id)),
        Selected::ActorKind(kind) => query.filter(Column::ActorKind.eq(kind)),
    };
    let events = query.order_by_desc(Column::At).order_by_desc(Column::Id).all(db).await?;
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let personal = audit_personal::Entity::find().filter(audit_personal::Column::EventId.is_in(events.iter().map(|row| row.id)));
    let mut personal: HashMap<i64, PersonalRow> = personal.all(db).await?.into_iter().map(|row| (row.event_id, row)).collect();
    Ok(events.into_iter().map(|event| (personal.remove(&event.id), event)).map(|(personal, event)| (event, personal)).collect())
}

/// Returns the event `id` with its personal data.
pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<(AuditRow, Option<PersonalRow>)>, StoreError> {
    let Some(event) = Entity::find_by_id(id).all(db).await?.pop() else { return Ok(None) };
    let personal = audit_personal::Entity::find_by_id(id).all(db).await?.pop();
    Ok(Some((event, personal)))
}

/// Returns what [`page`] returns for the events of requests from `address`.
async fn of_address(
    db: &impl ConnectionTrait,
    address: &str,
    range: &Range,
    limit: u64,
) -> Result<Vec<(AuditRow, Option<PersonalRow>)>, StoreError> {
    use audit_personal::Column as Personal;
    let found = audit_personal::Entity::find()
        .filter(Personal::Address.eq(address))
        .filter(range.condition(Personal::At, Personal::EventId))
        .order_by_desc(Personal::At)
        .order_by_desc(Personal::EventId)
        .limit(limit)
        .all(db)
        .await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let events = Entity::find().filter(Column::Id.is_in(found.iter().map(|row| row.event_id))).all(db).await?;
    let mut events: HashMap<i64, AuditRow> = events.into_iter().map(|row| (row.id, row)).collect();
    Ok(found.into_iter().filter_map(|personal| Some((events.remove(&personal.event_id)?, Some(personal)))).collect())
}

/// Deletes up to `limit` events that happened before `before`, with their personal data, and returns their number. `event` is the name of
/// the events; `None` for all.
pub async fn purge(db: &impl ConnectionTrait, event: Option<&str>, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let condition = Condition::all().add(Column::At.lt(before)).add_option(event.map(|event| Column::Event.eq(event)));
    query::purge::<Entity>(db, condition, limit).await
}
