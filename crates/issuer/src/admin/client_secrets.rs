//! Operations on the secrets of clients.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::admin::client_view::ClientView;
use crate::admin::{Change, Operation, Refused};
use crate::app::App;
use crate::audit::{Action, Object, Who};
use crate::clock::{DAY, UnixSeconds};
use crate::oauth::client_auth::{NONE, PRIVATE_KEY_JWT};
use crate::oauth::scope::words;
use crate::oauth::secret;
use crate::store::{client_secrets, clients};

/// The longest time for which the old secret stays valid after a rotation, in seconds.
const LONGEST_END: UnixSeconds = 366 * DAY;

/// The end that a rotation sets for the secret that was current until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldSecret {
    /// It stays valid until the next rotation.
    UntilNextRotation,
    /// It stays valid for this many seconds.
    EndsIn(UnixSeconds),
    /// It ends at once.
    EndsNow,
}

/// Makes a secret of 256 random bits.
pub(super) fn new_secret(app: &App) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<32>())
}

/// Gives a client a new secret and returns it. `old` says what becomes of the current one; the one before it ends.
pub async fn rotate_secret(change: &mut Change<'_>, id: &str, old: OldSecret) -> Result<String, Refused> {
    change.require(Operation::ClientRotateSecret)?;
    let (app, db, now) = (change.app, &change.transaction, change.now);
    if let OldSecret::EndsIn(seconds) = old
        && !(1..=LONGEST_END).contains(&seconds)
    {
        let expected = format!("1 second to {} days, such as 7d", LONGEST_END / DAY);
        return Err(Refused::invalid("old_ends_in", format!("{expected}; found {seconds} s")));
    }
    let before = lock(change, id).await?;
    change.require_version(before.version)?;
    // A service client may renew its own secret, with which it gets no more than it has.
    if !matches!(&change.actor.who, Who::Client(own) if own == id) {
        change.require_over_client(words(&before.scope))?;
    }
    if before.public || before.token_endpoint_auth_method.as_deref() == Some(NONE) {
        return Err(Refused::Conflict(format!("the client {id} is public and has no secret")));
    }
    if before.token_endpoint_auth_method.as_deref() == Some(PRIVATE_KEY_JWT) {
        return Err(Refused::Conflict(format!("the client {id} authenticates by {PRIVATE_KEY_JWT} and has no secret")));
    }
    let current = client_secrets::of(db, &[id], now).await?.remove(id).and_then(|secrets| secrets.into_iter().next());
    // The current secret is the one that was made last, so two of the same second must differ.
    let created_at = current.as_ref().map_or(now, |current| now.max(current.created_at + 1));
    let kept = current.filter(|_| old != OldSecret::EndsNow);
    client_secrets::remove(db, id, kept.as_ref().map(|row| row.hash.as_str())).await?;
    if let (Some(kept), OldSecret::EndsIn(seconds)) = (&kept, old) {
        client_secrets::set_end(db, id, &kept.hash, now + seconds).await?;
    }
    let client_secret = new_secret(app);
    client_secrets::insert(db, id, secret::key(&client_secret), created_at).await?;
    clients::count_change(db, id).await?;
    let after = lock(change, id).await?;
    change.record(Action::ClientSecretRotated, Object::Client(id), Some(&before), Some(&after)).await?;
    Ok(client_secret)
}

/// Ends all secrets of a client but the newest. Fails with [`Refused::Conflict`] if there is only one, or none.
pub async fn end_old_secrets(change: &mut Change<'_>, id: &str) -> Result<ClientView, Refused> {
    change.require(Operation::ClientRotateSecret)?;
    let before = lock(change, id).await?;
    change.require_version(before.version)?;
    let db = &change.transaction;
    let secrets = client_secrets::of(db, &[id], change.now).await?.remove(id).unwrap_or_default();
    let [newest, _, ..] = secrets.as_slice() else {
        return Err(Refused::Conflict(format!("the client {id} has no old secret that could end")));
    };
    client_secrets::remove(db, id, Some(&newest.hash)).await?;
    clients::count_change(db, id).await?;
    let after = lock(change, id).await?;
    change.record(Action::ClientChanged, Object::Client(id), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Locks a client and returns its view before a change.
pub(super) async fn lock(change: &Change<'_>, id: &str) -> Result<ClientView, Refused> {
    let db = &change.transaction;
    if !clients::hold(db, id).await? {
        return Err(Refused::not_found("client", id));
    }
    let row = clients::row(db, id).await?.ok_or_else(|| Refused::not_found("client", id))?;
    ClientView::read(change.app, db, row).await
}
