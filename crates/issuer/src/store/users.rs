//! Users.

use std::fmt;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::scope::words;
use crate::store::entity::users;
use crate::store::{Columns, StoreError, execute, query_one};

pub use crate::store::entity::users::Model as UserRow;

/// A user with what they may hold: the union of their roles' scopes.
#[derive(Clone)]
pub struct User {
    /// `sub`.
    pub id: Uuid,
    /// The name they sign in with.
    pub username: String,
    /// Email address.
    pub email: Option<String>,
    /// Whether the address is known to be theirs.
    pub email_verified: bool,
    /// Full name.
    pub name: Option<String>,
    /// Argon2 hash in PHC format.
    pub password_hash: Option<String>,
    /// When the user last changed, in Unix seconds.
    pub updated_at: UnixSeconds,
    /// Further standard claims, as JSON.
    pub claims: String,
    /// When the password was made for the user, who has yet to choose their own, in Unix seconds.
    pub password_generated_at: Option<UnixSeconds>,
    /// Moves on with each change after which nobody may go on signing in as before.
    pub credential_version: i32,
    /// Whether the user may sign in.
    pub enabled: bool,
    /// The scopes of their roles.
    pub scopes: Vec<String>,
}

/// Says who it is, and shows neither the hash nor what is personal.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What [`User::read`] reads, in its order, for queries that join `users u`.
pub(super) const USER_COLUMNS: &str = "u.id, u.username, u.email, u.email_verified, u.name, u.password_hash, u.updated_at, u.claims, \
     u.password_generated_at, u.credential_version, u.disabled_at, \
     (SELECT string_agg(rs.scope, ' ') FROM user_roles ur JOIN role_scopes rs ON rs.role = ur.role WHERE ur.user_id = u.id)";

impl User {
    pub(super) fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            username: columns.take()?,
            email: columns.take()?,
            email_verified: columns.take()?,
            name: columns.take()?,
            password_hash: columns.take()?,
            updated_at: columns.take()?,
            claims: columns.take()?,
            password_generated_at: columns.take()?,
            credential_version: columns.take()?,
            enabled: columns.take::<Option<UnixSeconds>>()?.is_none(),
            scopes: words(&columns.take::<Option<String>>()?.unwrap_or_default()).map(str::to_owned).collect(),
        })
    }
}

/// The user who signs in as `username` (in normal form).
pub async fn by_username(db: &impl ConnectionTrait, username: &str) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {USER_COLUMNS} FROM users u WHERE u.username = $1");
    query_one(db, &sql, [username.into()]).await?.map(|row| User::read(&mut Columns::of(&row))).transpose()
}

/// All users, by username.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<UserRow>, StoreError> {
    Ok(users::Entity::find().order_by_asc(users::Column::Username).all(db).await?)
}

/// The row of `username` (in normal form).
pub async fn row(db: &impl ConnectionTrait, username: &str) -> Result<Option<UserRow>, StoreError> {
    Ok(users::Entity::find().filter(users::Column::Username.eq(username)).one(db).await?)
}

/// Adds a user.
pub async fn insert(db: &impl ConnectionTrait, user: UserRow) -> Result<(), StoreError> {
    users::Entity::insert(user.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Sets the password hash, of a password that the user or an administrator chose.
pub async fn set_password_hash(db: &impl ConnectionTrait, id: Uuid, hash: &str, now: UnixSeconds) -> Result<(), StoreError> {
    let sql = "UPDATE users SET password_hash = $2, password_generated_at = NULL, credential_version = credential_version + 1, \
               updated_at = $3 WHERE id = $1";
    execute(db, sql, [id.into(), hash.into(), now.into()]).await?;
    Ok(())
}

/// Replaces the hash `old` by that of a password which the user chose. False if it was changed meanwhile.
pub async fn change_password(db: &impl ConnectionTrait, id: Uuid, old: &str, new: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let sql = "UPDATE users SET password_hash = $2, password_generated_at = NULL, credential_version = credential_version + 1, \
               updated_at = $3 WHERE id = $1 AND password_hash = $4";
    Ok(execute(db, sql, [id.into(), new.into(), now.into(), old.into()]).await? == 1)
}

/// Lets no sign-in that is under way come to anything.
pub async fn renew_credentials(db: &impl ConnectionTrait, id: Uuid) -> Result<(), StoreError> {
    execute(db, "UPDATE users SET credential_version = credential_version + 1 WHERE id = $1", [id.into()]).await?;
    Ok(())
}

/// Sets the full name, and the further claims (as JSON).
pub async fn set_claims(db: &impl ConnectionTrait, id: Uuid, name: Option<&str>, claims: &str, now: UnixSeconds) -> Result<(), StoreError> {
    let sql = "UPDATE users SET name = $2, claims = $4, updated_at = $3 WHERE id = $1";
    execute(db, sql, [id.into(), name.into(), now.into(), claims.into()]).await?;
    Ok(())
}

/// Replaces a weaker hash of the same password, unless the password was changed meanwhile.
pub async fn rehash(db: &impl ConnectionTrait, id: Uuid, old: &str, new: &str) -> Result<(), StoreError> {
    execute(db, "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2", [id.into(), old.into(), new.into()]).await?;
    Ok(())
}

/// Enables a user (`None`) or disables them.
pub async fn set_disabled(db: &impl ConnectionTrait, id: Uuid, at: Option<UnixSeconds>, now: UnixSeconds) -> Result<(), StoreError> {
    execute(
        db,
        "UPDATE users SET disabled_at = $2, credential_version = credential_version + 1, updated_at = $3 WHERE id = $1",
        [id.into(), at.into(), now.into()],
    )
    .await?;
    Ok(())
}
