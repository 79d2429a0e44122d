//! Forgets what is of no more use, in small batches, so that no table grows without bound and no lock is held long.

use crate::app::App;
use crate::clock::DAY;
use crate::interaction::waiting;
use crate::store::{
    StoreError, attempts, authorization_codes, authorizations, browsers, client_assertions, registration_tokens, sessions, waiting_requests,
};

const BATCH: i64 = 500;
/// Ended authorizations are kept this long, so that their last tokens are still found to be dead.
const KEEP_AUTHORIZATIONS: i64 = DAY;
const KEEP_ATTEMPTS: i64 = DAY;
/// By then nobody may go on with a request any more.
const KEEP_REQUESTS: i64 = waiting::LIFETIME;

/// One round.
pub async fn run(app: &App) {
    if let Err(error) = clean(app).await {
        tracing::error!(%error, "cleaning up failed; will try again");
    }
}

async fn clean(app: &App) -> Result<(), StoreError> {
    let now = app.now();
    while authorizations::purge(app.store.writer(), now - KEEP_AUTHORIZATIONS, BATCH).await? > 0 {}
    while attempts::purge(app.store.writer(), now - KEEP_ATTEMPTS, BATCH).await? > 0 {}
    while waiting_requests::purge(app.store.writer(), now - KEEP_REQUESTS, BATCH).await? > 0 {}
    while browsers::purge(app.store.writer(), now, BATCH).await? > 0 {}
    while sessions::purge(app.store.writer(), now - KEEP_AUTHORIZATIONS, BATCH).await? > 0 {}
    // After the authorizations: a code is kept while they are.
    while authorization_codes::purge(app.store.writer(), now - KEEP_AUTHORIZATIONS, BATCH).await? > 0 {}
    while registration_tokens::purge(app.store.writer(), now, BATCH).await? > 0 {}
    while client_assertions::purge(app.store.writer(), now, BATCH).await? > 0 {}
    Ok(())
}
