//! The streams of Shared Signals (SSF 1.0), and the triggers that put events into their queues.
//!
//! Sessions end and passwords change in many places, by cascades too. The triggers see each of them, so that no change can forget to tell
//! the streams.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, boolean, integer, string, text, text_null, uuid};
use sea_orm_migration::sea_orm::DatabaseBackend;

use super::table::{ends_with, pairs, table};
use super::trigger::Trigger;

/// The most events that wait in the queue of one stream, beside those that were held when its receiver enabled it. A stream whose queue is
/// full is paused. Transactions that run at the same moment do not see the events of each other, so each of them may put one more there.
/// The one that finds the queue full locks the row of the stream until its commit, and the others that find it full wait for that.
const MOST_EVENTS: u32 = 1000;

/// The `next_attempt_at` of an event that is not pushed: it waits until its receiver polls, or until the stream is enabled again.
const NEVER: i64 = i64::MAX;

/// Streams of events, each of one client. `method` is `poll` or `push`; only the latter has an `endpoint_url`, and perhaps an
/// `authorization_header`, which is sealed. `events_requested` is the JSON list that the receiver sent; `session_revoked` and
/// `credential_change` say which of the events of CAEP are among them. `status` is `enabled`, `paused` or `disabled`, and `reason` says why.
/// `overflowed_at` is the time since which events were lost because the queue was full. `held` is the number of events that the
/// queue held when the stream was enabled, for which it has room beside new ones. `verified_at` is the time of the last request for a
/// verification event. `failing_since` is the time since which each attempt to push has failed, and `last_error` says how.
pub(super) fn streams() -> TableCreateStatement {
    table("streams")
        .col(string("id").primary_key())
        .col(string("client_id"))
        .col(string("method"))
        .col(text_null("endpoint_url"))
        .col(text_null("authorization_header"))
        .col(text("events_requested"))
        .col(boolean("session_revoked"))
        .col(boolean("credential_change"))
        .col(text_null("description"))
        .col(string("status"))
        .col(text_null("reason"))
        .col(big_integer("created_at"))
        .col(big_integer_null("overflowed_at"))
        .col(integer("held").default(0))
        .col(big_integer_null("verified_at"))
        .col(big_integer_null("delivered_at"))
        .col(big_integer_null("failing_since"))
        .col(text_null("last_error"))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// The users whom a receiver has removed from a stream.
pub(super) fn stream_removals() -> TableCreateStatement {
    pairs("stream_removals", (string("stream_id").take(), "streams", "id"), (uuid("user_id").take(), "users", "id"))
}

/// The users who have authorized a client at some time, or have consented to it, even if that has ended. A stream tells of no others.
pub(super) fn client_users() -> TableCreateStatement {
    pairs("client_users", (string("client_id").take(), "clients", "id"), (uuid("user_id").take(), "users", "id"))
}

/// A change that streams are told of: the table, the moment, and the condition.
struct Watched {
    table: &'static str,
    moment: &'static str,
    when: &'static str,
    /// The column of `streams` that says whether a stream wants the event.
    wanted: &'static str,
    event: &'static str,
    user: &'static str,
    sid: &'static str,
    /// SQL that is appended to the members of `details`; empty if there are no others.
    details: &'static str,
    /// The time of the change in Unix seconds; `None` for that of the database's clock.
    at: Option<&'static str>,
    /// A condition that the tables must meet, beside the row of the change.
    only_if: &'static str,
}

/// A user who is disabled or deleted is told of once, whatever number of sessions that ends.
const ENABLED: &str = "EXISTS (SELECT 1 FROM users WHERE users.id = OLD.user_id AND users.disabled_at IS NULL)";

const WATCHED: [Watched; 5] = [
    Watched {
        table: "sessions",
        moment: "AFTER UPDATE",
        when: "OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND OLD.expires_at > NEW.ended_at",
        wanted: "session_revoked",
        event: "session-revoked",
        user: "OLD.user_id",
        sid: "OLD.sid",
        details: "",
        at: Some("NEW.ended_at"),
        only_if: ENABLED,
    },
    Watched {
        table: "sessions",
        moment: "AFTER DELETE",
        when: "OLD.ended_at IS NULL AND OLD.expires_at > {now}",
        wanted: "session_revoked",
        event: "session-revoked",
        user: "OLD.user_id",
        sid: "OLD.sid",
        details: "",
        at: None,
        only_if: ENABLED,
    },
    Watched {
        table: "users",
        moment: "AFTER UPDATE",
        when: "OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL",
        wanted: "session_revoked",
        event: "session-revoked",
        user: "OLD.id",
        sid: "NULL",
        details: "",
        at: Some("NEW.disabled_at"),
        only_if: "1 = 1",
    },
    // Before the deletion, because it deletes the rows that say which clients the user has authorized.
    Watched {
        table: "users",
        moment: "BEFORE DELETE",
        when: "OLD.disabled_at IS NULL",
        wanted: "session_revoked",
        event: "session-revoked",
        user: "OLD.id",
        sid: "NULL",
        details: "",
        at: None,
        only_if: "1 = 1",
    },
    // A new hash of the same password leaves `credential_version` as it is.
    Watched {
        table: "users",
        moment: "AFTER UPDATE",
        when: "NEW.password_hash IS DISTINCT FROM OLD.password_hash AND NEW.credential_version <> OLD.credential_version",
        wanted: "credential_change",
        event: "credential-change",
        user: "OLD.id",
        sid: "NULL",
        details: " || ',\"change_type\":\"' || CASE WHEN OLD.password_hash IS NULL THEN 'create' \
                  WHEN NEW.password_hash IS NULL THEN 'delete' ELSE 'update' END || '\"'",
        at: Some("NEW.updated_at"),
        only_if: "1 = 1",
    },
];

/// A client that may not ask for a token for its streams any more is told of nothing.
const MAY_RECEIVE: &str = "' ' || clients.grant_types || ' ' LIKE '% client_credentials %' AND EXISTS (SELECT 1 FROM client_scopes \
     WHERE client_scopes.client_id = clients.id AND client_scopes.scope IN ('ssf.read', 'ssf.manage'))";

/// The statements that remember which users have authorized a client.
const REMEMBERED: [&str; 2] = ["authorizations", "consents"];

struct Dialect {
    now: &'static str,
    jti: &'static str,
}

fn dialect(backend: DatabaseBackend) -> Dialect {
    match backend {
        DatabaseBackend::Postgres => {
            Dialect { now: "floor(extract(epoch from clock_timestamp()))::bigint", jti: "replace(gen_random_uuid()::text, '-', '')" }
        }
        _ => Dialect { now: "unixepoch()", jti: "lower(hex(randomblob(16)))" },
    }
}

impl Watched {
    /// The statements that tell the streams: they pause each one whose queue is full, and put the event into the queues of the others.
    fn body(&self, &Dialect { now, jti }: &Dialect) -> String {
        let Self { wanted, event, user, sid, details: details_of, at, only_if, .. } = self;
        let at = at.unwrap_or(now);
        let concerned = format!(
            "streams.{wanted} AND streams.status <> 'disabled' AND streams.overflowed_at IS NULL AND clients.disabled_at IS NULL \
             AND {MAY_RECEIVE} AND (clients.signals_of_all_users OR EXISTS (SELECT 1 FROM client_users WHERE client_users.client_id = streams.client_id \
             AND client_users.user_id = {user})) AND NOT EXISTS (SELECT 1 FROM stream_removals \
             WHERE stream_removals.stream_id = streams.id AND stream_removals.user_id = {user}) AND {only_if}"
        );
        let from = "FROM streams JOIN clients ON clients.id = streams.client_id";
        let queue = "'stream:' || streams.id";
        let full = format!("(SELECT count(*) FROM outbox WHERE outbox.receiver = {queue}) >= {MOST_EVENTS} + streams.held");
        let insert = "INSERT INTO outbox (receiver, event, user_id, sid, details, created_at, next_attempt_at)";
        let reason = format!("the queue of {MOST_EVENTS} events is full; later events are lost until the stream is enabled again");
        let paused = format!(",\"status\":\"paused\",\"reason\":\"{reason}\"");
        let details = |more: &str| format!("'{{\"jti\":\"' || {jti} || '\"'{more} || '}}'");
        let (updated, details) = (details(&format!(" || '{paused}'")), details(details_of));
        // While the receiver does not answer, the event waits behind those before it.
        let last = format!(
            "(SELECT max(others.next_attempt_at) FROM outbox AS others WHERE others.receiver = {queue} AND others.next_attempt_at < {NEVER})"
        );
        let due = format!("CASE WHEN streams.method = 'push' AND streams.status = 'enabled' THEN COALESCE({last}, 0) ELSE {NEVER} END");
        format!(
            "{insert} SELECT {queue}, 'stream-updated', NULL, NULL, {updated}, {at}, {due} {from} \
             WHERE {concerned} AND streams.status = 'enabled' AND {full}; \
             UPDATE streams SET overflowed_at = {at}, status = 'paused', reason = '{reason}' \
             WHERE id IN (SELECT streams.id {from} WHERE {concerned} AND {full}); \
             {insert} SELECT {queue}, '{event}', {user}, {sid}, {details}, {at}, {due} {from} WHERE {concerned};"
        )
    }
}

/// Returns the statements that make the triggers.
pub(super) fn triggers(backend: DatabaseBackend) -> Vec<String> {
    let dialect = dialect(backend);
    let mut triggers = Vec::new();
    for (number, watched) in WATCHED.iter().enumerate() {
        let name = format!("signal_{number}_{}", watched.table);
        let when = watched.when.replace("{now}", dialect.now);
        triggers.push((name, watched.table, watched.moment, when, watched.body(&dialect)));
    }
    for table in REMEMBERED {
        let body = "INSERT INTO client_users (client_id, user_id) VALUES (NEW.client_id, NEW.user_id) ON CONFLICT DO NOTHING;";
        triggers.push((format!("remember_{table}"), table, "AFTER INSERT", "1 = 1".to_owned(), body.to_owned()));
    }
    let forget = "DELETE FROM outbox WHERE receiver = 'stream:' || OLD.id;";
    triggers.push(("forget_queue".to_owned(), "streams", "AFTER DELETE", "1 = 1".to_owned(), forget.to_owned()));
    let statements =
        triggers.iter().flat_map(|(name, table, moment, when, body)| Trigger { name, table, moment, when, body }.statements(backend));
    statements.collect()
}
