//! Lists and ends the authorizations that a user has given, and revokes tokens at the request of their client (RFC 7009).

use uuid::Uuid;

use crate::app::App;
use crate::audit::{self, Actor, Event};
use crate::store::authorizations::{self, AuthorizationRow};
use crate::store::clients::Client;
use crate::store::{StoreError, commit, revocations};

/// The number of authorizations that a page shows at most.
pub const SHOWN: usize = 100;

/// Returns the authorizations of `user` that can still be used, whatever grant they came from, each with its client; the latest first.
/// Returns one more than [`SHOWN`] if there are more.
pub async fn list(app: &App, user: Uuid) -> Result<Vec<(AuthorizationRow, Client)>, StoreError> {
    let (now, idle) = (app.now(), app.settings.refresh_idle_lifetime);
    let rows = authorizations::live(app.store.reader(), (Some(user), None), now, idle, None, SHOWN as u64 + 1).await?;
    let mut given = Vec::new();
    for (row, _) in rows {
        // A client that is removed takes its authorizations with it.
        if let Some(client) = app.store.client(&row.client_id).await? {
            given.push((row, client));
        }
    }
    Ok(given)
}

/// Ends the authorization `id` at the request of `user`. Does nothing if it has already ended, or if it belongs to another user.
pub async fn end(app: &App, actor: &Actor, user: Uuid, id: Uuid) -> Result<(), StoreError> {
    match authorizations::by_id(app.store.reader(), id).await? {
        Some((row, _)) if row.user_id == user => end_as(app, actor, &row, "user").await,
        _ => Ok(()),
    }
}

/// Ends the authorization of `row` at the request of its client. Does nothing if it has already ended.
pub async fn revoke(app: &App, actor: &Actor, row: &AuthorizationRow) -> Result<(), StoreError> {
    end_as(app, actor, row, "client").await
}

/// Ends all access tokens that the client `id` got for itself so far. Those of its users go on.
pub async fn revoke_own(app: &App, actor: &Actor, id: &str) -> Result<(), StoreError> {
    let transaction = app.store.begin().await?;
    revocations::of_client_itself(&transaction, id).await?;
    audit::record(&transaction, app.now(), actor, Event::OwnTokensRevoked { client: id }).await?;
    commit(transaction).await
}

async fn end_as(app: &App, actor: &Actor, row: &AuthorizationRow, by: &str) -> Result<(), StoreError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    if authorizations::end(&transaction, row.id, now).await? {
        let event = Event::AuthorizationEnded { authorization: row.id, client: &row.client_id, by };
        audit::record(&transaction, now, actor, event).await?;
    }
    commit(transaction).await
}
