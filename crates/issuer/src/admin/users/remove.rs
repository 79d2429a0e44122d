//! The deletion of users.

use serde::Serialize;
use uuid::Uuid;

use crate::accounts::{lockout, session};
use crate::admin::names::{self, Kind};
use crate::admin::{Change, Operation, Refused, require_version, roles};
use crate::audit::{Action, EndedAccess, Object};
use crate::store::{attempts, audit_events, groups, roles as role_store, users};

/// A user who was deleted.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Removed {
    pub id: Uuid,
    pub username: String,
    /// The numbers of live sessions and authorizations that ended with the user.
    #[serde(flatten)]
    pub ended: EndedAccess,
}

/// The audit trail's record of a deletion: what the user could do. It has no personal data, because the person may have asked to be
/// forgotten.
#[derive(Serialize)]
struct Trace {
    id: Uuid,
    enabled: bool,
    roles: Vec<String>,
    groups: Vec<String>,
}

/// Deletes a user with everything that depends on them. Fails with [`Refused::Conflict`] if no administrator would remain, and with
/// [`Refused::Stale`] if the user's version is not `expected_version`.
pub async fn delete(change: &mut Change<'_>, id: Uuid, expected_version: Option<i32>) -> Result<Removed, Refused> {
    change.require(Operation::UserDelete)?;
    let administrators = roles::lock_administrators(change).await?;
    let db = &change.transaction;
    let not_found = || Refused::not_found("user", id);
    // Counters are locked before users. The order of locks is stated in store/mod.rs.
    let username = users::by_id(db, id).await?.ok_or_else(not_found)?.username;
    attempts::forget(db, &lockout::account_name(&username)).await?;
    let row = users::lock(db, id).await?.ok_or_else(not_found)?;
    change.require_over(&[id]).await?;
    require_version(row.version, expected_version)?;
    change.require_version(row.version)?;
    let groups = groups::of_users(db, std::iter::once(id)).await?.remove(&id).unwrap_or_default();
    let before = Trace { id, enabled: row.disabled_at.is_none(), roles: role_store::of_user(db, id).await?, groups };
    let ended = session::end_all(db, id, change.actor, Action::UserDeleted.name(), change.now).await?;
    // The database deletes the sessions, authorizations, consents, devices, memberships and everything else of the user with the row.
    users::remove(db, id).await?;
    names::retire(change, Kind::User, &row.username, None).await?;
    administrators.require_one(change).await?;
    change.record(Action::UserDeleted, Object::User(id, &id.to_string()), Some(&before), None).await?;
    // What the earlier events tell of the person is emptied; that they happened stays in the trail.
    audit_events::forget(db, id).await?;
    Ok(Removed { id, username: row.username, ended })
}
