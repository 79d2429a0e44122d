//! The first schema: keys, resources, scopes, roles, users, clients, authorizations, attempts and the audit trail.
//!
//! Every `*_at` column is Unix seconds.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, boolean, integer, pk_auto, string, string_null, text, text_null, uuid, uuid_null,
};

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            master_keys(),
            signing_keys(),
            resources(),
            scopes(),
            roles(),
            role_scopes(),
            users(),
            user_roles(),
            clients(),
            client_scopes(),
            authorizations(),
            attempts(),
            audit_events(),
        ] {
            manager.create_table(table).await?;
        }
        for (table, column) in
            [("authorizations", "user_id"), ("authorizations", "client_id"), ("authorizations", "expires_at"), ("audit_events", "at")]
        {
            let index = Index::create().name(format!("{table}_{column}")).table(Alias::new(table)).col(Alias::new(column)).take();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(Alias::new(name)).take()
}

/// A foreign key to the primary key `(table, column)`.
fn refers(own: &'static str, table: &'static str, column: &'static str, on_delete: ForeignKeyAction) -> ForeignKeyCreateStatement {
    ForeignKey::create().from_col(Alias::new(own)).to(Alias::new(table), Alias::new(column)).on_delete(on_delete).take()
}

/// A table of pairs, which end with either side.
fn pairs(
    name: &'static str,
    left: (ColumnDef, &'static str, &'static str),
    right: (ColumnDef, &'static str, &'static str),
) -> TableCreateStatement {
    let (left_name, right_name) = (left.0.get_column_name(), right.0.get_column_name());
    table(name)
        .col(left.0)
        .col(right.0)
        .primary_key(Index::create().col(Alias::new(&left_name)).col(Alias::new(&right_name)))
        .foreign_key(
            ForeignKey::create()
                .from_col(Alias::new(&left_name))
                .to(Alias::new(left.1), Alias::new(left.2))
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .from_col(Alias::new(&right_name))
                .to(Alias::new(right.1), Alias::new(right.2))
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}

/// Which master keys this database is sealed under: a fingerprint, never the key.
fn master_keys() -> TableCreateStatement {
    table("master_keys").col(integer("version").primary_key()).col(string("fingerprint")).take()
}

/// The key ring. `sequence` is unique, so that of several nodes that rotate at once one wins.
fn signing_keys() -> TableCreateStatement {
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

/// `identifier` is null for the built-in resources, whose identifiers follow from the issuer.
fn resources() -> TableCreateStatement {
    table("resources")
        .col(string("id").primary_key())
        .col(string_null("identifier").unique_key())
        .col(string("name"))
        .col(big_integer_null("token_lifetime"))
        .col(big_integer("created_at"))
        .take()
}

fn scopes() -> TableCreateStatement {
    table("scopes")
        .col(string("name").primary_key())
        .col(string("resource_id"))
        .col(string("description"))
        .foreign_key(&mut refers("resource_id", "resources", "id", ForeignKeyAction::Cascade))
        .take()
}

fn roles() -> TableCreateStatement {
    table("roles").col(string("name").primary_key()).col(big_integer("created_at")).take()
}

fn role_scopes() -> TableCreateStatement {
    pairs("role_scopes", (string("role").take(), "roles", "name"), (string("scope").take(), "scopes", "name"))
}

fn users() -> TableCreateStatement {
    table("users")
        .col(uuid("id").primary_key())
        .col(string("username").unique_key())
        .col(string_null("email"))
        .col(boolean("email_verified"))
        .col(string_null("name"))
        .col(text_null("password_hash"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .col(big_integer_null("disabled_at"))
        .take()
}

fn user_roles() -> TableCreateStatement {
    pairs("user_roles", (uuid("user_id").take(), "users", "id"), (string("role").take(), "roles", "name"))
}

/// `grants` and `redirect_uris` are space-separated; a secret is stored as its SHA-256.
fn clients() -> TableCreateStatement {
    table("clients")
        .col(string("id").primary_key())
        .col(string("name"))
        .col(boolean("public"))
        .col(text("grants"))
        .col(text("redirect_uris"))
        .col(string_null("default_resource"))
        .col(ColumnDef::new("secret_hash").binary().null())
        .col(ColumnDef::new("previous_secret_hash").binary().null())
        .col(big_integer("created_at"))
        .col(big_integer_null("disabled_at"))
        .foreign_key(&mut refers("default_resource", "resources", "id", ForeignKeyAction::SetNull))
        .take()
}

fn client_scopes() -> TableCreateStatement {
    pairs("client_scopes", (string("client_id").take(), "clients", "id"), (string("scope").take(), "scopes", "name"))
}

/// One row per user authorization. `salt` and `key_version` go into the refresh token's MAC; nothing here can be replayed.
fn authorizations() -> TableCreateStatement {
    table("authorizations")
        .col(uuid("id").primary_key())
        .col(uuid("user_id"))
        .col(string("client_id"))
        .col(text("scope"))
        .col(boolean("refreshable"))
        .col(binary("salt"))
        .col(integer("key_version"))
        .col(integer("generation"))
        .col(big_integer("created_at"))
        .col(big_integer("refreshed_at"))
        .col(big_integer("expires_at"))
        .col(big_integer("auth_time"))
        .col(string("acr"))
        .col(string("amr"))
        .col(string_null("sid"))
        .col(big_integer_null("ended_at"))
        .foreign_key(&mut refers("user_id", "users", "id", ForeignKeyAction::Cascade))
        .foreign_key(&mut refers("client_id", "clients", "id", ForeignKeyAction::Cascade))
        .take()
}

/// Guesses, counted per account and per address.
fn attempts() -> TableCreateStatement {
    table("attempts")
        .col(string("key").primary_key())
        .col(integer("count"))
        .col(big_integer("counted_since"))
        .col(big_integer("last_at"))
        .col(big_integer("blocked_until"))
        .take()
}

/// The audit trail has no foreign keys: it outlives what it tells of.
fn audit_events() -> TableCreateStatement {
    table("audit_events")
        .col(pk_auto("id").big_integer())
        .col(big_integer("at"))
        .col(string("event"))
        .col(uuid_null("user_id"))
        .col(string_null("client_id"))
        .col(uuid_null("authorization_id"))
        .col(text("detail"))
        .take()
}
