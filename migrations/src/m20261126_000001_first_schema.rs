//! The first schema. It is not released yet, so it may still be edited.
//!
//! Every column `*_at`, and `auth_time`, is in Unix seconds. Scopes, resources, grants, redirect URIs and `amr` are lists,
//! separated by spaces.

mod audit;
mod clients;
mod keys;
mod outbox;
mod people;
mod revocations;
mod sign_in;
mod signals;
mod table;
mod trigger;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

/// An SQL condition on `users`: the password hash has not the form of this issuer's own hashes.
const FOREIGN_HASH: &str =
    "password_hash IS NOT NULL AND substr(password_hash, 1, 8) <> '{opaque}' AND substr(password_hash, 1, 15) <> '$argon2id$v=19$'";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables(manager.get_database_backend()) {
            manager.create_table(table).await?;
        }
        // The users of a role are listed in the order of their ids, and so are the authorizations of a user or client.
        for (table, column, order) in
            [("user_roles", "role", "user_id"), ("authorizations", "user_id", "id"), ("authorizations", "client_id", "id")]
        {
            let [one, other] = [column, order].map(Alias::new);
            let index = Index::create().name(format!("{table}_{column}")).table(Alias::new(table)).col(one).col(other).take();
            manager.create_index(index).await?;
        }
        // Sessions are listed by their age, and those of one user, too.
        for (name, columns) in
            [("sessions_created_at", &["created_at", "sid"][..]), ("sessions_user_id", &["user_id", "created_at", "sid"])]
        {
            let mut index = Index::create().name(name).table(Alias::new("sessions")).take();
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index).await?;
        }
        for (table, column) in [
            ("authorizations", "expires_at"),
            ("authorizations", "sid"),
            ("sessions", "expires_at"),
            ("devices", "user_id"),
            ("devices", "last_used_at"),
            ("group_members", "user_id"),
            ("group_roles", "role"),
            ("groups", "is_default"),
            ("user_attributes", "name"),
            ("client_scopes", "scope"),
            ("clients", "default_resource"),
            ("client_secrets", "created_at"),
            ("client_secrets", "expires_at"),
            ("clients", "last_used_at"),
            ("clients", "access"),
            ("client_groups", "group_id"),
            ("client_claims", "source"),
            ("clients", "group_prefix"),
            ("consents", "client_id"),
            ("password_links", "expires_at"),
            ("browsers", "expires_at"),
            ("waiting_requests", "browser"),
            ("waiting_requests", "created_at"),
            ("authorization_codes", "user_id"),
            ("authorization_codes", "client_id"),
            ("authorization_codes", "authorization_id"),
            ("client_assertions", "expires_at"),
            ("activity", "hour"),
            ("sign_in_failures", "hour"),
            ("attempts", "account"),
            ("streams", "client_id"),
            ("client_users", "user_id"),
            ("stream_removals", "user_id"),
            ("session_clients", "client_id"),
            ("outbox", "client_id"),
            ("outbox", "created_at"),
            ("attempts", "last_at"),
            ("registration_tokens", "expires_at"),
            ("revocations", "at"),
        ] {
            let index = Index::create().name(format!("{table}_{column}")).table(Alias::new(table)).col(Alias::new(column)).take();
            manager.create_index(index).await?;
        }
        for index in indexes_of_the_trail() {
            manager.create_index(index).await?;
        }
        for index in indexes_of_users() {
            manager.create_index(index).await?;
        }
        // The schema builder writes no index on an expression for SQLite. Both databases read this statement.
        let verified = "CREATE UNIQUE INDEX users_verified_email ON users (lower(email)) WHERE email_verified";
        // The overview lists the enabled accounts and clients that nobody has used for the longest time.
        let seen = "CREATE INDEX users_last_seen ON users (COALESCE(last_sign_in_at, created_at)) WHERE disabled_at IS NULL";
        let used = "CREATE INDEX clients_last_use ON clients (COALESCE(last_used_at, created_at)) WHERE disabled_at IS NULL";
        let in_frames = "CREATE INDEX clients_session_management ON clients (id) WHERE session_management AND disabled_at IS NULL";
        // The pages of the help desk offer what is delegated to it, which is little of everything.
        let given = "CREATE INDEX roles_delegated ON roles (name) WHERE delegated";
        let filled = "CREATE INDEX groups_delegated ON groups (name) WHERE delegated";
        // Before people lose the right to change an attribute, the administrator is told how many have typed a value.
        let typed = "CREATE INDEX user_attributes_typed ON user_attributes (name) WHERE by_user AND position = 0";
        // Few events of the audit trail are about one of these objects, and the others need no entry in this index.
        let about = "CREATE INDEX audit_events_about_at_id ON audit_events (about, at, id) WHERE about IS NOT NULL";
        for index in [verified, seen, used, in_frames, given, filled, typed, about] {
            manager.get_connection().execute_unprepared(index).await?;
        }
        manager.create_index(foreign_hashes()).await?;
        for index in indexes_of_the_cleanup().into_iter().chain(indexes_of_the_outbox()) {
            manager.create_index(index).await?;
        }
        manager.get_connection().execute_unprepared("INSERT INTO access_changes (id, number, role_scopes) VALUES (1, 0, 0)").await?;
        manager.get_connection().execute_unprepared("INSERT INTO revocation_order (id, last) VALUES (1, 0)").await?;
        let backend = manager.get_database_backend();
        let triggers = [revocations::triggers(backend), signals::triggers(backend), outbox::triggers(backend)];
        for trigger in triggers.into_iter().flatten() {
            manager.get_connection().execute_unprepared(&trigger).await?;
        }
        Ok(())
    }
}

/// The indexes by which the next row of each receiver is found, and whether one of its rows is being delivered.
fn indexes_of_the_outbox() -> [IndexCreateStatement; 2] {
    let on = |name: &str| Index::create().name(name).table(Alias::new("outbox")).col(Alias::new("receiver")).take();
    [
        on("outbox_receiver_next_attempt_at").col(Alias::new("next_attempt_at")).col(Alias::new("id")).take(),
        on("outbox_receiver_leased_until").col(Alias::new("leased_until")).take(),
    ]
}

/// The indexes of the audit trail. Each filter reads the newest rows of one value within a range of time, so its index ends with time and id.
fn indexes_of_the_trail() -> Vec<IndexCreateStatement> {
    let columns_of = [
        ("audit_events", ["at", "id"].as_slice()),
        ("audit_events", &["event", "at", "id"]),
        ("audit_events", &["user_id", "at", "id"]),
        ("audit_events", &["client_id", "at", "id"]),
        ("audit_events", &["actor_kind", "at", "id"]),
        ("audit_events", &["actor_id", "at", "id"]),
        ("audit_events", &["request_id", "at", "id"]),
        ("audit_personal", &["address", "at", "event_id"]),
        ("audit_personal", &["origin_of"]),
        ("audit_personal", &["values_of"]),
        ("client_refusals", &["client_id", "id"]),
        ("client_refusals", &["at"]),
    ];
    let index = |(table, columns): (&str, &[&str])| {
        let mut index = Index::create().name(format!("{table}_{}", columns.join("_"))).table(Alias::new(table)).take();
        for column in columns {
            index.col(Alias::new(*column));
        }
        index
    };
    columns_of.into_iter().map(index).collect()
}

/// All tables, each after those that it refers to. The list lies on the heap, because it is too large for the stack.
fn tables(backend: DatabaseBackend) -> Vec<TableCreateStatement> {
    // All columns of these tables are in the primary key, so SQLite needs no table of rows beside its index.
    let keys_only = |mut table: TableCreateStatement| {
        if backend == DatabaseBackend::Sqlite {
            table.extra("WITHOUT ROWID");
        }
        table
    };
    vec![
        keys::master_keys(),
        keys::signing_keys(),
        clients::resources(),
        clients::scopes(),
        people::roles(),
        keys_only(people::role_scopes()),
        people::users(),
        keys_only(people::user_terms()),
        keys_only(people::user_roles()),
        people::groups(),
        keys_only(people::group_terms()),
        keys_only(people::group_members()),
        keys_only(people::group_roles()),
        people::retired_names(),
        people::attributes(),
        people::user_attributes(),
        clients::clients(),
        keys_only(clients::client_terms()),
        clients::client_secrets(),
        keys_only(clients::client_groups()),
        clients::client_claims(),
        keys_only(clients::client_scopes()),
        keys_only(clients::client_origins()),
        clients::client_logos(),
        sign_in::browsers(),
        sign_in::waiting_requests(),
        sign_in::sessions(),
        sign_in::authorization_codes(),
        sign_in::consents(),
        sign_in::password_links(),
        sign_in::authorizations(),
        revocations::revocations(),
        revocations::revocation_order(),
        revocations::access_changes(),
        signals::streams(),
        signals::stream_removals(),
        signals::client_users(),
        outbox::session_clients(),
        outbox::outbox(),
        clients::registration_tokens(),
        clients::client_assertions(),
        sign_in::attempts(),
        sign_in::devices(),
        keys::write_probes(),
        audit::audit_events(),
        audit::audit_personal(),
        audit::sign_in_failures(),
        audit::activity(),
        audit::client_refusals(),
    ]
}

/// The indexes by which the cleanup finds what has ended, and the codes that nobody redeemed. Rows that are still in use are in none of them.
fn indexes_of_the_cleanup() -> [IndexCreateStatement; 3] {
    let on = |table: &'static str, column: &'static str| {
        Index::create().name(format!("{table}_{column}")).table(Alias::new(table)).col(Alias::new(column)).take()
    };
    let column = |name: &'static str| Expr::col(Alias::new(name));
    [
        on("authorizations", "ended_at").and_where(column("ended_at").is_not_null()).take(),
        on("sessions", "ended_at").and_where(column("ended_at").is_not_null()).take(),
        on("authorization_codes", "expires_at").and_where(column("spent_at").is_null()).take(),
    ]
}

/// An index of the users whose password hash another system made, so that they can be counted among many others.
fn foreign_hashes() -> IndexCreateStatement {
    let is_foreign = Expr::cust(FOREIGN_HASH);
    Index::create().name("users_foreign_hash").table(Alias::new("users")).col(Alias::new("id")).cond_where(is_foreign).take()
}

/// The indexes by which users, clients and groups are found. The list of the enabled users and that of the disabled ones each have an index, so
/// that neither list reads the users of the other. Few clients are disabled or registered themselves, so the lists of these have one, too.
fn indexes_of_users() -> [IndexCreateStatement; 7] {
    let on = |name: &str, table: &'static str| Index::create().name(name).table(Alias::new(table)).take();
    let disabled_at = || Expr::col(Alias::new("disabled_at"));
    let registered = || Expr::col(Alias::new("registration_token_hash"));
    [
        on("users_enabled", "users").col(Alias::new("username")).and_where(disabled_at().is_null()).take(),
        on("users_disabled", "users").col(Alias::new("username")).and_where(disabled_at().is_not_null()).take(),
        on("clients_disabled", "clients").col(Alias::new("id")).and_where(disabled_at().is_not_null()).take(),
        on("clients_registered", "clients").col(Alias::new("id")).and_where(registered().is_not_null()).take(),
        on("user_terms_user_id_term", "user_terms").col(Alias::new("user_id")).col(Alias::new("term")).take(),
        on("client_terms_client_id_term", "client_terms").col(Alias::new("client_id")).col(Alias::new("term")).take(),
        on("group_terms_group_id_term", "group_terms").col(Alias::new("group_id")).col(Alias::new("term")).take(),
    ]
}
