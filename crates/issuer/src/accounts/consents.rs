//! Stores and withdraws the consent of a user to a client.

use uuid::Uuid;

use crate::app::App;
use crate::audit::{self, Actor, Event};
use crate::store::consents::Allowed;
use crate::store::{StoreError, authorization_codes, authorizations, commit, consents};

/// Stores that `user` allows `client` what `allowed` says, in addition to what was allowed before.
pub async fn give(app: &App, actor: &Actor, user: Uuid, client: &str, allowed: &Allowed) -> Result<(), StoreError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    let all = consents::give(&transaction, user, client, allowed, now).await?;
    audit::record(&transaction, now, actor, Event::ConsentGiven { user, client, scope: &all.scope.to_string(), resources: &all.resources })
        .await?;
    commit(transaction).await
}

/// Withdraws the consent of `user` to `client`, and ends all codes and authorizations that the user gave this client.
pub async fn withdraw(app: &App, actor: &Actor, user: Uuid, client: &str) -> Result<(), StoreError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    if consents::withdraw(&transaction, user, client).await? {
        authorization_codes::withdraw(&transaction, Some(user), Some(client)).await?;
        authorizations::end_all(&transaction, Some(user), Some(client), now).await?;
        audit::record(&transaction, now, actor, Event::ConsentWithdrawn { user, client }).await?;
    }
    commit(transaction).await
}
