//! Stores and withdraws the consent of a user to a client.

use uuid::Uuid;

use crate::app::App;
use crate::audit::{self, Actor, Event};
use crate::clock::UnixSeconds;
use crate::store::consents::Allowed;
use crate::store::{ConnectionTrait, StoreError, authorization_codes, authorizations, commit, consents};

/// Stores that `user` allows `client` what `allowed` says, in addition to what was allowed before.
pub async fn give(app: &App, actor: &Actor, user: Uuid, client: &str, allowed: &Allowed) -> Result<(), StoreError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    let all = consents::give(&transaction, user, client, allowed, now).await?;
    let scope = &all.scope.to_string();
    let given = Event::ConsentGiven { user, client, scope, resources: &all.resources, claims: &all.claims };
    audit::record(&transaction, now, actor, given).await?;
    commit(transaction).await
}

/// Withdraws the consent of `user` to `client`, and ends all codes and authorizations that the user gave this client.
pub async fn withdraw(app: &App, actor: &Actor, user: Uuid, client: &str) -> Result<(), StoreError> {
    let transaction = app.store.begin().await?;
    withdraw_within(&transaction, actor, user, client, app.now()).await?;
    commit(transaction).await
}

/// Does in the caller's transaction what [`withdraw`] does. Returns `false` if there was no consent.
pub async fn withdraw_within(
    db: &impl ConnectionTrait,
    actor: &Actor,
    user: Uuid,
    client: &str,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    if !consents::withdraw(db, user, client).await? {
        return Ok(false);
    }
    authorization_codes::withdraw(db, Some(user), Some(client)).await?;
    authorizations::end_all(db, Some(user), Some(client), now).await?;
    audit::record(db, now, actor, Event::ConsentWithdrawn { user, client }).await?;
    Ok(true)
}
