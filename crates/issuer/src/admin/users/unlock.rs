//! Lets a user who guessed wrong too often try again at once.

use serde::Serialize;
use uuid::Uuid;

use crate::accounts::lockout;
use crate::admin::users::UserView;
use crate::admin::{Change, Operation, Refused};
use crate::audit::{Action, Object};
use crate::store::{attempts, users};

/// The audit trail's record of a user who was unlocked.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    user: &'a UserView,
    /// The number of counters of wrong passwords, of which each device and client has its own.
    counters: u64,
}

/// Deletes the counters of wrong passwords of a user, those of the user's devices and of clients too, so that nobody who knows the password
/// must wait. The counters of addresses stay. Records nothing if no attempt was counted.
pub async fn unlock(change: &mut Change<'_>, id: Uuid) -> Result<UserView, Refused> {
    change.require(Operation::UserUnlock)?;
    let db = &change.transaction;
    let row = users::by_id(db, id).await?.ok_or_else(|| Refused::not_found("user", id))?;
    change.require_over(&[id]).await?;
    let before = UserView::read(db, row, change.now).await?;
    let after = UserView { locked_until: None, ..before.clone() };
    let deleted = attempts::forget(db, &lockout::account_name(&before.username)).await?;
    if deleted > 0 {
        let [old, new] = [Record { user: &before, counters: deleted }, Record { user: &after, counters: 0 }];
        change.record(Action::UserUnlocked, Object::User(id, &before.username), Some(&old), Some(&new)).await?;
    }
    Ok(after)
}
