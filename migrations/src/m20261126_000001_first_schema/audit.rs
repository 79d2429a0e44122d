//! The tables of the audit trail and of the counters.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, pk_auto, string, string_null, text, text_null, uuid_null};

use super::table::{ends_with, table};

/// The audit trail. It refers to no other table, so that an event outlives the rows that it describes. `before`, `after` and `detail` hold
/// nothing personal. `about` is the group, role, attribute or resource that was changed, as `kind:id`; null for other events. `times` counts what
/// the row stands for, and `last_at` is the time of the last of these; null if it is only one.
pub(super) fn audit_events() -> TableCreateStatement {
    table("audit_events")
        .col(pk_auto("id").big_integer())
        .col(big_integer("at"))
        .col(string("event"))
        .col(string("actor_kind"))
        .col(string_null("actor_id"))
        .col(string("face"))
        .col(string_null("request_id"))
        .col(uuid_null("user_id"))
        .col(string_null("client_id"))
        .col(uuid_null("authorization_id"))
        .col(text_null("about"))
        .col(text_null("before"))
        .col(text_null("after"))
        .col(text("detail"))
        .col(big_integer("times").default(1))
        .col(big_integer_null("last_at"))
        .take()
}

/// The personal data of events, in a row only where there is any. `address` and `user_agent` are those of the user `origin_of`; `object`
/// (a username), `before` and `after` are about the user `values_of`. They are emptied when that user is deleted. `at` is that of the event.
pub(super) fn audit_personal() -> TableCreateStatement {
    table("audit_personal")
        .col(big_integer("event_id").primary_key())
        .col(big_integer("at"))
        .col(uuid_null("origin_of"))
        .col(uuid_null("values_of"))
        .col(string_null("address"))
        .col(text_null("user_agent"))
        .col(string_null("object"))
        .col(text_null("before"))
        .col(text_null("after"))
        .foreign_key(&mut ends_with("event_id", "audit_events", "id"))
        .take()
}

/// The numbers of failed sign-ins in each hour, by account and by address. `hour` is the time at which it begins. `event_id` is the row of
/// `audit_events` that counts the failures from the tenth on; null before the tenth.
pub(super) fn sign_in_failures() -> TableCreateStatement {
    table("sign_in_failures")
        .col(string("key"))
        .col(big_integer("hour"))
        .col(big_integer("count"))
        .col(big_integer_null("event_id"))
        .primary_key(Index::create().col(Alias::new("key")).col(Alias::new("hour")))
        .take()
}

/// What happened in each hour, for charts. `hour` is the time at which it begins. The rows whose `client_id` is empty are the sums of all
/// clients, with what concerns no client.
pub(super) fn activity() -> TableCreateStatement {
    table("activity")
        .col(string("client_id"))
        .col(big_integer("hour"))
        .col(string("kind"))
        .col(big_integer("count"))
        .primary_key(Index::create().col(Alias::new("client_id")).col(Alias::new("hour")).col(Alias::new("kind")))
        .take()
}

/// The last refusals of each client. `redirect_uri` is the one that was received, without what may be a secret.
pub(super) fn client_refusals() -> TableCreateStatement {
    table("client_refusals")
        .col(pk_auto("id").big_integer())
        .col(string("client_id"))
        .col(big_integer("at"))
        .col(string("error"))
        .col(text("reason"))
        .col(text_null("redirect_uri"))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}
