//! The tables of users, their roles, groups and attributes.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, boolean, integer, string, string_null, text, text_null, uuid, uuid_null,
};

use super::table::{ends_with, pairs, table};

/// If `delegated` is true, the help desk may give the role and take it away. `version` is incremented by each change of the role.
pub(super) fn roles() -> TableCreateStatement {
    table("roles")
        .col(string("name").primary_key())
        .col(string_null("display_name"))
        .col(boolean("delegated").default(false))
        .col(integer("version").default(0))
        .col(big_integer("created_at"))
        .take()
}

pub(super) fn role_scopes() -> TableCreateStatement {
    pairs("role_scopes", (string("role").take(), "roles", "name"), (string("scope").take(), "scopes", "name"))
}

/// `claims` holds the standard claims that have no column of their own, as JSON. `password_generated_at` is the time at which a password
/// was generated for the user, who must then choose another. `credential_version` is incremented when the password or status changes, or
/// when all sign-ins are ended. `access_version` is incremented when a role or a group is taken away. `version` is incremented by each
/// change of what administrators see; a sign-in and a new hash of the same password do not change it. `external_id` is the user's id in the
/// system that manages the users. `imported_at` is set if an import added the user; by it the event of that import is found.
/// `password_set_at` is the time at which the password was set here or imported; a new hash of the same password does not change it.
pub(super) fn users() -> TableCreateStatement {
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
        .col(integer("access_version").default(0))
        .col(string_null("external_id").unique_key())
        .col(big_integer_null("last_sign_in_at"))
        .col(integer("version").default(0))
        .col(big_integer_null("imported_at"))
        .col(big_integer_null("password_set_at"))
        .take()
}

/// The words by which a user is found: those of the name, the username and the email address, in lower case. They are stored as the bytes
/// of their UTF-8 form, so that both databases compare them byte by byte, whatever the language of the database; a search by the first
/// letters of a word depends on that.
pub(super) fn user_terms() -> TableCreateStatement {
    table("user_terms")
        .col(binary("term"))
        .col(uuid("user_id"))
        .primary_key(Index::create().col(Alias::new("term")).col(Alias::new("user_id")))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .take()
}

/// The words by which a group is found, those of its name and of the name that pages show, as in `user_terms`.
pub(super) fn group_terms() -> TableCreateStatement {
    table("group_terms")
        .col(binary("term"))
        .col(uuid("group_id"))
        .primary_key(Index::create().col(Alias::new("term")).col(Alias::new("group_id")))
        .foreign_key(&mut ends_with("group_id", "groups", "id"))
        .take()
}

pub(super) fn user_roles() -> TableCreateStatement {
    pairs("user_roles", (uuid("user_id").take(), "users", "id"), (string("role").take(), "roles", "name"))
}

/// Named sets of users. `folded_name` is the name in lower case, so that no two names differ in that alone. A group with `is_default` takes
/// in each new user. If `delegated` is true, the help desk may change its members. `external_id` is the group's id in the system that
/// manages the groups. `version` is incremented by each change of the group, but not of its members.
pub(super) fn groups() -> TableCreateStatement {
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

pub(super) fn group_members() -> TableCreateStatement {
    pairs("group_members", (uuid("group_id").take(), "groups", "id"), (uuid("user_id").take(), "users", "id"))
}

pub(super) fn group_roles() -> TableCreateStatement {
    pairs("group_roles", (uuid("group_id").take(), "groups", "id"), (string("role").take(), "roles", "name"))
}

/// Names of users and groups that were renamed or deleted, as a keyed hash. Nobody else may be given such a name, because applications
/// know people and groups by it. `kind` is `user` or `group`. `owner` is the id of the user or group that gave the name up, who may take it
/// back; null if they were deleted.
pub(super) fn retired_names() -> TableCreateStatement {
    table("retired_names")
        .col(string("kind"))
        .col(string("hash"))
        .col(uuid_null("owner"))
        .col(big_integer("at"))
        .primary_key(Index::create().col(Alias::new("kind")).col(Alias::new("hash")))
        .take()
}

/// The attributes that the operator declared for users. `type` is `string`, `number` or `boolean`. `mutability` says who may change the
/// values and `visibility` who may see them: `admin` or `user`, which includes administrators. `scope` is the scope of OpenID Connect that
/// releases the attribute as a claim of the same name; null if only the claims of clients release it. `min` and `max` bound the length of
/// a string in characters, or the value of a number.
pub(super) fn attributes() -> TableCreateStatement {
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
/// `by_user` says that the person typed the value, and that no administrator has set one since. Claims that applications trust never come
/// from such a value.
pub(super) fn user_attributes() -> TableCreateStatement {
    table("user_attributes")
        .col(uuid("user_id"))
        .col(string("name"))
        .col(integer("position"))
        .col(text("value"))
        .col(boolean("by_user").default(false))
        .primary_key(Index::create().col(Alias::new("user_id")).col(Alias::new("name")).col(Alias::new("position")))
        .foreign_key(&mut ends_with("user_id", "users", "id"))
        .foreign_key(&mut ends_with("name", "attributes", "name"))
        .take()
}
