//! The revocations of access tokens, and the triggers that write them.
//!
//! The access tokens of an authorization, and those that a client gets for itself, carry one handle, `grant_id`. Whatever takes a handle
//! out of use (an end, a new handle, a deleted row, also by a cascade) fires a trigger, so that no change can forget to revoke. The handle of an
//! authorization that no token carries (`grant_id_used`) is not written.
//!
//! An entry has its place in the order of all entries, `sequence`, once every entry before it can be read. SQLite has one writer, so its triggers
//! write the place. Transactions of PostgreSQL commit in another order than they write, so there the nodes write the places of what was committed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, binary_null, integer, string_null};
use sea_orm_migration::sea_orm::DatabaseBackend;

use super::table::table;
use super::trigger::Trigger;

/// What access tokens are refused for: a handle, or the `kid` of the key that signed them. `id` is random; `at` is the time by the clock of
/// the database.
pub(super) fn revocations() -> TableCreateStatement {
    table("revocations")
        .col(binary("id").primary_key())
        .col(big_integer_null("sequence").unique_key())
        .col(binary_null("grant_id"))
        .col(string_null("kid"))
        .col(big_integer("at"))
        .take()
}

/// One row. `last` is the last place that was given to a revocation. Whoever gives places locks the row until the commit, so that an entry can be
/// read only together with all before it.
pub(super) fn revocation_order() -> TableCreateStatement {
    table("revocation_order").col(integer("id").primary_key()).col(big_integer("last")).take()
}

/// One row. `role_scopes` rises with each role that loses scopes, `number` with each other change that takes access from many users at once. A
/// request for tokens that read an older `number` does not insert an authorization; nor does one that read an older `role_scopes`, if the user
/// has other scopes now.
pub(super) fn access_changes() -> TableCreateStatement {
    table("access_changes").col(integer("id").primary_key()).col(big_integer("number")).col(big_integer("role_scopes")).take()
}

/// A change after which something is refused: the table, the events on it, and the condition.
struct Watched {
    table: &'static str,
    event: &'static str,
    when: &'static str,
    column: &'static str,
}

const WATCHED: [Watched; 6] = [
    Watched {
        table: "authorizations",
        event: "UPDATE",
        when: "OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND OLD.grant_id_used",
        column: "grant_id",
    },
    // A row whose handle is NULL has no tokens that are still valid.
    Watched {
        table: "authorizations",
        event: "UPDATE",
        when: "NEW.ended_at IS NULL AND NEW.grant_id IS NOT NULL AND NEW.grant_id <> OLD.grant_id AND OLD.grant_id_used",
        column: "grant_id",
    },
    Watched {
        table: "authorizations",
        event: "DELETE",
        when: "OLD.ended_at IS NULL AND OLD.grant_id IS NOT NULL AND OLD.grant_id_used",
        column: "grant_id",
    },
    Watched { table: "clients", event: "UPDATE", when: "NEW.grant_id <> OLD.grant_id", column: "grant_id" },
    Watched { table: "clients", event: "DELETE", when: "OLD.grant_id IS NOT NULL", column: "grant_id" },
    Watched { table: "signing_keys", event: "UPDATE", when: "OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL", column: "kid" },
];

/// Returns the statements that make the triggers.
pub(super) fn triggers(backend: DatabaseBackend) -> Vec<String> {
    const NEXT: &str = "UPDATE revocation_order SET last = last + 1;";
    let (next, place, id, now) = match backend {
        DatabaseBackend::Postgres => ("", "NULL", "uuid_send(gen_random_uuid())", "floor(extract(epoch from clock_timestamp()))::bigint"),
        _ => (NEXT, "(SELECT last FROM revocation_order)", "randomblob(16)", "unixepoch()"),
    };
    let make = |(number, watched): (usize, &Watched)| {
        let Watched { table, event, when, column } = watched;
        let (name, moment) = (format!("revoke_{number}_{table}"), format!("AFTER {event}"));
        let body = format!("{next}INSERT INTO revocations (id, sequence, {column}, at) VALUES ({id}, {place}, OLD.{column}, {now});");
        Trigger { name: &name, table, moment: &moment, when, body: &body }.statements(backend)
    };
    WATCHED.iter().enumerate().flat_map(make).collect()
}
