//! The revocations of access tokens, and the triggers that write them.
//!
//! The access tokens of an authorization, and those that a client gets for itself, carry one handle, `grant_id`. Whatever takes a handle
//! out of use (an end, a new handle, a deleted row, also by a cascade) fires a trigger, so that no change can forget to revoke. The handle of an
//! authorization that no token carries (`grant_id_used`) is not written.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, binary_null, integer, pk_auto, string_null};
use sea_orm_migration::sea_orm::DatabaseBackend;

use super::table::table;
use super::trigger::Trigger;

/// What access tokens are refused for: a handle, or the `kid` of the key that signed them. `id` is random; `at` is the time by the clock of
/// the database.
pub(super) fn revocations() -> TableCreateStatement {
    table("revocations")
        .col(pk_auto("sequence").big_integer())
        .col(binary("id").unique_key())
        .col(binary_null("grant_id"))
        .col(string_null("kid"))
        .col(big_integer("at"))
        .take()
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
    let (id, now) = match backend {
        DatabaseBackend::Postgres => ("uuid_send(gen_random_uuid())", "floor(extract(epoch from clock_timestamp()))::bigint"),
        _ => ("randomblob(16)", "unixepoch()"),
    };
    let make = |(number, watched): (usize, &Watched)| {
        let Watched { table, event, when, column } = watched;
        let (name, moment) = (format!("revoke_{number}_{table}"), format!("AFTER {event}"));
        let body = format!("INSERT INTO revocations (id, {column}, at) VALUES ({id}, OLD.{column}, {now});");
        Trigger { name: &name, table, moment: &moment, when, body: &body }.statements(backend)
    };
    let watching = WATCHED.iter().enumerate().flat_map(make);
    let in_time = IN_TIME.iter().filter(|_| backend == DatabaseBackend::Postgres).map(ToString::to_string);
    watching.chain(in_time).collect()
}

/// Undoes a transaction that revokes something and has lasted for 30 s when it commits, because the nodes look for its entries no longer than
/// 40 s. The error has an SQLSTATE of its own. SQLite needs no such rule: it has one writer, so entries commit in their order.
const IN_TIME: [&str; 2] = [
    "CREATE FUNCTION revoke_in_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     IF clock_timestamp() > transaction_timestamp() + interval '30 seconds' THEN \
     RAISE EXCEPTION 'a change that refuses tokens took longer than 30 s' USING ERRCODE = 'SG030'; \
     END IF; RETURN NULL; END $$",
    "CREATE CONSTRAINT TRIGGER revoke_in_time AFTER INSERT ON revocations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
     EXECUTE FUNCTION revoke_in_time()",
];
