//! The tables of sign-ins, consents and authorizations.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, boolean, integer, pk_auto, string, string_null, text, text_null, uuid,
};

use super::table::{ends_with, table};

/// Each browser in which a user has signed in, under a key that follows from the cookie of its visitor. `sid` is the session in which it was
/// last signed in; the session may be over. `id_hash` is the SHA-256 of the id in the cookie of that session, which follows from `seed` and
/// the master key; it is null once the person has signed out. `csrf` is the token of the forms on our pages, and `spent_csrf` that of the form
/// by which the password was last changed here.
pub(super) fn browsers() -> TableCreateStatement {
    table("browsers")
        .col(string("request_key").primary_key())
        .col(string("sid"))
        .col(string_null("id_hash").unique_key())
        .col(string("seed"))
        .col(string("csrf"))
        .col(string("spent_csrf"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .take()
}

/// Waiting requests: authorization requests that are stored while their interaction goes on, and until they expire. `browser` is a random
/// key of the browser in which the request was begun, never the cookie's id. `answered_in` is the `sid` of the session in which the request
/// was answered, and `code_hash` the hash of the code that the client was last sent; it is null if the client was sent an error.
pub(super) fn waiting_requests() -> TableCreateStatement {
    table("waiting_requests")
        .col(pk_auto("sequence").big_integer())
        .col(string("id").unique_key())
        .col(string("browser"))
        .col(text("request"))
        .col(big_integer("created_at"))
        .col(big_integer_null("answered_at"))
        .col(string_null("answered_in"))
        .col(string_null("code_hash"))
        .take()
}

/// Browsers that are signed in at the issuer. `passed` holds the methods that the user has passed, and when, as JSON.
pub(super) fn sessions() -> TableCreateStatement {
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
pub(super) fn authorization_codes() -> TableCreateStatement {
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

/// One-time links by which people set a password, under their SHA-256. `by_administrator` is false for those that the help desk made.
pub(super) fn password_links() -> TableCreateStatement {
    table("password_links")
        // One for each user, so that a new link ends the one before.
        .col(uuid("user_id").primary_key())
        .col(string("hash").unique_key())
        .col(boolean("by_administrator"))
        .col(big_integer("expires_at"))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .take()
}

/// The scopes that users have allowed clients.
pub(super) fn consents() -> TableCreateStatement {
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
pub(super) fn authorizations() -> TableCreateStatement {
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
        // The handle in its access tokens; null once none of them can be valid.
        .col(binary_null("grant_id").unique_key())
        // Whether an access token may carry this handle. False from a new handle until the next token, so that nothing need be revoked.
        .col(boolean("grant_id_used").default(true))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .foreign_key(&mut ends_with("client_id", "clients", "id"))
        .take()
}

/// Counters of guesses, one per account and one per address. `account` is the hash of the username by which all counters of an account are
/// found, those of its devices and of clients too; null for an address.
pub(super) fn attempts() -> TableCreateStatement {
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
pub(super) fn devices() -> TableCreateStatement {
    table("devices")
        .col(string("hash"))
        .col(uuid("user_id"))
        .col(big_integer("last_used_at"))
        .primary_key(Index::create().col(Alias::new("hash")).col(Alias::new("user_id")))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .take()
}
