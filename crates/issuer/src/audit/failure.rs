//! Failed sign-ins, which strangers cause, so that their rows are bounded: from the tenth failure of an account or an address in an hour on,
//! one row counts them.

use uuid::Uuid;

use crate::audit::{Actor, Event, Who, network, write};
use crate::clock::{HOUR, UnixSeconds};
use crate::store::{StoreError, Transaction, audit_events, sign_in_failures};

/// The number of failures per account or address and hour that get a row each.
const ONE_ROW_EACH: i64 = 9;

/// Records that an attempt to sign in to the account of `user` failed; `None` if there is no such account. What was typed as its name is
/// not kept, because it may be a password. `db` is a transaction of its own.
pub async fn record_failure(db: &Transaction, at: UnixSeconds, actor: &Actor, user: Option<Uuid>) -> Result<(), StoreError> {
    let hour = at - at.rem_euclid(HOUR);
    // The account comes first, so that the row which counts tells of the account if both have failed too often.
    let account = user.map(|user| (format!("account:{user}"), Some(user)));
    let address = actor.request.as_ref().map(|request| (format!("address:{}", network(request.address)), None));
    let client = if let Who::Client(id) = &actor.who { Some(id.as_str()) } else { None };
    let mut counting = None;
    for (key, user) in account.into_iter().chain(address) {
        let counted = sign_in_failures::count(db, &key, hour).await?;
        if counted.count > ONE_ROW_EACH && counting.is_none() {
            counting = Some((key, user, counted.event_id));
        }
    }
    let Some((key, user, row)) = counting else {
        return write(db, at, actor, &Event::SignInFailed { user, client }).await.map(drop);
    };
    if let Some(row) = row
        && audit_events::advance(db, row, at).await?
    {
        return Ok(());
    }
    let id = write(db, at, actor, &Event::SignInFailed { user, client }).await?;
    sign_in_failures::count_in(db, &key, hour, id).await
}
