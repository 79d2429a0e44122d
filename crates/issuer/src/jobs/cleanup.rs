//! Deletes rows that are no longer needed, so that no table grows without bound. Each statement deletes a small batch, so that it holds its
//! locks only briefly.

use crate::admin::{Refused, change, clients};
use crate::app::App;
use crate::audit::{Actor, Face, SIGN_IN_FAILED, Who};
use crate::browser::device;
use crate::clock::{DAY, HOUR, UnixSeconds};
use crate::outbox;
use crate::store::{
    activity, attempts, audit_events, authorization_codes, authorizations, browsers, client_assertions, client_refusals, client_secrets,
    devices, password_links, registration_tokens, revocation_entries, sessions, sign_in_failures, stream_queue, waiting_requests,
};
use crate::telemetry::cause;

const BATCH: i64 = 500;
/// The largest number of clients that one transaction removes.
const UNUSED_CLIENTS: u64 = 50;
/// Ended authorizations and sessions stay for this many seconds, so that the last access tokens are still recognised as revoked.
const KEEP_AUTHORIZATIONS: UnixSeconds = DAY;
const KEEP_ATTEMPTS: UnixSeconds = DAY;
/// A counter of failed sign-ins is needed only in its hour, by nodes whose clocks may differ.
const KEEP_FAILURES: UnixSeconds = 2 * HOUR;
const KEEP_REFUSALS: UnixSeconds = 30 * DAY;
/// A waiting request can no longer be continued after an hour. Its row stays longer, so that a page that was left open says so.
const KEEP_REQUESTS: UnixSeconds = DAY;

/// An event for a stream that is gone is deleted after this many seconds. The transaction that wrote it has ended long before.
const ORPHANED: UnixSeconds = 600;

/// Runs one round. A failure is only logged, because the next round tries again.
pub async fn run(app: &App) {
    if let Err(error) = clean(app).await {
        tracing::error!(%error, cause = cause(&error), "the cleanup failed; the next round tries again");
    }
}

/// Deletes what is no longer needed. Fails at the first statement that fails.
pub async fn clean(app: &App) -> Result<(), Refused> {
    let now = app.now();
    while authorizations::purge(app.store.writer(), now - KEEP_AUTHORIZATIONS, BATCH).await? > 0 {}
    while attempts::purge(app.store.writer(), now - KEEP_ATTEMPTS, BATCH).await? > 0 {}
    while waiting_requests::purge(app.store.writer(), now - KEEP_REQUESTS, BATCH).await? > 0 {}
    while browsers::purge(app.store.writer(), now, BATCH).await? > 0 {}
    while sessions::purge(app.store.writer(), now - KEEP_AUTHORIZATIONS, BATCH).await? > 0 {}
    while authorization_codes::purge(app.store.writer(), now - KEEP_AUTHORIZATIONS, BATCH).await? > 0 {}
    while password_links::purge(app.store.writer(), now, BATCH).await? > 0 {}
    while registration_tokens::purge(app.store.writer(), now, BATCH).await? > 0 {}
    while devices::purge(app.store.writer(), now - device::LIFETIME, BATCH).await? > 0 {}
    let failures_before = now - app.settings.failed_sign_in_retention;
    while audit_events::purge(app.store.writer(), Some(SIGN_IN_FAILED), failures_before, BATCH).await? > 0 {}
    // A retention of 0 keeps the events for ever.
    if app.settings.audit_retention > 0 {
        while audit_events::purge(app.store.writer(), None, now - app.settings.audit_retention, BATCH).await? > 0 {}
    }
    let (handles, keys) = (app.settings.revocation_lifetime(), app.settings.key_revocation_lifetime());
    while revocation_entries::purge(app.store.writer(), handles, keys, BATCH).await? > 0 {}
    while activity::purge(app.store.writer(), now - app.settings.activity_retention, BATCH).await? > 0 {}
    while client_refusals::purge(app.store.writer(), now - KEEP_REFUSALS, BATCH).await? > 0 {}
    while sign_in_failures::purge(app.store.writer(), now - KEEP_FAILURES, BATCH).await? > 0 {}
    while client_secrets::purge(app.store.writer(), now, BATCH).await? > 0 {}
    while client_assertions::purge(app.store.writer(), now, BATCH).await? > 0 {}
    outbox::give_up_old(app).await?;
    while stream_queue::purge_orphans(app.store.writer(), ORPHANED, BATCH).await? > 0 {}
    remove_unused_clients(app).await?;
    Ok(())
}

/// Removes the clients that registered themselves and were not used for as long as the settings say.
async fn remove_unused_clients(app: &App) -> Result<(), Refused> {
    app.store.flush_uses().await?;
    let actor = Actor::local(Who::Issuer, Face::Job);
    while change(app, &actor, |change| Box::pin(clients::remove_unused(change, UNUSED_CLIENTS))).await? == UNUSED_CLIENTS {}
    Ok(())
}
