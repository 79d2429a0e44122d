//! Ends a single authorization at the request of its client (RFC 7009).

use crate::app::App;
use crate::audit::{self, Actor, Event};
use crate::store::authorizations::{self, AuthorizationRow};
use crate::store::{StoreError, commit};

/// Ends the authorization of `row` at the request of its client. Does nothing if it has already ended.
pub async fn revoke(app: &App, actor: &Actor, row: &AuthorizationRow) -> Result<(), StoreError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    if authorizations::end(&transaction, row.id, now).await? {
        let event = Event::AuthorizationEnded { authorization: row.id, client: &row.client_id, by: "client" };
        audit::record(&transaction, now, actor, event).await?;
    }
    commit(transaction).await
}
