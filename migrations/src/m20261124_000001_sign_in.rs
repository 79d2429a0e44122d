//! Signing in with a browser: sessions, authorization codes, consents, and what clients register.
//!
//! Every `*_at` column is Unix seconds.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, boolean, integer, pk_auto, string, string_null, text, text_null, uuid,
};

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in added_columns() {
            // One column a statement: SQLite takes no more.
            manager.alter_table(Table::alter().table(Alias::new(table)).add_column(column).take()).await?;
        }
        for table in [
            client_origins(),
            client_logos(),
            browsers(),
            authorization_requests(),
            sessions(),
            authorization_codes(),
            consents(),
            registration_tokens(),
            client_assertions(),
        ] {
            manager.create_table(table).await?;
        }
        for (table, column) in [
            ("authorizations", "sid"),
            ("sessions", "user_id"),
            ("browsers", "expires_at"),
            ("authorization_requests", "browser"),
            ("authorization_requests", "created_at"),
            ("authorization_codes", "user_id"),
            ("authorization_codes", "client_id"),
            ("authorization_codes", "authorization_id"),
            ("client_assertions", "expires_at"),
        ] {
            let index = Index::create().name(format!("{table}_{column}")).table(Alias::new(table)).col(Alias::new(column)).take();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// `claims` of a user are the standard claims that have no column of their own, as JSON; those of an authorization are
/// what its `claims` parameter asked for. `resources` is space-separated; `metadata` is what clients say of themselves, as JSON.
fn added_columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("users", text("claims").default("{}").take()),
        // When the password was made for the user, who must choose their own.
        ("users", big_integer_null("password_generated_at").take()),
        // Moves on with each change after which nobody may go on signing in as before.
        ("users", integer("credential_version").default(0).take()),
        ("clients", string_null("auth_method").take()),
        ("clients", boolean("require_pkce").default(true).take()),
        ("clients", boolean("first_party").default(false).take()),
        ("clients", text("metadata").default("{}").take()),
        ("clients", ColumnDef::new("registration_token_hash").binary().null().take()),
        ("authorizations", boolean("offline").default(false).take()),
        ("authorizations", text("resources").default("").take()),
        ("authorizations", text_null("claims").take()),
    ]
}

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(Alias::new(name)).take()
}

/// A column that refers to the primary key `(table, column)`, and ends with it.
fn ends_with(own: &'static str, table: &'static str, column: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from_col(Alias::new(own)).to(Alias::new(table), Alias::new(column)).on_delete(ForeignKeyAction::Cascade).take()
}

/// Origins whose scripts may call `/token`, `/revoke` and `/userinfo`.
fn client_origins() -> TableCreateStatement {
    table("client_origins")
        .col(string("client_id"))
        .col(string("origin"))
        .primary_key(Index::create().col(Alias::new("client_id")).col(Alias::new("origin")))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// Logos, fetched once and served by the issuer.
fn client_logos() -> TableCreateStatement {
    table("client_logos")
        .col(string("client_id").primary_key())
        .col(string("media_type"))
        .col(binary("image"))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// What is kept for a browser that has our cookie, by the SHA-256 of the cookie's id. `signed_in`: it points to a session.
fn browsers() -> TableCreateStatement {
    table("browsers")
        .col(string("id_hash").primary_key())
        .col(integer("version"))
        .col(text("data"))
        .col(boolean("signed_in"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .take()
}

/// Authorization requests that wait for the person, in the browser (its own random key, never the cookie's id) in which
/// they were begun.
fn authorization_requests() -> TableCreateStatement {
    table("authorization_requests")
        .col(pk_auto("sequence").big_integer())
        .col(string("id").unique_key())
        .col(string("browser"))
        .col(text("request"))
        .col(big_integer("created_at"))
        .take()
}

/// Browsers signed in at the issuer.
fn sessions() -> TableCreateStatement {
    table("sessions")
        .col(string("sid").primary_key())
        .col(uuid("user_id"))
        .col(big_integer("auth_time"))
        .col(string("acr"))
        .col(string("amr"))
        .col(text("user_agent"))
        .col(string("address"))
        .col(big_integer("created_at"))
        .col(big_integer("last_used_at"))
        .col(big_integer("expires_at"))
        .col(big_integer_null("ended_at"))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .take()
}

/// Authorization codes, by their SHA-256. `authorization_id` is that of the authorization which redeeming it will give.
fn authorization_codes() -> TableCreateStatement {
    table("authorization_codes")
        .col(string("hash").primary_key())
        .col(uuid("authorization_id"))
        .col(string("client_id"))
        .col(uuid("user_id"))
        .col(text("redirect_uri"))
        .col(string_null("code_challenge"))
        .col(text_null("nonce"))
        .col(text("scope"))
        .col(text("resources"))
        .col(text_null("claims"))
        .col(string("sid"))
        .col(big_integer("auth_time"))
        .col(string("acr"))
        .col(string("amr"))
        .col(big_integer("expires_at"))
        .col(big_integer_null("spent_at"))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .take()
}

/// What users have allowed clients.
fn consents() -> TableCreateStatement {
    table("consents")
        .col(uuid("user_id"))
        .col(string("client_id"))
        .col(text("scope"))
        .col(big_integer("given_at"))
        .primary_key(Index::create().col(Alias::new("user_id")).col(Alias::new("client_id")))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// Initial access tokens (RFC 7591 §3), by their SHA-256.
fn registration_tokens() -> TableCreateStatement {
    table("registration_tokens").col(string("hash").primary_key()).col(integer("uses_left")).col(big_integer("expires_at")).take()
}

/// Client assertions that were used, by the SHA-256 of client and `jti`, until they expire.
fn client_assertions() -> TableCreateStatement {
    table("client_assertions").col(string("hash").primary_key()).col(big_integer("expires_at")).take()
}
