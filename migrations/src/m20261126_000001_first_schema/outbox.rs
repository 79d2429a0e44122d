//! What is to be told to others, the clients of each session, and the triggers that write both.
//!
//! Whatever ends a session (a sign-out, an operation of an administrator, a deleted user, also by a cascade) fires a trigger that writes one
//! row for each client that wants to be told (OpenID Connect Back-Channel Logout 1.0 §2.5), in the same transaction. So no change can
//! forget to tell.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, integer, pk_auto, string, string_null, text, uuid_null};
use sea_orm_migration::sea_orm::DatabaseBackend;

use super::table::{ends_with, table};
use super::trigger::Trigger;

/// The clients to which a user has signed in within a session. A row outlives the authorization: it is deleted with the session.
pub(super) fn session_clients() -> TableCreateStatement {
    table("session_clients")
        .col(string("sid"))
        .col(string("client_id"))
        .primary_key(Index::create().col(Alias::new("sid")).col(Alias::new("client_id")))
        .foreign_key(&mut ends_with("sid", "sessions", "sid"))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// What is to be told. `receiver` names the queue: `client:` with the id of a client, or `stream:` with that of a stream of Shared Signals,
/// whose triggers are in signals.rs. The rows of a queue are delivered one at a time. `event` is `session_ended`, or the name of an event
/// of Shared Signals, about the session `sid` of the user `user_id`, who may have been deleted. Only the queues of clients have
/// `client_id`. `details` is JSON. `created_at` is the time by the clock of the database; `next_attempt_at` and `leased_until` are times by
/// the clock of the nodes.
pub(super) fn outbox() -> TableCreateStatement {
    table("outbox")
        .col(pk_auto("id").big_integer())
        .col(string("receiver"))
        .col(string_null("client_id"))
        .col(string("event"))
        .col(uuid_null("user_id"))
        .col(string_null("sid"))
        .col(text("details").default("{}"))
        .col(big_integer("created_at"))
        .col(integer("attempts").default(0))
        .col(big_integer("next_attempt_at").default(0))
        .col(big_integer("leased_until").default(0))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// The time by the clock of the database.
fn now(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => "floor(extract(epoch from clock_timestamp()))::bigint",
        _ => "unixepoch()",
    }
}

/// Returns the statement that tells the clients of the session `row`, which is `OLD` or `NEW`. The metadata of a client is compact JSON, in
/// whose texts each quotation mark has a backslash before it, so that only a member can look like this.
fn tell_clients(backend: DatabaseBackend, row: &str) -> String {
    format!(
        "INSERT INTO outbox (receiver, client_id, event, user_id, sid, created_at) \
         SELECT 'client:' || clients.id, clients.id, 'session_ended', {row}.user_id, {row}.sid, {now} \
         FROM session_clients JOIN clients ON clients.id = session_clients.client_id \
         WHERE session_clients.sid = {row}.sid AND clients.metadata LIKE '%\"backchannel_logout_uri\":\"%';",
        now = now(backend)
    )
}

/// Returns the statements that make the triggers.
pub(super) fn triggers(backend: DatabaseBackend) -> Vec<String> {
    let (tell_new, tell_old) = (tell_clients(backend, "NEW"), tell_clients(backend, "OLD"));
    let watched = [
        Trigger {
            name: "tell_of_ended_session",
            table: "sessions",
            moment: "AFTER UPDATE",
            when: "OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL",
            body: &tell_new,
        },
        // Before the row is deleted, because the rows of `session_clients` are deleted with it. The cleanup of expired sessions deletes those
        // rows first.
        Trigger {
            name: "tell_of_deleted_session",
            table: "sessions",
            moment: "BEFORE DELETE",
            when: "OLD.ended_at IS NULL",
            body: &tell_old,
        },
        Trigger {
            name: "remember_client_of_session",
            table: "authorizations",
            moment: "AFTER INSERT",
            when: "NEW.sid IS NOT NULL",
            body: "INSERT INTO session_clients (sid, client_id) SELECT sid, NEW.client_id FROM sessions WHERE sid = NEW.sid \
                        ON CONFLICT DO NOTHING;",
        },
    ];
    watched.iter().flat_map(|trigger| trigger.statements(backend)).collect()
}
