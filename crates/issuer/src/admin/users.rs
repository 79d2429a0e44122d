//! Operations on users: their data, password, status and roles.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::accounts::methods::{hashes::StoredHash, password};
use crate::accounts::{policy, session, username};
use crate::admin::names::{self, Kind};
use crate::admin::{Change, Fault, Listing, Operation, Reading, Refused, Window, groups, roles};
use crate::app::App;
use crate::audit::{Action, EndedAccess, Object};
use crate::clock::{UnixSeconds, rfc3339, rfc3339_or_none};
use crate::oauth::standard_claims::{StandardClaims, TEXT_CLAIMS, is_line};
use crate::store::users::{self, UserRow};
use crate::store::{ConnectionTrait, devices, groups as group_store, roles as role_store};

/// A user as administrators see them.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct UserView {
    pub id: Uuid,
    pub username: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    pub enabled: bool,
    #[serde(serialize_with = "rfc3339")]
    pub created_at: UnixSeconds,
}

impl UserView {
    fn new(row: UserRow, roles: Vec<String>, groups: Vec<String>) -> Self {
        let UserRow { id, username, email, email_verified, name, disabled_at, created_at, .. } = row;
        Self { id, username, email, email_verified, name, roles, groups, enabled: disabled_at.is_none(), created_at }
    }

    async fn read(db: &impl ConnectionTrait, row: UserRow) -> Result<Self, Refused> {
        let roles = role_store::of_user(db, row.id).await?;
        let groups = group_store::of_users(db, std::iter::once(row.id)).await?.remove(&row.id).unwrap_or_default();
        Ok(Self::new(row, roles, groups))
    }
}

/// A filter for the list of users.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserFilter {
    /// `true` for enabled users only, `false` for disabled ones only, `None` for both.
    pub enabled: Option<bool>,
}

/// Returns a page of the users that match `filter`, in the order of their usernames.
pub async fn list(reading: &Reading<'_>, filter: UserFilter, window: &Window) -> Result<Listing<UserView>, Refused> {
    let app = reading.permit(Operation::UserList)?;
    let db = app.store.reader();
    let rows = users::page(db, filter.enabled, window.after.as_deref(), window.limit + 1).await?;
    let mut roles = role_store::of_users(db, rows.iter().map(|row| row.id)).await?;
    let mut groups = group_store::of_users(db, rows.iter().map(|row| row.id)).await?;
    let view = |row: UserRow| {
        let (roles, groups) = (roles.remove(&row.id).unwrap_or_default(), groups.remove(&row.id).unwrap_or_default());
        UserView::new(row, roles, groups)
    };
    Ok(Listing::of(rows, window.limit, |row| row.username.clone(), view))
}

/// Returns the user with this username, in any spelling that the sign-in accepts. Fails with [`Refused::NotFound`] if there is
/// none.
pub async fn show(reading: &Reading<'_>, username: &str) -> Result<UserView, Refused> {
    let app = reading.permit(Operation::UserShow)?;
    let row = users::row(app.store.reader(), &username::normalize(username)).await?;
    UserView::read(app.store.reader(), row.ok_or_else(|| Refused::not_found("user", username))?).await
}

/// Returns the names and values of the standard claims that a user has, including the full name.
pub async fn claims(reading: &Reading<'_>, id: Uuid) -> Result<Vec<(&'static str, String)>, Refused> {
    let app = reading.permit(Operation::UserShow)?;
    let row = users::by_id(app.store.reader(), id).await?.ok_or_else(|| Refused::not_found("user", id))?;
    Ok(claims_of(&row))
}

fn claims_of(row: &UserRow) -> Vec<(&'static str, String)> {
    let claims = StandardClaims::from_json(&row.claims);
    let value = |claim: &str| if claim == "name" { row.name.clone().unwrap_or_default() } else { claims.get(claim).to_owned() };
    TEXT_CLAIMS.iter().map(|claim| (*claim, value(claim))).filter(|(_, value)| !value.is_empty()).collect()
}

/// The input for a new user, before it is checked.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct UserDraft {
    pub username: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
    pub roles: Vec<String>,
    /// The groups beside the default ones, by their names.
    pub groups: Vec<String>,
}

/// A user who passed all checks that do not need the database.
#[derive(Debug)]
pub struct NewUser(UserDraft);

impl NewUser {
    /// Checks `draft`. Fails with all faults, not only the first.
    pub fn check(draft: UserDraft) -> Result<Self, Refused> {
        let mut faults = Vec::new();
        let username = username::validate(&draft.username).unwrap_or_else(|error| {
            faults.push(Fault::new("username", error.to_string()).found(&draft.username));
            String::new()
        });
        if draft.email.as_ref().is_some_and(|email| !is_email(email)) {
            faults.push(Fault::new("email", "an address such as alice@example.com").found(draft.email.as_deref().unwrap_or_default()));
        }
        if draft.name.as_ref().is_some_and(|name| name.trim().is_empty() || !is_line(name)) {
            faults.push(
                Fault::new("name", "a full name, without control characters, such as Alice Example")
                    .found(draft.name.as_deref().unwrap_or_default()),
            );
        }
        if faults.is_empty() { Ok(Self(UserDraft { username, ..draft })) } else { Err(Refused::Invalid(faults)) }
    }

    /// Returns the username in its normal form.
    pub fn username(&self) -> &str {
        &self.0.username
    }

    /// Returns the username, email address and name, from which the password must not be made.
    pub fn about(&self) -> Vec<&str> {
        policy::about(&self.0.username, self.0.email.as_deref(), self.0.name.as_deref())
    }
}

impl UserView {
    /// Returns the username, email address and name, from which the password must not be made.
    pub fn about(&self) -> Vec<&str> {
        policy::about(&self.username, self.email.as_deref(), self.name.as_deref())
    }
}

/// Returns whether `text` looks like an email address.
pub(super) fn is_email(text: &str) -> bool {
    let plain = text.len() <= 254 && text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    plain && text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

/// How a password came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Origin {
    /// The user or an administrator chose it.
    Chosen,
    /// The issuer generated it, so that the user must choose their own.
    Generated,
    /// Its hash was taken from another system.
    Imported,
}

/// The hash of a password, ready to be stored.
#[derive(Debug)]
pub struct PasswordHash {
    phc: String,
    origin: Origin,
}

impl PasswordHash {
    /// Checks and hashes a password that was chosen for a user whose username, email address and name are `about`.
    pub async fn chosen(app: &App, password: SecretString, about: &[&str]) -> Result<Self, Refused> {
        let refused = |error: policy::PolicyError| Refused::invalid("password", error.to_string());
        policy::check_form(password.expose_secret()).map_err(refused)?;
        policy::check_score(app, &password, about).await?.map_err(refused)?;
        Ok(Self { phc: password::hash(app, password).await?, origin: Origin::Chosen })
    }

    /// Hashes a random password that the user must replace.
    pub async fn generated(app: &App, password: SecretString) -> Result<Self, Refused> {
        Ok(Self { phc: password::hash(app, password).await?, origin: Origin::Generated })
    }

    /// Takes the hash of this or another system as it is: a text, or an object as Keycloak exports it. Fails if the hash cannot be used.
    pub fn imported(hash: &Value) -> Result<Self, Refused> {
        let phc = StoredHash::import(hash).map_err(|error| Refused::invalid("password_hash", error.to_string()))?;
        Ok(Self { phc, origin: Origin::Imported })
    }

    /// The time at which the password was generated, which is `now`; `None` if it was not generated.
    fn generated_at(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        (self.origin == Origin::Generated).then_some(now)
    }

    fn record(&self, now: UnixSeconds) -> PasswordRecord {
        PasswordRecord { origin: Some(self.origin), since: Some(now) }
    }
}

/// The audit trail's record of a password, without its hash.
#[derive(Serialize)]
struct PasswordRecord {
    /// `None` if the password was chosen or imported, between which the stored user does not distinguish.
    origin: Option<Origin>,
    /// The time at which the password was stored. The stored user tells it only of generated passwords.
    #[serde(serialize_with = "rfc3339_or_none")]
    since: Option<UnixSeconds>,
}

impl PasswordRecord {
    fn stored(row: &UserRow) -> Option<Self> {
        row.password_hash.as_ref()?;
        Some(Self { origin: row.password_generated_at.map(|_| Origin::Generated), since: row.password_generated_at })
    }
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

/// Fails with [`Refused::Conflict`] if the username of `user` is taken, so that nobody types a password in vain.
pub async fn require_free(reading: &Reading<'_>, user: &NewUser) -> Result<(), Refused> {
    let app = reading.permit(Operation::UserShow)?;
    refuse_taken(app.store.reader(), &user.0.username).await
}

async fn refuse_taken(db: &impl ConnectionTrait, username: &str) -> Result<(), Refused> {
    match users::row(db, username).await? {
        Some(_) => Err(Refused::Conflict(format!("there is a user {username} already"))),
        None => Ok(()),
    }
}

/// Adds a user with their roles, which must exist. Fails with [`Refused::Conflict`] if the username is taken.
pub async fn add(change: &mut Change<'_>, user: NewUser, password: PasswordHash) -> Result<UserView, Refused> {
    change.require(Operation::UserAdd)?;
    let NewUser(UserDraft { username, email, email_verified, name, roles, groups }) = user;
    let db = &change.transaction;
    refuse_taken(db, &username).await?;
    names::refuse_retired(change, Kind::User, &username).await?;
    let record = password.record(change.now);
    let row = UserRow {
        id: change.app.clock.random_uuid(),
        username,
        email,
        email_verified,
        name,
        password_generated_at: password.generated_at(change.now),
        password_hash: Some(password.phc),
        created_at: change.now,
        updated_at: change.now,
        disabled_at: None,
        claims: StandardClaims::default().to_json(),
        credential_version: 0,
        external_id: None,
        last_sign_in_at: None,
        version: 0,
    };
    let id = row.id;
    users::insert(db, row.clone()).await?;
    for role in &roles {
        roles::give(db, id, role).await?;
    }
    groups::join(db, id, &groups).await?;
    change.require_grant_to(&[id]).await?;
    let after = UserView::read(db, row).await?;
    let recorded = UserRecord { user: &after, password: Some(record), ended: None };
    change.record(Action::UserAdded, Object::User(after.id, &after.username), None, Some(&recorded)).await?;
    Ok(after)
}

/// Locks a user and returns their view before a change.
async fn lock(change: &Change<'_>, id: Uuid) -> Result<UserView, Refused> {
    let row = users::lock(&change.transaction, id).await?.ok_or_else(|| Refused::not_found("user", id))?;
    UserView::read(&change.transaction, row).await
}

/// A user whose access was ended.
#[derive(Debug)]
pub struct Ended {
    /// The user after the change.
    pub user: UserView,
    /// The number of authorizations that were ended.
    pub authorizations: u64,
}

/// Sets a user's password, signs the user out everywhere, and ends all their authorizations.
pub async fn set_password(change: &mut Change<'_>, id: Uuid, password: PasswordHash) -> Result<Ended, Refused> {
    change.require(Operation::UserSetPassword)?;
    let db = &change.transaction;
    let row = users::lock(db, id).await?.ok_or_else(|| Refused::not_found("user", id))?;
    let old = PasswordRecord::stored(&row);
    let user = UserView::read(db, row).await?;
    users::set_password_hash(db, id, &password.phc, password.generated_at(change.now), change.now).await?;
    // End the sessions too, because somebody who knew the old password may be signed in.
    let ended = session::end_all(db, id, change.actor, Action::UserPasswordSet, change.now).await?;
    devices::forget(db, id, None).await?;
    let before = UserRecord { user: &user, password: old, ended: None };
    let after = UserRecord { user: &user, password: Some(password.record(change.now)), ended: Some(ended) };
    change.record(Action::UserPasswordSet, Object::User(user.id, &user.username), Some(&before), Some(&after)).await?;
    Ok(Ended { user, authorizations: ended.authorizations })
}

/// Disables a user, signs them out everywhere, and ends all their authorizations. Does nothing if the user is disabled already, so
/// that the time at which that happened stays. Fails with [`Refused::Conflict`] if no administrator would remain.
pub async fn disable(change: &mut Change<'_>, id: Uuid) -> Result<Ended, Refused> {
    change.require(Operation::UserDisable)?;
    let administrators = roles::lock_administrators(change).await?;
    let before = lock(change, id).await?;
    if !before.enabled {
        return Ok(Ended { user: before, authorizations: 0 });
    }
    users::set_disabled(&change.transaction, id, Some(change.now), change.now).await?;
    let ended = session::end_all(&change.transaction, id, change.actor, Action::UserDisabled, change.now).await?;
    administrators.require_one(change).await?;
    let user = UserView { enabled: false, ..before.clone() };
    let before = UserRecord { user: &before, password: None, ended: None };
    let after = UserRecord { user: &user, password: None, ended: Some(ended) };
    change.record(Action::UserDisabled, Object::User(user.id, &user.username), Some(&before), Some(&after)).await?;
    Ok(Ended { user, authorizations: ended.authorizations })
}

/// Enables a user, who can then sign in again. Does nothing if the user is enabled already.
pub async fn enable(change: &mut Change<'_>, id: Uuid) -> Result<UserView, Refused> {
    change.require(Operation::UserEnable)?;
    let before = lock(change, id).await?;
    if before.enabled {
        return Ok(before);
    }
    users::set_disabled(&change.transaction, id, None, change.now).await?;
    let after = UserView { enabled: true, ..before.clone() };
    change.record(Action::UserEnabled, Object::User(after.id, &after.username), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Sets standard claims of a user by name; an empty value removes the claim. Returns the names and values of all claims that the
/// user has afterwards.
pub async fn set_claims(change: &mut Change<'_>, id: Uuid, values: &[(String, String)]) -> Result<Vec<(&'static str, String)>, Refused> {
    change.require(Operation::UserSetClaims)?;
    let before = users::lock(&change.transaction, id).await?.ok_or_else(|| Refused::not_found("user", id))?;
    let (mut claims, mut name) = (StandardClaims::from_json(&before.claims), before.name.clone());
    let mut faults = Vec::new();
    for (claim, value) in values {
        if let Err(error) = claims.set_with_name(&mut name, claim, value) {
            let field = TEXT_CLAIMS.into_iter().find(|known| known == claim).unwrap_or("claims");
            faults.push(Fault::new(field, error.to_string()).found(if field == "claims" { claim } else { value }));
        }
    }
    if !faults.is_empty() {
        return Err(Refused::Invalid(faults));
    }
    let after = UserRow { name, claims: claims.to_json(), ..before.clone() };
    if claims_of(&after) == claims_of(&before) {
        return Ok(claims_of(&before));
    }
    users::set_claims(&change.transaction, id, after.name.as_deref(), &after.claims, change.now).await?;
    let object =
        |row: &UserRow| claims_of(row).into_iter().map(|(claim, value)| (claim.to_owned(), value.into())).collect::<Map<_, Value>>();
    change
        .record(Action::UserClaimsChanged, Object::User(before.id, &before.username), Some(&object(&before)), Some(&object(&after)))
        .await?;
    Ok(claims_of(&after))
}

/// Gives a user the roles `add`, then takes the roles `remove` from them. Fails with [`Refused::Conflict`] if no administrator
/// would remain.
pub async fn change_roles(change: &mut Change<'_>, id: Uuid, add: &[String], remove: &[String]) -> Result<UserView, Refused> {
    change.require(Operation::UserChangeRoles)?;
    let administrators = roles::lock_administrators(change).await?;
    let before = lock(change, id).await?;
    change.require_over(&[id]).await?;
    change.require_delegated_roles(add.iter().chain(remove)).await?;
    let administered = role_store::hold_administration(&change.transaction, &[id]).await?;
    for role in add {
        roles::give(&change.transaction, id, role).await?;
    }
    for role in remove {
        roles::take(&change.transaction, id, role).await?;
    }
    let after = UserView { roles: role_store::of_user(&change.transaction, id).await?, ..before.clone() };
    if after.roles == before.roles {
        return Ok(before);
    }
    if !administered {
        change.require_grant_to(&[id]).await?;
    }
    administrators.require_one(change).await?;
    change.record(Action::UserRolesChanged, Object::User(after.id, &after.username), Some(&before), Some(&after)).await?;
    Ok(after)
}
