//! The tables of the keys, and the row by which nodes see whether the database can be written.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, string, text, text_null};

use super::table::table;

/// The master keys under which this database was ever sealed. A row holds the key's fingerprint, never the key.
pub(super) fn master_keys() -> TableCreateStatement {
    table("master_keys").col(integer("version").primary_key()).col(string("fingerprint")).take()
}

/// The key ring. `sequence` is unique, so that only one of several nodes that rotate at the same time succeeds.
pub(super) fn signing_keys() -> TableCreateStatement {
    table("signing_keys")
        .col(string("kid").primary_key())
        .col(integer("sequence").unique_key())
        .col(string("alg"))
        .col(text("public_jwk"))
        .col(text_null("sealed_private"))
        .col(big_integer("published_at"))
        .col(big_integer("activates_at"))
        .col(big_integer_null("revoked_at"))
        .take()
}

/// One row that each node replaces to see whether the database can be written.
pub(super) fn write_probes() -> TableCreateStatement {
    table("write_probes").col(integer("id").primary_key()).col(big_integer("at")).take()
}
