//! The audit trail: typed events, each written in the same transaction as the change that it records.

mod actor;
mod event;

pub use actor::{Actor, Face, RequestInfo, Who};
pub use event::{Action, EndedAccess, Event, Object, SIGN_IN_FAILED};

use serde_json::Value;

use crate::clock::UnixSeconds;
use crate::store::audit_events::{self, AuditRow};
use crate::store::{ConnectionTrait, StoreError};

/// Writes `event`, which `actor` caused at `at`, in the caller's transaction.
pub async fn record(db: &impl ConnectionTrait, at: UnixSeconds, actor: &Actor, event: Event<'_>) -> Result<(), StoreError> {
    let (actor_kind, actor_id) = actor.kind_and_id();
    let request = actor.request.as_ref();
    let (before, after) = match &event {
        Event::Changed { before, after, .. } => (before.as_ref(), after.as_ref()),
        _ => (None, None),
    };
    let row = AuditRow {
        id: 0,
        at,
        event: event.name().to_owned(),
        actor_kind: actor_kind.to_owned(),
        actor_id,
        face: actor.face.as_str().to_owned(),
        request_id: request.map(|request| request.id.clone()),
        address: request.map(|request| request.address.to_string()),
        user_agent: request.map(|request| request.user_agent.clone()),
        user_id: event.user(),
        client_id: event.client().map(str::to_owned),
        authorization_id: event.authorization(),
        before: before.map(Value::to_string),
        after: after.map(Value::to_string),
        detail: event.detail().to_string(),
    };
    audit_events::insert(db, row).await
}
