//! The tables of resources and clients.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, boolean, integer, string, string_null, text, text_null, uuid,
};

use super::table::{ends_with, pairs, refers, table};

/// `token_claims` lists what the resource's access tokens tell of the user, `groups` and `roles` (RFC 9068 §2.2.3.1). Of the groups only
/// those whose names begin with `group_prefix` are told. `identifier` is null for the built-in resources, whose identifiers follow from the
/// issuer. `comparable` is its form in which two identifiers of the same resource are equal. `token_lifetime` is in seconds. If `open` is
/// true, any client may ask for its scopes.
pub(super) fn resources() -> TableCreateStatement {
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

pub(super) fn scopes() -> TableCreateStatement {
    table("scopes")
        .col(string("name").primary_key())
        .col(string("resource_id"))
        .col(string("description"))
        .foreign_key(&mut ends_with("resource_id", "resources", "id"))
        .take()
}

/// `access` says who may sign in to the client: `everyone`, or `groups` for the members of the groups in `client_groups`. `id_token_claims`
/// puts the claims of the granted scopes into the ID token too. `group_filter` says which groups the client is told of: `assigned` (those
/// in `client_groups`), `prefix` (those whose names begin with `group_prefix`) or `all`. `claims_allowed` is false for a client that
/// registered itself, which is told of no groups, roles and attributes until an administrator allows it. `signals_of_all_users` lets its
/// streams tell of users who have never authorized it. `session_management` gives it a `session_state`. `version` is incremented by each
/// change of the client.
///
/// Registration access tokens are stored as their SHA-256. `metadata` holds the metadata that the client was registered
/// with (RFC 7591 §2), as JSON.
pub(super) fn clients() -> TableCreateStatement {
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
        .col(boolean("signals_of_all_users").default(false))
        .col(boolean("session_management").default(false))
        .col(big_integer_null("last_used_at"))
        .col(integer("version").default(0))
        // The handle in the access tokens that the client gets for itself.
        .col(binary("grant_id"))
        .foreign_key(&mut refers("default_resource", "resources", "id", ForeignKeyAction::SetNull))
        .take()
}

/// The words by which a client is found, those of its id and of its name, as in `user_terms`.
pub(super) fn client_terms() -> TableCreateStatement {
    table("client_terms")
        .col(binary("term"))
        .col(string("client_id"))
        .primary_key(Index::create().col(Alias::new("term")).col(Alias::new("client_id")))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// The secrets of clients, as their SHA-256 in base64url. A secret without `expires_at` is valid until the next rotation but one.
pub(super) fn client_secrets() -> TableCreateStatement {
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

pub(super) fn client_groups() -> TableCreateStatement {
    pairs("client_groups", (string("client_id").take(), "clients", "id"), (uuid("group_id").take(), "groups", "id"))
}

/// The claims that a client gets beside those of its scopes. `source` is `user`, `attribute`, `groups`, `roles`, `group_map` or `fixed`;
/// `source_key` names the field of the user or the attribute. `shape` is `list`, `first`, `comma` or `space`. `map` holds a group map, or the
/// value of a fixed claim, as JSON. `default_value` is the JSON value of a group map for a user in none of its groups.
pub(super) fn client_claims() -> TableCreateStatement {
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

pub(super) fn client_scopes() -> TableCreateStatement {
    pairs("client_scopes", (string("client_id").take(), "clients", "id"), (string("scope").take(), "scopes", "name"))
}

/// The origins whose scripts may call `/token`, `/revoke` and `/userinfo`.
pub(super) fn client_origins() -> TableCreateStatement {
    table("client_origins")
        .col(string("client_id"))
        .col(string("origin"))
        .primary_key(Index::create().col(Alias::new("client_id")).col(Alias::new("origin")))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// Logos of clients. The issuer fetches a logo once and serves it itself.
pub(super) fn client_logos() -> TableCreateStatement {
    table("client_logos")
        .col(string("client_id").primary_key())
        .col(string("media_type"))
        .col(binary("image"))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// Initial access tokens (RFC 7591 §3), under their SHA-256.
pub(super) fn registration_tokens() -> TableCreateStatement {
    table("registration_tokens").col(string("hash").primary_key()).col(integer("uses_left")).col(big_integer("expires_at")).take()
}

/// Client assertions that were used, under the SHA-256 of client and `jti`. A row is kept until the assertion expires.
pub(super) fn client_assertions() -> TableCreateStatement {
    table("client_assertions").col(string("hash").primary_key()).col(big_integer("expires_at")).take()
}
