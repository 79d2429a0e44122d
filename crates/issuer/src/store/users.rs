//! Queries on users, and the statements that change them.

use std::collections::HashMap;
use std::fmt;

use sea_orm::sea_query::{Expr, ExprTrait, Func, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, Order,
    PartialModelTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, UpdateMany,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::scope::words;
use crate::store::entity::users;
use crate::store::query::{columns, insert_unless_taken, text};
use crate::store::search::{self, Found, Place, Terms};
use crate::store::{Inserts, StoreError, client_groups};

pub use crate::store::entity::users::Model as UserRow;

/// A user with the scopes that they may hold: the union of the scopes of their roles, which they have directly or through a group.
#[derive(Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct User {
    /// The `sub` of tokens; it never changes.
    pub id: Uuid,
    pub username: String,
    pub email: Option<String>,
    /// `true` if the address is known to belong to the user.
    pub email_verified: bool,
    /// The full name, as in the claim `name`.
    pub name: Option<String>,
    /// The Argon2id hash in PHC format. `None` if the user has no password.
    pub password_hash: Option<String>,
    /// Unix seconds of the last change, as in the claim `updated_at`.
    pub updated_at: UnixSeconds,
    /// The standard claims that have no field here, as JSON.
    pub claims: String,
    /// Unix seconds of the last complete sign-in. `None` before the first.
    pub last_sign_in_at: Option<UnixSeconds>,
    /// Unix seconds at which the password was generated. `None` once the user has chosen their own.
    pub password_generated_at: Option<UnixSeconds>,
    /// Incremented when the password or status changes, or when all sign-ins are ended; a sign-in that read an older value is
    /// refused at commit.
    pub credential_version: i32,
    /// Incremented when a role or a group is taken from the user.
    pub access_version: i32,
    pub enabled: bool,
    /// The user's id in the system that manages the users.
    pub external_id: Option<String>,
    /// The union of the scopes of the roles that the user has directly or through a group.
    pub scopes: Vec<String>,
}

/// Shows the id, but neither the hash nor personal data.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An SQL expression: the scopes of the roles that the user has directly or through a group, separated by spaces.
const SCOPES: &str = "COALESCE((SELECT string_agg(role_scopes.scope, ' ') FROM role_scopes WHERE role_scopes.role IN \
     (SELECT role FROM user_roles WHERE user_roles.user_id = users.id \
      UNION ALL SELECT group_roles.role FROM group_members JOIN group_roles ON group_roles.group_id = group_members.group_id \
      WHERE group_members.user_id = users.id)), '')";

impl User {
    /// Returns the column list for a statement in SQL text over `users`.
    pub(super) fn columns(prefix: &str) -> String {
        format!("{}, {SCOPES} AS {prefix}scopes", columns::<users::Entity>("users", prefix))
    }
}

impl FromQueryResult for User {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        let user = UserRow::from_query_result(row, prefix)?;
        let scopes: String = row.try_get(prefix, "scopes")?;
        Ok(Self {
            id: user.id,
            username: user.username,
            email: user.email,
            email_verified: user.email_verified,
            name: user.name,
            password_hash: user.password_hash,
            updated_at: user.updated_at,
            claims: user.claims,
            last_sign_in_at: user.last_sign_in_at,
            password_generated_at: user.password_generated_at,
            credential_version: user.credential_version,
            access_version: user.access_version,
            enabled: user.disabled_at.is_none(),
            external_id: user.external_id,
            scopes: words(&scopes).map(str::to_owned).collect(),
        })
    }
}

/// Works only in queries that do not rename `users`, because the subquery of the scopes uses the name of the table.
impl PartialModelTrait for User {
    fn select_cols_nested<S: QuerySelect>(select: S, prefix: Option<&str>, table: Option<&'static str>) -> S {
        let name = format!("{}scopes", prefix.unwrap_or_default());
        UserRow::select_cols_nested(select, prefix, table).expr_as(Expr::cust(SCOPES), name)
    }
}

/// Returns the user with this username, which must be in normal form.
pub async fn by_username(db: &impl ConnectionTrait, username: &str) -> Result<Option<User>, StoreError> {
    Ok(users::Entity::find().filter(users::Column::Username.eq(username)).into_partial_model::<User>().all(db).await?.pop())
}

/// Returns the user `id`.
pub async fn with_scopes(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<User>, StoreError> {
    Ok(users::Entity::find_by_id(id).into_partial_model::<User>().all(db).await?.pop())
}

/// Returns whether the user `id` may sign in to the client `client`.
pub async fn may_use(db: &impl ConnectionTrait, id: Uuid, client: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 AS found FROM users WHERE users.id = $1 AND {}", client_groups::may_use("$2"));
    Ok(!db.query_all_raw(text(db, sql, [id.into(), client.into()])).await?.is_empty())
}

/// Returns up to `limit` users after the username `after`, in the order of their usernames. `enabled` restricts them to those that
/// are enabled (`true`) or disabled (`false`).
pub async fn page(db: &impl ConnectionTrait, enabled: Option<bool>, after: Option<&str>, limit: u64) -> Result<Vec<UserRow>, StoreError> {
    use users::Column;
    let condition = Condition::all()
        .add_option(after.map(|after| Column::Username.gt(after)))
        .add_option(enabled.map(|enabled| if enabled { Column::DisabledAt.is_null() } else { Column::DisabledAt.is_not_null() }));
    Ok(users::Entity::find().filter(condition).order_by_asc(Column::Username).limit(limit).all(db).await?)
}

/// Returns a page of the ids of the users who have a word for each of `words`, which is its beginning. `enabled` restricts them as in
/// [`page`].
pub async fn find(
    db: &impl ConnectionTrait,
    words: &[String],
    enabled: Option<bool>,
    after: Option<Place<Uuid>>,
    limit: u64,
) -> Result<Found<Uuid>, StoreError> {
    let condition = enabled.map(|enabled| {
        let not = if enabled { "" } else { "NOT " };
        format!("(SELECT 1 FROM users WHERE users.id = t.user_id AND users.disabled_at IS {not}NULL LIMIT 1) IS NOT NULL")
    });
    search::find(db, Terms { table: "user_terms", key: "user_id" }, words, condition.as_deref(), after, limit).await
}

/// Returns up to `limit` enabled users who have not signed in since `before`, the longest unseen first. Those who have never signed in are
/// among them if they were added before then.
pub async fn stale(db: &impl ConnectionTrait, before: UnixSeconds, limit: u64) -> Result<Vec<UserRow>, StoreError> {
    // The index `users_last_seen` is on this expression.
    let seen = || Expr::cust("COALESCE(last_sign_in_at, created_at)");
    let enabled = users::Entity::find().filter(users::Column::DisabledAt.is_null());
    Ok(enabled.filter(seen().lt(before)).order_by(seen(), Order::Asc).limit(limit).all(db).await?)
}

/// Returns the row of the user `id`, without locking it.
pub async fn by_id(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<UserRow>, StoreError> {
    Ok(users::Entity::find_by_id(id).all(db).await?.pop())
}

/// Returns the row of the user `id` and locks it, so that no other transaction changes it until the caller's transaction ends.
pub async fn lock(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<UserRow>, StoreError> {
    Ok(users::Entity::find_by_id(id).lock_exclusive().all(db).await?.pop())
}

/// Returns the row of the user with this username, which must be in normal form.
pub async fn row(db: &impl ConnectionTrait, username: &str) -> Result<Option<UserRow>, StoreError> {
    Ok(users::Entity::find().filter(users::Column::Username.eq(username)).all(db).await?.pop())
}

/// Returns the ids and usernames of the users with these usernames, which must be in normal form. No other transaction deletes them until
/// the caller's ends.
pub async fn keep_named(db: &impl ConnectionTrait, usernames: &[String]) -> Result<Vec<(Uuid, String)>, StoreError> {
    use users::Column;
    let named = users::Entity::find().select_only().columns([Column::Id, Column::Username]);
    let named = named.filter(Column::Username.is_in(usernames)).order_by_asc(Column::Id).lock(LockType::NoKeyUpdate);
    Ok(named.into_tuple().all(db).await?)
}

/// Returns the ids and usernames of the users `ids`.
pub async fn names(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<Vec<(Uuid, String)>, StoreError> {
    let rows = users::Entity::find().select_only().columns([users::Column::Id, users::Column::Username]);
    Ok(rows.filter(users::Column::Id.is_in(ids)).into_tuple().all(db).await?)
}

/// Returns the user for whom the address `email` is verified, in any spelling of upper and lower case.
pub async fn by_verified_email(db: &impl ConnectionTrait, email: &str) -> Result<Option<UserRow>, StoreError> {
    let same = Expr::expr(Func::lower(Expr::col(users::Column::Email))).eq(Func::lower(Expr::val(email)));
    Ok(users::Entity::find().filter(same).filter(Expr::col(users::Column::EmailVerified)).all(db).await?.pop())
}

/// Returns the users for whom one of the addresses `emails` is verified, in any spelling of upper and lower case.
pub async fn by_verified_emails(db: &impl ConnectionTrait, emails: impl Iterator<Item = &str>) -> Result<Vec<UserRow>, StoreError> {
    let same = Expr::expr(Func::lower(Expr::col(users::Column::Email))).is_in(emails.map(|email| Func::lower(Expr::val(email))));
    Ok(users::Entity::find().filter(same).filter(Expr::col(users::Column::EmailVerified)).all(db).await?)
}

/// Returns the user with this id in the system that manages the users.
pub async fn by_external_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<UserRow>, StoreError> {
    Ok(users::Entity::find().filter(users::Column::ExternalId.eq(id)).all(db).await?.pop())
}

/// Inserts a user. Returns `false`, and inserts nothing, if the username, the verified address or the external id is taken.
pub async fn insert(db: &impl ConnectionTrait, user: UserRow) -> Result<bool, StoreError> {
    insert_unless_taken::<users::Entity>(db, user).await
}

/// Adds to `inserts` the insertion of many users, which fails with [`StoreError::Conflict`] if a username is taken.
pub fn insert_all(inserts: &mut Inserts, users: &[&UserRow]) {
    inserts.add::<users::Entity>(users);
}

/// Returns the rows of the users with these usernames, which must be in normal form.
pub async fn by_usernames(db: &impl ConnectionTrait, names: impl Iterator<Item = &str>) -> Result<Vec<UserRow>, StoreError> {
    Ok(users::Entity::find().filter(users::Column::Username.is_in(names)).all(db).await?)
}

/// Locks the users with these usernames, so that no other transaction changes them until the caller's transaction ends.
pub async fn lock_all(db: &impl ConnectionTrait, names: impl Iterator<Item = &str>) -> Result<(), StoreError> {
    let users = users::Entity::find().filter(users::Column::Username.is_in(names)).order_by_asc(users::Column::Username);
    users.lock_exclusive().all(db).await?;
    Ok(())
}

/// Returns the rows of the users `ids`.
pub async fn by_ids(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<Vec<UserRow>, StoreError> {
    Ok(users::Entity::find().filter(users::Column::Id.is_in(ids)).all(db).await?)
}

/// Returns the rows of the users with these ids in the system that manages the users.
pub async fn by_external_ids(db: &impl ConnectionTrait, ids: impl Iterator<Item = &str>) -> Result<Vec<UserRow>, StoreError> {
    Ok(users::Entity::find().filter(users::Column::ExternalId.is_in(ids)).all(db).await?)
}

/// Stores all columns of `user` in place of those of the user with the same id.
pub async fn replace(db: &impl ConnectionTrait, user: UserRow) -> Result<(), StoreError> {
    users::Entity::update(user.into_active_model().reset_all()).exec(db).await?;
    Ok(())
}

/// A statement that changes the user `id`.
fn change(id: Uuid) -> UpdateMany<users::Entity> {
    users::Entity::update_many().filter(users::Column::Id.eq(id))
}

/// A statement that changes the user `id` and increments [`User::credential_version`].
fn change_credentials(id: Uuid) -> UpdateMany<users::Entity> {
    change(id).col_expr(users::Column::CredentialVersion, Expr::col(users::Column::CredentialVersion).add(1))
}

fn new_password(id: Uuid, hash: &str, generated_at: Option<UnixSeconds>, now: UnixSeconds) -> UpdateMany<users::Entity> {
    change_credentials(id)
        .col_expr(users::Column::PasswordHash, Expr::value(hash))
        .col_expr(users::Column::PasswordGeneratedAt, Expr::value(generated_at))
        .col_expr(users::Column::PasswordSetAt, Expr::value(now))
        .col_expr(users::Column::UpdatedAt, Expr::value(now))
}

/// Stores the hash of a new password, and at which time it was generated; `None` if the user or an administrator chose it. Increments
/// [`User::credential_version`].
pub async fn set_password_hash(
    db: &impl ConnectionTrait,
    id: Uuid,
    hash: &str,
    generated_at: Option<UnixSeconds>,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    new_password(id, hash, generated_at, now).exec(db).await?;
    Ok(())
}

/// Replaces the hash `old` by the hash of a password that the user chose, and increments [`User::credential_version`]. Returns
/// `false` if the stored hash is not `old`, because the password was changed meanwhile.
pub async fn change_password(db: &impl ConnectionTrait, id: Uuid, old: &str, new: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let changed = new_password(id, new, None, now).filter(users::Column::PasswordHash.eq(old)).exec(db).await?;
    Ok(changed.rows_affected == 1)
}

/// Increments [`User::credential_version`], so that every sign-in that is under way is refused at commit.
pub async fn renew_credentials(db: &impl ConnectionTrait, id: Uuid) -> Result<(), StoreError> {
    change_credentials(id).exec(db).await?;
    Ok(())
}

/// Stores what an edit can change of a user, and the new version, which must be one above the stored version.
pub async fn update(db: &impl ConnectionTrait, row: &UserRow) -> Result<(), StoreError> {
    use users::Column;
    change(row.id)
        .col_expr(Column::Username, Expr::value(row.username.as_str()))
        .col_expr(Column::Email, Expr::value(row.email.as_deref()))
        .col_expr(Column::EmailVerified, Expr::value(row.email_verified))
        .col_expr(Column::Name, Expr::value(row.name.as_deref()))
        .col_expr(Column::ExternalId, Expr::value(row.external_id.as_deref()))
        .col_expr(Column::Claims, Expr::value(row.claims.as_str()))
        .col_expr(Column::UpdatedAt, Expr::value(row.updated_at))
        .col_expr(Column::Version, Expr::value(row.version))
        .exec(db)
        .await?;
    Ok(())
}

/// Deletes the user `id`. The database deletes everything that refers to the user too.
pub async fn remove(db: &impl ConnectionTrait, id: Uuid) -> Result<(), StoreError> {
    users::Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// Stores that the user `id` signed in at `now`.
pub async fn signed_in(db: &impl ConnectionTrait, id: Uuid, now: UnixSeconds) -> Result<(), StoreError> {
    change(id).col_expr(users::Column::LastSignInAt, Expr::value(now)).exec(db).await?;
    Ok(())
}

/// Replaces a weaker hash of the same password, unless the password was changed meanwhile.
pub async fn rehash(db: &impl ConnectionTrait, id: Uuid, old: &str, new: &str) -> Result<(), StoreError> {
    let replace = change(id).col_expr(users::Column::PasswordHash, Expr::value(new));
    replace.filter(users::Column::PasswordHash.eq(old)).exec(db).await?;
    Ok(())
}

/// Disables a user at the time `at`, or enables them if `at` is `None`. Increments [`User::credential_version`].
pub async fn set_disabled(db: &impl ConnectionTrait, id: Uuid, at: Option<UnixSeconds>, now: UnixSeconds) -> Result<(), StoreError> {
    change_credentials(id)
        .col_expr(users::Column::DisabledAt, Expr::value(at))
        .col_expr(users::Column::Version, Expr::col(users::Column::Version).add(1))
        .col_expr(users::Column::UpdatedAt, Expr::value(now))
        .exec(db)
        .await?;
    Ok(())
}

/// Returns the usernames of those of the users `ids` who exist.
pub async fn usernames(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = users::Entity::find().select_only().columns([users::Column::Id, users::Column::Username]);
    let found = found.filter(users::Column::Id.is_in(ids)).into_tuple::<(Uuid, String)>().all(db).await?;
    Ok(found.into_iter().collect())
}

/// An SQL condition: the password hash has not the form of this issuer's own hashes. The index `users_foreign_hash` has the same condition.
const FOREIGN_HASH: &str =
    "password_hash IS NOT NULL AND substr(password_hash, 1, 8) <> '{opaque}' AND substr(password_hash, 1, 15) <> '$argon2id$v=19$'";

/// Counts the users whose password hash another system made, but not further than to `most`, if that is given.
pub async fn count_foreign_hashes(db: &impl ConnectionTrait, most: Option<u32>) -> Result<u64, StoreError> {
    #[derive(FromQueryResult)]
    struct Row {
        number: i64,
    }
    // PostgreSQL has no statistics on the condition. Without an order it takes most users for ones that meet it, reads the table from its
    // beginning, and reads all of it where few do. In this order it reads the index.
    let limit = most.map(|most| format!(" ORDER BY id LIMIT {most}")).unwrap_or_default();
    let sql = format!("SELECT count(*) AS number FROM (SELECT id FROM users WHERE {FOREIGN_HASH}{limit}) AS found");
    let rows = Row::find_by_statement(text(db, sql, [])).all(db).await?;
    Ok(rows.first().map_or(0, |row| row.number.unsigned_abs()))
}
