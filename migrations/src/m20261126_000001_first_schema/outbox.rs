//! The queue of what clients are told.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, integer, pk_auto, string, string_null, text, uuid_null};

use super::table::{ends_with, table};

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
