//! The first schema. It is not released yet, so it may still be edited.
//!
//! Every column `*_at`, and `auth_time`, is in Unix seconds. Scopes, resources, grants, redirect URIs and `amr` are lists,
//! separated by spaces.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, boolean, integer, pk_auto, string, string_null, text, text_null, uuid, uuid_null,
};

/// An SQL condition on `users`: the password hash has not the form of this issuer's own hashes.
const FOREIGN_HASH: &str =
    "password_hash IS NOT NULL AND substr(password_hash, 1, 8) <> '{opaque}' AND substr(password_hash, 1, 15) <> '$argon2id$v=19$'";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The list lies on the heap, because it is too large for the stack.
        for table in vec![
            master_keys(),
            signing_keys(),
            resources(),
            scopes(),
            roles(),
            role_scopes(),
            users(),
            user_terms(),
            user_roles(),
            groups(),
            group_members(),
            group_roles(),
            retired_names(),
            attributes(),
            user_attributes(),
            clients(),
            client_secrets(),
            client_groups(),
            client_claims(),
            client_scopes(),
            client_origins(),
            client_logos(),
            browsers(),
            waiting_requests(),
            sessions(),
            authorization_codes(),
            consents(),
            authorizations(),
            registration_tokens(),
            client_assertions(),
            attempts(),
            devices(),
            write_probes(),
            audit_events(),
            audit_personal(),
            sign_in_failures(),
            activity(),
            client_refusals(),
        ] {
            manager.create_table(table).await?;
        }
        // The users of a role are listed in the order of their ids.
        let [role, user] = ["role", "user_id"].map(Alias::new);
        manager.create_index(Index::create().name("user_roles_role").table(Alias::new("user_roles")).col(role).col(user).take()).await?;
        for (table, column) in [
            ("authorizations", "user_id"),
            ("authorizations", "client_id"),
            ("authorizations", "expires_at"),
            ("authorizations", "sid"),
            ("sessions", "user_id"),
            ("devices", "user_id"),
            ("group_members", "user_id"),
            ("group_roles", "role"),
            ("groups", "is_default"),
            ("user_attributes", "name"),
            ("client_secrets", "created_at"),
            ("client_secrets", "expires_at"),
            ("clients", "last_used_at"),
            ("client_groups", "group_id"),
            ("consents", "client_id"),
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
        ] {
            let index = Index::create().name(format!("{table}_{column}")).table(Alias::new(table)).col(Alias::new(column)).take();
            manager.create_index(index).await?;
        }
        // Each filter of the audit trail reads the newest rows of one value within a range of time, so its index ends with time and id.
        for (table, columns) in [
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
        ] {
            let mut index = Index::create().name(format!("{table}_{}", columns.join("_"))).table(Alias::new(table)).take();
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index).await?;
        }
        for index in indexes_of_users() {
            manager.create_index(index).await?;
        }
        // The schema builder writes no index on an expression for SQLite. Both databases read this statement.
        let verified = "CREATE UNIQUE INDEX users_verified_email ON users (lower(email)) WHERE email_verified";
        manager.get_connection().execute_unprepared(verified).await?;
        manager.create_index(foreign_hashes()).await
    }
}

/// An index of the users whose password hash another system made, so that they can be counted among many others.
fn foreign_hashes() -> IndexCreateStatement {
    let is_foreign = Expr::cust(FOREIGN_HASH);
    Index::create().name("users_foreign_hash").table(Alias::new("users")).col(Alias::new("id")).cond_where(is_foreign).take()
}

/// The indexes by which users are found. The list of the enabled users and that of the disabled ones each have an index, so that neither
/// list reads the users of the other.
fn indexes_of_users() -> [IndexCreateStatement; 3] {
    let on = |name: &str, table: &'static str| Index::create().name(name).table(Alias::new(table)).take();
    let disabled_at = || Expr::col(Alias::new("disabled_at"));
    [
        on("users_enabled", "users").col(Alias::new("username")).and_where(disabled_at().is_null()).take(),
        on("users_disabled", "users").col(Alias::new("username")).and_where(disabled_at().is_not_null()).take(),
        on("user_terms_user_id_term", "user_terms").col(Alias::new("user_id")).col(Alias::new("term")).take(),
    ]
}

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(Alias::new(name)).take()
}

/// A foreign key from the column `own` to the primary key `(table, column)`.
fn refers(own: &'static str, table: &'static str, column: &'static str, on_delete: ForeignKeyAction) -> ForeignKeyCreateStatement {
    ForeignKey::create().from_col(Alias::new(own)).to(Alias::new(table), Alias::new(column)).on_delete(on_delete).take()
}

/// A foreign key that removes its rows together with the row that they refer to.
fn ends_with(own: &'static str, table: &'static str, column: &'static str) -> ForeignKeyCreateStatement {
    refers(own, table, column, ForeignKeyAction::Cascade)
}

/// A table of pairs. A pair is removed together with either of the rows that it refers to.
fn pairs(
    name: &'static str,
    left: (ColumnDef, &'static str, &'static str),
    right: (ColumnDef, &'static str, &'static str),
) -> TableCreateStatement {
    let (left_name, right_name) = (left.0.get_column_name(), right.0.get_column_name());
    let cascade = |own: &str, table, column| {
        ForeignKey::create().from_col(Alias::new(own)).to(Alias::new(table), Alias::new(column)).on_delete(ForeignKeyAction::Cascade).take()
    };
    table(name)
        .col(left.0)
        .col(right.0)
        .primary_key(Index::create().col(Alias::new(&left_name)).col(Alias::new(&right_name)))
        .foreign_key(&mut cascade(&left_name, left.1, left.2))
        .foreign_key(&mut cascade(&right_name, right.1, right.2))
        .take()
}

/// The master keys under which this database was ever sealed. A row holds the key's fingerprint, never the key.
fn master_keys() -> TableCreateStatement {
    table("master_keys").col(integer("version").primary_key()).col(string("fingerprint")).take()
}

/// The key ring. `sequence` is unique, so that only one of several nodes that rotate at the same time succeeds.
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

/// `token_claims` lists what the resource's access tokens tell of the user, `groups` and `roles` (RFC 9068 §2.2.3.1). Of the groups only
/// those whose names begin with `group_prefix` are told. `identifier` is null for the built-in resources, whose identifiers follow from the issuer. `comparable` is its form in which two
/// identifiers of the same resource are equal. `token_lifetime` is in seconds. If `open` is true, any client may ask for its scopes.
fn resources() -> TableCreateStatement {
    table("resources")
        .col(string("id").primary_key())
        .col(string_null("identifier"))
        .col(string_null("comparable").unique_key())
        .col(boolean("open").default(false))
        .col(string("access_token_typ").default("at+jwt"))
        .col(string("name"))
        .col(big_integer_null("token_lifetime"))
        .col(string("token_claims").default(""))
        .col(string("group_prefix").default(""))
        .col(integer("version").default(0))
        .col(big_integer("created_at"))
        .take()
}

fn scopes() -> TableCreateStatement {
    table("scopes")
        .col(string("name").primary_key())
        .col(string("resource_id"))
        .col(string("description"))
        .foreign_key(&mut ends_with("resource_id", "resources", "id"))
        .take()
}

/// If `delegated` is true, the help desk may give the role and take it away. `version` is incremented by each change of the role.
fn roles() -> TableCreateStatement {
    table("roles")
        .col(string("name").primary_key())
        .col(string_null("display_name"))
        .col(boolean("delegated").default(false))
        .col(integer("version").default(0))
        .col(big_integer("created_at"))
        .take()
}

fn role_scopes() -> TableCreateStatement {
    pairs("role_scopes", (string("role").take(), "roles", "name"), (string("scope").take(), "scopes", "name"))
}

/// `claims` holds the standard claims that have no column of their own, as JSON. `password_generated_at` is the time at which a
/// password was generated for the user, who must then choose another. `credential_version` is incremented when the password or
/// status changes, or when all sign-ins are ended. `version` is incremented by each change of what administrators see; a sign-in and a new
/// hash of the same password do not change it. `external_id` is the user's id in the system that manages the users.
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
        .col(text("claims").default("{}"))
        .col(big_integer_null("password_generated_at"))
        .col(integer("credential_version").default(0))
        .col(string_null("external_id").unique_key())
        .col(big_integer_null("last_sign_in_at"))
        .col(integer("version").default(0))
        .take()
}

/// The words by which a user is found: those of the name, the username and the email address, in lower case. They are stored as the bytes
/// of their UTF-8 form, so that both databases compare them byte by byte, whatever the language of the database; a search by the first
/// letters of a word depends on that.
fn user_terms() -> TableCreateStatement {
    table("user_terms")
        .col(binary("term"))
        .col(uuid("user_id"))
        .primary_key(Index::create().col(Alias::new("term")).col(Alias::new("user_id")))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .take()
}

fn user_roles() -> TableCreateStatement {
    pairs("user_roles", (uuid("user_id").take(), "users", "id"), (string("role").take(), "roles", "name"))
}

/// Named sets of users. `folded_name` is the name in lower case, so that no two names differ in that alone. A group with `is_default` takes in each new user. If `delegated` is true, the help desk may change its members.
/// `external_id` is the group's id in the system that manages the groups. `version` is incremented by each change of the group, but not of
/// its members.
fn groups() -> TableCreateStatement {
    table("groups")
        .col(uuid("id").primary_key())
        .col(string("name").unique_key())
        .col(string("folded_name").unique_key())
        .col(string_null("display_name"))
        .col(string_null("external_id").unique_key())
        .col(boolean("delegated").default(false))
        .col(boolean("is_default").default(false))
        .col(integer("version").default(0))
        .col(big_integer("created_at"))
        .take()
}

fn group_members() -> TableCreateStatement {
    pairs("group_members", (uuid("group_id").take(), "groups", "id"), (uuid("user_id").take(), "users", "id"))
}

fn group_roles() -> TableCreateStatement {
    pairs("group_roles", (uuid("group_id").take(), "groups", "id"), (string("role").take(), "roles", "name"))
}

/// Names of users and groups that were renamed or deleted, as a keyed hash. Nobody else may be given such a name, because applications
/// know people and groups by it. `kind` is `user` or `group`.
fn retired_names() -> TableCreateStatement {
    table("retired_names")
        .col(string("kind"))
        .col(string("hash"))
        .col(big_integer("at"))
        .primary_key(Index::create().col(Alias::new("kind")).col(Alias::new("hash")))
        .take()
}

/// The attributes that the operator declared for users. `type` is `string`, `number` or `boolean`. `mutability` says who may change the
/// values and `visibility` who may see them: `admin` or `user`, which includes administrators. `scope` is the scope of OpenID Connect that
/// releases the attribute as a claim of the same name; null if only the claims of clients release it. `min` and `max` bound the length of
/// a string in characters, or the value of a number.
fn attributes() -> TableCreateStatement {
    table("attributes")
        .col(string("name").primary_key())
        .col(string("display_name"))
        .col(string("type"))
        .col(boolean("multi_valued").default(false))
        .col(string("mutability"))
        .col(string("visibility"))
        .col(string_null("scope"))
        .col(big_integer_null("min"))
        .col(big_integer_null("max"))
        .col(string_null("pattern"))
        .col(integer("version").default(0))
        .col(big_integer("created_at"))
        .take()
}

/// The values of users' attributes, as text. `position` is 0 for the first value of an attribute.
fn user_attributes() -> TableCreateStatement {
    table("user_attributes")
        .col(uuid("user_id"))
        .col(string("name"))
        .col(integer("position"))
        .col(text("value"))
        .primary_key(Index::create().col(Alias::new("user_id")).col(Alias::new("name")).col(Alias::new("position")))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .foreign_key(&mut ends_with("name", "attributes", "name"))
        .take()
}

/// `access` says who may sign in to the client: `everyone`, or `groups` for the members of the groups in `client_groups`.
/// `id_token_claims` puts the claims of the granted scopes into the ID token too. `group_filter` says which groups the client is told of:
/// `assigned` (those in `client_groups`), `prefix` (those whose names begin with `group_prefix`) or `all`. `claims_allowed` is false for a
/// client that registered itself, which is told of no groups, roles and attributes until an administrator allows it. `version` is
/// incremented by each change of the client.
///
/// Registration access tokens are stored as their SHA-256. `metadata` holds the metadata that the client was registered
/// with (RFC 7591 §2), as JSON.
fn clients() -> TableCreateStatement {
    table("clients")
        .col(string("id").primary_key())
        .col(string("client_name"))
        .col(boolean("public"))
        .col(text("grant_types"))
        .col(text("redirect_uris"))
        .col(string_null("default_resource"))
        .col(big_integer("created_at"))
        .col(big_integer_null("disabled_at"))
        .col(string_null("token_endpoint_auth_method"))
        .col(string("pkce"))
        .col(boolean("first_party").default(false))
        .col(text("metadata").default("{}"))
        .col(binary_null("registration_token_hash"))
        .col(string("access").default("everyone"))
        .col(boolean("id_token_claims").default(false))
        .col(string("group_filter").default("assigned"))
        .col(string("group_prefix").default(""))
        .col(boolean("claims_allowed").default(true))
        .col(big_integer_null("last_used_at"))
        .col(integer("version").default(0))
        .foreign_key(&mut refers("default_resource", "resources", "id", ForeignKeyAction::SetNull))
        .take()
}

/// The secrets of clients, as their SHA-256 in base64url. A secret without `expires_at` is valid until the next rotation but one.
fn client_secrets() -> TableCreateStatement {
    table("client_secrets")
        .col(string("client_id"))
        .col(string("hash"))
        .col(big_integer("created_at"))
        .col(big_integer_null("expires_at"))
        .col(big_integer_null("last_used_at"))
        .primary_key(Index::create().col(Alias::new("client_id")).col(Alias::new("hash")))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

fn client_groups() -> TableCreateStatement {
    pairs("client_groups", (string("client_id").take(), "clients", "id"), (uuid("group_id").take(), "groups", "id"))
}

/// The claims that a client gets beside those of its scopes. `source` is `user`, `attribute`, `groups`, `roles`, `group_map` or `fixed`;
/// `source_key` names the field of the user or the attribute. `shape` is `list`, `first`, `comma` or `space`. `map` holds a group map, or the
/// value of a fixed claim, as JSON. `default_value` is the JSON value of a group map for a user in none of its groups.
fn client_claims() -> TableCreateStatement {
    table("client_claims")
        .col(string("client_id"))
        .col(string("claim"))
        .col(string("source"))
        .col(string_null("source_key"))
        .col(string("shape"))
        .col(text_null("map"))
        .col(text_null("default_value"))
        .col(boolean("in_id_token"))
        .col(boolean("in_userinfo"))
        .primary_key(Index::create().col(Alias::new("client_id")).col(Alias::new("claim")))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

fn client_scopes() -> TableCreateStatement {
    pairs("client_scopes", (string("client_id").take(), "clients", "id"), (string("scope").take(), "scopes", "name"))
}

/// The origins whose scripts may call `/token`, `/revoke` and `/userinfo`.
fn client_origins() -> TableCreateStatement {
    table("client_origins")
        .col(string("client_id"))
        .col(string("origin"))
        .primary_key(Index::create().col(Alias::new("client_id")).col(Alias::new("origin")))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// Logos of clients. The issuer fetches a logo once and serves it itself.
fn client_logos() -> TableCreateStatement {
    table("client_logos")
        .col(string("client_id").primary_key())
        .col(string("media_type"))
        .col(binary("image"))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// The data of each browser in which a user has signed in, under the SHA-256 of the cookie's id.
fn browsers() -> TableCreateStatement {
    table("browsers")
        .col(string("id_hash").primary_key())
        .col(string("csrf"))
        .col(string("request_key"))
        .col(string("sid"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .take()
}

/// Waiting requests: authorization requests that are stored while their interaction goes on, and until they expire. `browser` is a random key of the
/// browser in which the request was begun, never the cookie's id.
fn waiting_requests() -> TableCreateStatement {
    table("waiting_requests")
        .col(pk_auto("sequence").big_integer())
        .col(string("id").unique_key())
        .col(string("browser"))
        .col(text("request"))
        .col(big_integer("created_at"))
        .col(big_integer_null("answered_at"))
        .take()
}

/// Browsers that are signed in at the issuer. `passed` holds the methods that the user has passed, and when, as JSON.
fn sessions() -> TableCreateStatement {
    table("sessions")
        .col(string("sid").primary_key())
        .col(uuid("user_id"))
        .col(text("passed"))
        .col(text("user_agent"))
        .col(string("address"))
        .col(big_integer("created_at"))
        .col(big_integer("last_used_at"))
        .col(big_integer("expires_at"))
        .col(big_integer_null("ended_at"))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .take()
}

/// Authorization codes, under their SHA-256. `authorization_id` is the id that the authorization will have once the code is
/// redeemed. `claims` is the request's `claims` parameter, as JSON.
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

/// The scopes that users have allowed clients.
fn consents() -> TableCreateStatement {
    table("consents")
        .col(uuid("user_id"))
        .col(string("client_id"))
        .col(text("scope"))
        // The ids of the resources that the user allowed by name, separated by spaces.
        .col(text("resources"))
        // The names of the claims that the user was shown, separated by spaces.
        .col(text("claims").default(""))
        .col(big_integer("given_at"))
        .primary_key(Index::create().col(Alias::new("user_id")).col(Alias::new("client_id")))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// One row per user authorization. `salt` and `key_version` go into the MAC of its refresh token, whose key is not in the database,
/// so that nobody can make a refresh token from this table alone. `claims` is the request's `claims` parameter, as JSON.
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
        .col(boolean("offline").default(false))
        .col(text("resources").default(""))
        .col(text_null("claims"))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// Initial access tokens (RFC 7591 §3), under their SHA-256.
fn registration_tokens() -> TableCreateStatement {
    table("registration_tokens").col(string("hash").primary_key()).col(integer("uses_left")).col(big_integer("expires_at")).take()
}

/// Client assertions that were used, under the SHA-256 of client and `jti`. A row is kept until the assertion expires.
fn client_assertions() -> TableCreateStatement {
    table("client_assertions").col(string("hash").primary_key()).col(big_integer("expires_at")).take()
}

/// Counters of guesses, one per account and one per address. `account` is the hash of the username by which all counters of an account are
/// found, those of its devices and of clients too; null for an address.
fn attempts() -> TableCreateStatement {
    table("attempts")
        .col(string("key").primary_key())
        .col(string_null("account"))
        .col(integer("count"))
        .col(big_integer("counted_since"))
        .col(big_integer("last_at"))
        .col(big_integer("blocked_until"))
        .take()
}

/// Browsers in which a user has signed in before, under the SHA-256 of their device cookie. Wrong passwords from one of them are counted
/// apart from those of strangers.
fn devices() -> TableCreateStatement {
    table("devices")
        .col(string("hash"))
        .col(uuid("user_id"))
        .col(big_integer("last_used_at"))
        .primary_key(Index::create().col(Alias::new("hash")).col(Alias::new("user_id")))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .take()
}

/// One row that each node replaces to see whether the database can be written.
fn write_probes() -> TableCreateStatement {
    table("write_probes").col(integer("id").primary_key()).col(big_integer("at")).take()
}

/// The audit trail. It refers to no other table, so that an event outlives the rows that it describes. `before`, `after` and `detail` hold
/// nothing personal. `times` counts what the row stands for, and `last_at` is the time of the last of these; null if it is only one.
fn audit_events() -> TableCreateStatement {
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
        .col(text_null("before"))
        .col(text_null("after"))
        .col(text("detail"))
        .col(big_integer("times").default(1))
        .col(big_integer_null("last_at"))
        .take()
}

/// The personal data of events, in a row only where there is any. `address` and `user_agent` are those of the user `origin_of`; `object`
/// (a username), `before` and `after` are about the user `values_of`. They are emptied when that user is deleted. `at` is that of the event.
fn audit_personal() -> TableCreateStatement {
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
fn sign_in_failures() -> TableCreateStatement {
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
fn activity() -> TableCreateStatement {
    table("activity")
        .col(string("client_id"))
        .col(big_integer("hour"))
        .col(string("kind"))
        .col(big_integer("count"))
        .primary_key(Index::create().col(Alias::new("client_id")).col(Alias::new("hour")).col(Alias::new("kind")))
        .take()
}

/// The last refusals of each client. `redirect_uri` is the one that was received, without what may be a secret.
fn client_refusals() -> TableCreateStatement {
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
