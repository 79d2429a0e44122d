//! The audit trail: typed events, each written in the same transaction as the change that it records. What is personal is written apart
//! from the rest, so that it can be emptied when its user is deleted.

pub mod activity;
mod actor;
mod event;
mod failure;
mod personal;
pub mod refusals;

pub use actor::{Actor, Face, RequestInfo, Who, network};
pub use event::{ANOTHER_SIGN_IN, Action, EndedAccess, Event, Kind, Object, SIGN_IN_FAILED};
pub use failure::record_failure;

use std::collections::BTreeSet;

use crate::clock::UnixSeconds;
use crate::store::audit_events::{self, AuditRow, PersonalRow};
use crate::store::{ConnectionTrait, StoreError};
use personal::split;

/// Returns the names of all events, in alphabetical order.
pub fn names() -> BTreeSet<&'static str> {
    Kind::ALL.iter().map(|kind| kind.name()).chain(Action::ALL.iter().map(|action| action.name())).collect()
}

/// Writes `event`, which `actor` caused at `at`, in the caller's transaction.
pub async fn record(db: &impl ConnectionTrait, at: UnixSeconds, actor: &Actor, event: Event<'_>) -> Result<(), StoreError> {
    write(db, at, actor, &event).await.map(drop)
}

/// Writes `event` with its personal data, and returns the id of its row.
async fn write(db: &impl ConnectionTrait, at: UnixSeconds, actor: &Actor, event: &Event<'_>) -> Result<i64, StoreError> {
    let (actor_kind, actor_id) = actor.kind_and_id();
    let request = actor.request.as_ref();
    let (before, after) = split(event);
    let row = AuditRow {
        id: 0,
        at,
        event: event.name().to_owned(),
        actor_kind: actor_kind.to_owned(),
        actor_id,
        face: actor.face.as_str().to_owned(),
        request_id: request.map(|request| request.id.clone()),
        user_id: event.user(),
        client_id: event.client().map(str::to_owned),
        authorization_id: event.authorization(),
        about: event.about(),
        before: before.public,
        after: after.public,
        detail: event.detail().to_string(),
        times: 1,
        last_at: None,
    };
    let id = audit_events::insert(db, row).await?;
    let object = event.username().map(str::to_owned);
    let has_values = object.is_some() || before.personal.is_some() || after.personal.is_some();
    if request.is_some() || has_values {
        let origin_of = if let Who::User(user) = actor.who { Some(user) } else { event.user() };
        let personal = PersonalRow {
            event_id: id,
            at,
            origin_of: origin_of.filter(|_| request.is_some()),
            values_of: event.user().filter(|_| has_values),
            address: request.map(|request| request.address.to_string()),
            user_agent: request.map(|request| request.user_agent.clone()).filter(|user_agent| !user_agent.is_empty()),
            object,
            before: before.personal,
            after: after.personal,
        };
        audit_events::insert_personal(db, personal).await?;
    }
    Ok(id)
}
