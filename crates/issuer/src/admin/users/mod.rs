//! Operations on users: their data, password, status and roles.

mod add;
mod edit;
mod link;
mod password;
mod remove;
mod unlock;

pub use add::{NewUser, UserDraft, add};
pub use edit::{UserPatch, claims, edit, set_claims};
pub use link::{MadeLink, make_link};
pub use password::{GivenPassword, PasswordHash, set_password};
pub use remove::{Removed, delete};
pub use unlock::unlock;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::methods::Method;
use crate::accounts::methods::hashes::is_foreign;
use crate::accounts::{attributes, lockout, policy, session, username};
use crate::admin::names::{self, Kind};
use crate::admin::search::{self, Total};
use crate::admin::{Change, Fault, Faults, Listing, Operation, Reading, Refused, Window, roles};
use crate::app::App;
use crate::audit::{Action, EndedAccess, Object};
use crate::clock::{UnixSeconds, rfc3339, rfc3339_or_none};
use crate::oauth::standard_claims::is_line;
use crate::store::users::{self, UserRow};
use crate::store::{
    ConnectionTrait, attempts, attributes as attribute_store, groups as group_store, roles as role_store, user_terms, user_versions,
};
use edit::claims_of;
pub(super) use edit::{attribute_fault, check_external_id};
use password::PasswordRecord;

/// A user as administrators see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct UserView {
    pub id: Uuid,
    pub username: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
    pub external_id: Option<String>,
    /// The standard claims that have no field here, by name.
    pub claims: BTreeMap<&'static str, String>,
    /// The values of the declared attributes, by name.
    pub attributes: BTreeMap<String, Value>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    /// The methods by which the user can sign in. Empty if there is none, such as before the first password.
    pub methods: Vec<MethodView>,
    pub enabled: bool,
    /// The time until which too many wrong passwords make attempts wait. `None` if none must wait.
    #[serde(serialize_with = "rfc3339_or_none")]
    pub locked_until: Option<UnixSeconds>,
    #[serde(serialize_with = "rfc3339_or_none")]
    pub last_sign_in_at: Option<UnixSeconds>,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: UnixSeconds,
    /// Incremented by each change of what administrators see, which the times above, the lock and the methods are no part of.
    pub version: i32,
}

/// A method by which a user can sign in, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MethodView {
    /// The name of the method: `password`.
    pub method: &'static str,
    /// The time at which it was set up here or imported. `None` if that is not known.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<UnixSeconds>,
    /// `true` if the hash is that of another system. The next sign-in replaces it.
    pub foreign_hash: bool,
    /// `true` if the user must choose another, because this one was generated.
    pub must_change: bool,
}

impl MethodView {
    fn of(row: &UserRow) -> Vec<Self> {
        row.password_hash.iter().map(|hash| Self::password(hash, row.password_set_at, row.password_generated_at.is_some())).collect()
    }

    fn password(hash: &str, since: Option<UnixSeconds>, must_change: bool) -> Self {
        Self { method: Method::Password.name(), since, foreign_hash: is_foreign(hash), must_change }
    }
}

impl UserView {
    fn new(
        row: UserRow,
        (roles, groups): (Vec<String>, Vec<String>),
        attributes: BTreeMap<String, Value>,
        locked_until: Option<UnixSeconds>,
    ) -> Self {
        Self {
            claims: claims_of(&row).into_iter().filter(|(claim, _)| *claim != "name").collect(),
            methods: MethodView::of(&row),
            id: row.id,
            username: row.username,
            email: row.email,
            email_verified: row.email_verified,
            name: row.name,
            external_id: row.external_id,
            attributes,
            roles,
            groups,
            enabled: row.disabled_at.is_none(),
            locked_until,
            last_sign_in_at: row.last_sign_in_at,
            created_at: row.created_at,
            version: row.version,
        }
    }

    async fn read(db: &impl ConnectionTrait, row: UserRow, now: UnixSeconds) -> Result<Self, Refused> {
        Ok(Self::read_all(db, vec![row], now).await?.remove(0))
    }

    /// Reads the views of `rows`, in their order.
    async fn read_all(db: &impl ConnectionTrait, rows: Vec<UserRow>, now: UnixSeconds) -> Result<Vec<Self>, Refused> {
        let account = |row: &UserRow| lockout::account_name(&row.username);
        let roles = role_store::of_users(db, rows.iter().map(|row| row.id));
        let values = attribute_store::of_users(db, rows.iter().map(|row| row.id));
        let blocked = attempts::blocked(db, rows.iter().map(account), now);
        let groups = group_store::of_users(db, rows.iter().map(|row| row.id));
        let declared = attribute_store::all(db);
        let (mut roles, mut groups, values, blocked, declared) = tokio::try_join!(roles, groups, values, blocked, declared)?;
        let rules = attributes::rules_of(&declared)?;
        let mut values: HashMap<_, _> = values.iter().map(|(id, values)| (*id, attributes::to_json(&rules, values))).collect();
        let view = |row: UserRow| {
            // The second in which the block ends is over before the next attempt may be made.
            let locked_until = blocked.get(&account(&row)).map(|until| until + 1);
            let member = (roles.remove(&row.id).unwrap_or_default(), groups.remove(&row.id).unwrap_or_default());
            let attributes = values.remove(&row.id).unwrap_or_default();
            Self::new(row, member, attributes, locked_until)
        };
        Ok(rows.into_iter().map(view).collect())
    }
}

/// A filter for the list of users.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// `true` for enabled users only, `false` for disabled ones only, `None` for both.
    pub enabled: Option<bool>,
    /// Only users who have a word for each word of this text, which is its beginning. `None`, or a blank text, for all.
    pub search: Option<String>,
}

/// Returns a page of the users that match `filter`, in the order of their usernames, or of the words that a search found.
pub async fn list(reading: &Reading<'_>, filter: &UserFilter, window: &Window) -> Result<Listing<UserView>, Refused> {
    let app = reading.permit(Operation::UserList)?;
    let db = app.store.reader();
    if let Some(words) = search::words(filter.search.as_deref()) {
        let found = users::find(db, &words, filter.enabled, search::place(window)?, window.limit).await?;
        let rows = users::by_ids(db, found.keys.iter().copied()).await?;
        let page = search::page(found, rows, |row| row.id);
        return Ok(Listing { items: UserView::read_all(db, page.items, app.now()).await?, next: page.next });
    }
    let rows = users::page(db, filter.enabled, window.after.as_deref(), window.limit + 1).await?;
    let views = UserView::read_all(db, rows, app.now()).await?;
    Ok(Listing::of(views, window.limit, |view| view.username.clone(), |view| view))
}

/// Counts the users whom the words of `text` find, up to 1,000.
pub async fn count_found(reading: &Reading<'_>, text: &str) -> Result<Total, Refused> {
    let app = reading.permit(Operation::UserList)?;
    search::count(text, async |words, most| users::find(app.store.reader(), &words, None, None, most).await).await
}

/// Returns the user with this username, in any spelling that the sign-in accepts. Fails with [`Refused::NotFound`] if there is none.
pub async fn show(reading: &Reading<'_>, username: &str) -> Result<UserView, Refused> {
    let app = reading.permit(Operation::UserShow)?;
    let row = users::row(app.store.reader(), &username::normalize(username)).await?;
    UserView::read(app.store.reader(), row.ok_or_else(|| Refused::not_found("user", username))?, app.now()).await
}

/// Returns the user `id`. Fails with [`Refused::NotFound`] if there is none.
pub async fn show_by_id(reading: &Reading<'_>, id: Uuid) -> Result<UserView, Refused> {
    let app = reading.permit(Operation::UserShow)?;
    let row = users::by_id(app.store.reader(), id).await?.ok_or_else(|| Refused::not_found("user", id))?;
    UserView::read(app.store.reader(), row, app.now()).await
}

impl UserView {
    /// Returns the username, email address and name, from which the password must not be made.
    pub fn about(&self) -> Vec<&str> {
        policy::about(&self.username, self.email.as_deref(), self.name.as_deref())
    }
}

/// Returns whether `text` looks like an email address.
fn is_email(text: &str) -> bool {
    let plain = text.len() <= 254 && text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    plain && text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

pub(super) fn check_email(text: &str) -> Result<(), Fault> {
    if is_email(text) { Ok(()) } else { Err(Fault::new("email", "an address such as alice@example.com").found(text)) }
}

pub(super) fn check_full_name(text: &str) -> Result<(), Fault> {
    if !text.is_empty() && text.trim() == text && is_line(text) {
        return Ok(());
    }
    let expected = "a full name of at most 200 characters, such as Alice Example, without control characters or characters that nobody sees, and without \
                    spaces at the ends";
    Err(Fault::new("name", expected).found(text))
}

/// The audit trail's record of a user whose access an operation gives or ends.
#[derive(Serialize)]
struct UserRecord<'a> {
    #[serde(flatten)]
    user: &'a UserView,
    /// `None` if the operation does not concern the password, or if the user has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<PasswordRecord>,
    /// The numbers that the operation ended; `None` before it.
    #[serde(flatten)]
    ended: Option<EndedAccess>,
}

/// Values of which each can belong to one user only.
struct Unique<'v> {
    /// The user who is to have them; `None` for a new one.
    own: Option<Uuid>,
    /// `None` if the user keeps their username.
    username: Option<&'v str>,
    verified_email: Option<&'v str>,
    external_id: Option<&'v str>,
}

impl<'v> Unique<'v> {
    fn of_row(row: &'v UserRow) -> Self {
        Self {
            own: Some(row.id),
            username: Some(&row.username),
            verified_email: row.email.as_deref().filter(|_| row.email_verified),
            external_id: row.external_id.as_deref(),
        }
    }

    /// Fails with [`Refused::Taken`], which lists all values that are those of another user. A username may also be one that somebody gave up.
    async fn refuse_taken(&self, app: &App, db: &impl ConnectionTrait) -> Result<(), Refused> {
        let mut faults = Faults::default();
        if let Some(username) = self.username {
            faults.keep(match users::row(db, username).await?.filter(|other| Some(other.id) != self.own) {
                Some(_) => Err(Refused::taken("username", format!("there is a user {username} already"))),
                None => names::refuse_retired(app, db, Kind::User, username, self.own).await,
            })?;
        }
        if let Some(email) = self.verified_email
            && let Some(other) = users::by_verified_email(db, email).await?.filter(|other| Some(other.id) != self.own)
        {
            faults.keep::<()>(Err(Refused::taken("email", format!("{email} is the verified address of the user {}", other.username))))?;
        }
        if let Some(external) = self.external_id
            && let Some(other) = users::by_external_id(db, external).await?.filter(|other| Some(other.id) != self.own)
        {
            let reason = format!("the external id {external} belongs to the user {}", other.username);
            faults.keep::<()>(Err(Refused::taken("external_id", reason)))?;
        }
        faults.refuse()
    }
}

/// Returns the text that follows "expected" where the verified address `email` is that of the user `username` too.
pub(super) fn verified_elsewhere(email: &str, username: &str) -> String {
    format!("an address that is verified for nobody else; {email} is that of the user {username}")
}

/// Returns the words by which the user is found.
pub(super) fn terms(row: &UserRow) -> Vec<String> {
    user_terms::of(&row.username, row.email.as_deref(), row.name.as_deref())
}

/// Locks a user and returns their view before a change.
async fn lock(change: &Change<'_>, id: Uuid) -> Result<UserView, Refused> {
    let row = users::lock(&change.transaction, id).await?.ok_or_else(|| Refused::not_found("user", id))?;
    UserView::read(&change.transaction, row, change.now).await
}

/// A user whose access was ended.
#[derive(Debug)]
pub struct Ended {
    /// The user after the change.
    pub user: UserView,
    /// The numbers of sessions and authorizations that were ended.
    pub ended: EndedAccess,
}

/// Disables a user, signs them out everywhere, and ends all their authorizations. Does nothing if the user is disabled already, so
/// that the time at which that happened stays. Fails with [`Refused::Conflict`] if no administrator would remain.
pub async fn disable(change: &mut Change<'_>, id: Uuid) -> Result<Ended, Refused> {
    change.require(Operation::UserDisable)?;
    let administrators = roles::lock_administrators(change).await?;
    let before = lock(change, id).await?;
    if !before.enabled {
        return Ok(Ended { user: before, ended: EndedAccess { sessions: 0, authorizations: 0 } });
    }
    users::set_disabled(&change.transaction, id, Some(change.now), change.now).await?;
    let ended = session::end_all(&change.transaction, id, change.actor, Action::UserDisabled.name(), change.now).await?;
    administrators.require_one(change).await?;
    let user = UserView { enabled: false, version: before.version + 1, ..before.clone() };
    let before = UserRecord { user: &before, password: None, ended: None };
    let after = UserRecord { user: &user, password: None, ended: Some(ended) };
    change.record(Action::UserDisabled, Object::User(user.id, &user.username), Some(&before), Some(&after)).await?;
    Ok(Ended { user, ended })
}

/// Enables a user, who can then sign in again. Does nothing if the user is enabled already.
pub async fn enable(change: &mut Change<'_>, id: Uuid) -> Result<UserView, Refused> {
    change.require(Operation::UserEnable)?;
    let before = lock(change, id).await?;
    if before.enabled {
        return Ok(before);
    }
    users::set_disabled(&change.transaction, id, None, change.now).await?;
    let after = UserView { enabled: true, version: before.version + 1, ..before.clone() };
    change.record(Action::UserEnabled, Object::User(after.id, &after.username), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Gives a user the roles `add` and takes the roles `remove` from them. The user ends without a role that is in both. Fails with
/// [`Refused::Conflict`] if no administrator would remain.
pub async fn change_roles(change: &mut Change<'_>, id: Uuid, add: &[String], remove: &[String]) -> Result<UserView, Refused> {
    change.require(Operation::UserChangeRoles)?;
    let administrators = roles::lock_administrators(change).await?;
    let before = lock(change, id).await?;
    change.require_version(before.version)?;
    change.require_over(&[id]).await?;
    change.require_delegated_roles(add.iter().chain(remove)).await?;
    let (add, remove) =
        Faults::of_both(roles::existing(&change.transaction, add).await, roles::existing(&change.transaction, remove).await)?;
    let administered = role_store::hold_administration(&change.transaction, &[id]).await?;
    for role in add.iter().filter(|role| !before.roles.contains(role) && !remove.contains(role)) {
        role_store::give(&change.transaction, id, role).await?;
    }
    for role in &remove {
        role_store::take(&change.transaction, id, role).await?;
    }
    let roles = role_store::of_user(&change.transaction, id).await?;
    if roles == before.roles {
        return Ok(before);
    }
    if !administered {
        change.require_grant_to(&[id]).await?;
    }
    user_versions::renew(&change.transaction, &[id]).await?;
    let after = UserView { roles, version: before.version + 1, ..before.clone() };
    administrators.require_one(change).await?;
    change.record(Action::UserRolesChanged, Object::User(after.id, &after.username), Some(&before), Some(&after)).await?;
    Ok(after)
}
