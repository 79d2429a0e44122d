//! Operations on roles, and the rule that an administrator always remains.

use serde::Serialize;
use signet_verifier::is_scope_token;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::admin::member::MemberView;
use crate::admin::{Change, Fault, Faults, Listing, Operation, Reading, Refused, Window, check_name, resources};
use crate::audit::{Action, Object};
use crate::config::ADMIN;
use crate::oauth::reserved_name::is_reserved;
use crate::oauth::scope::is_administration;
use crate::store::roles::RoleRow;
use crate::store::{ConnectionTrait, groups, roles, user_versions};

/// The longest name of a role, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// A role with its scopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct RoleView {
    pub name: String,
    pub display_name: Option<String>,
    pub scopes: Vec<String>,
    /// `true` if the help desk may give the role and take it away.
    pub delegated: bool,
    pub version: i32,
}

impl RoleView {
    fn new(row: RoleRow, scopes: Vec<String>) -> Self {
        let RoleRow { name, display_name, delegated, version, .. } = row;
        Self { name, display_name, scopes, delegated, version }
    }
}

/// Returns a page of all roles, in the order of their names.
pub async fn list(reading: &Reading<'_>, window: &Window) -> Result<Listing<RoleView>, Refused> {
    let app = reading.permit(Operation::RoleList)?;
    let db = app.store.reader();
    let rows = roles::page(db, window.after.as_deref(), window.limit + 1).await?;
    let mut scopes = roles::scopes_of(db, rows.iter().map(|row| row.name.as_str())).await?;
    let view = |row: RoleRow| {
        let scopes = scopes.remove(&row.name).unwrap_or_default();
        RoleView::new(row, scopes)
    };
    Ok(Listing::of(rows, window.limit, |row| row.name.clone(), view))
}

/// Returns the role `name`. Fails with [`Refused::NotFound`] if it does not exist.
pub async fn show(reading: &Reading<'_>, name: &str) -> Result<RoleView, Refused> {
    let app = reading.permit(Operation::RoleShow)?;
    read(app.store.reader(), name).await
}

/// Returns the names of the first 1,000 roles that the help desk may give, in alphabetical order.
pub async fn delegated(reading: &Reading<'_>) -> Result<Vec<String>, Refused> {
    let app = reading.permit(Operation::RoleList)?;
    Ok(roles::delegated(app.store.reader(), LISTED).await?)
}

async fn read(db: &impl ConnectionTrait, name: &str) -> Result<RoleView, Refused> {
    let row = roles::row(db, name).await?.ok_or_else(|| Refused::not_found("role", name))?;
    Ok(RoleView::new(row, roles::scopes(db, name).await?))
}

async fn require(db: &impl ConnectionTrait, name: &str) -> Result<(), Refused> {
    if roles::exists(db, name).await? { Ok(()) } else { Err(Refused::not_found("role", name)) }
}

/// A role that a user has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The name of the role.
    pub role: String,
    /// The group through which the user has the role. `None` if the user has it directly.
    pub through: Option<String>,
}

/// Returns the roles of the user `id` in alphabetical order, once directly and once for each group through which the user has it.
pub async fn held(reading: &Reading<'_>, id: Uuid) -> Result<Vec<Held>, Refused> {
    let app = reading.permit(Operation::RoleList)?;
    let db = app.store.reader();
    let direct = roles::of_user(db, id).await?.into_iter().map(|role| Held { role, through: None });
    let through = roles::through_groups(db, std::iter::once(id)).await?.into_iter();
    let mut held: Vec<Held> = direct.chain(through.map(|row| Held { role: row.role, through: Some(row.group) })).collect();
    held.sort_by(|one, other| (&one.role, &one.through).cmp(&(&other.role, &other.through)));
    Ok(held)
}

/// Returns a page of the users who have the role `name` directly, in the order of their ids.
pub async fn holders(reading: &Reading<'_>, name: &str, window: &Window) -> Result<Listing<MemberView>, Refused> {
    let app = reading.permit(Operation::RoleShow)?;
    let db = app.store.reader();
    require(db, name).await?;
    let rows = roles::holders(db, name, window.after_id()?, window.limit + 1).await?;
    Ok(Listing::of(rows, window.limit, |row| row.id.to_string(), MemberView::from))
}

/// The largest number of groups of a role that are listed, and of roles that are delegated.
const LISTED: u64 = 1000;

/// Returns the names of the first 1,000 groups that carry the role `name`, in alphabetical order.
pub async fn carriers(reading: &Reading<'_>, name: &str) -> Result<Vec<String>, Refused> {
    let app = reading.permit(Operation::RoleShow)?;
    let db = app.store.reader();
    require(db, name).await?;
    Ok(groups::carrying(db, name, LISTED).await?.into_iter().map(|row| row.name).collect())
}

/// Returns `names` in order, each once. Refuses them unless every one is an existing role.
pub(super) async fn existing(db: &impl ConnectionTrait, names: &[String]) -> Result<Vec<String>, Refused> {
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    let mut faults = Faults::default();
    for name in &names {
        faults.keep(require(db, name).await.map_err(|refused| unknown_role(refused, name)))?;
    }
    faults.refuse()?;
    Ok(names)
}

/// Refuses `roles` for what the help desk gives, if a scope of administration follows from one of them. The help desk gives delegated roles,
/// and it fills delegated and default groups. The caller holds the lock of [`lock_administrators`], so that no other change gives such a
/// scope to one of the roles meanwhile.
pub(super) async fn refuse_administration(db: &impl ConnectionTrait, help_desk_gives: bool, roles: &[String]) -> Result<(), Refused> {
    if !help_desk_gives {
        return Ok(());
    }
    let scopes = roles::scopes_of(db, roles.iter().map(String::as_str)).await?;
    let administers = |scopes: &Vec<String>| scopes.iter().any(|scope| is_administration(scope));
    match scopes.iter().find(|(_, scopes)| administers(scopes)) {
        Some((role, _)) => Err(Refused::Conflict(format!(
            "the role {role} holds a scope of administration, so it must not be delegated to the help desk, nor given to every new user; \
             otherwise the help desk could make administrators"
        ))),
        None => Ok(()),
    }
}

/// The changes of a role; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names are those of the view")]
pub struct RolePatch {
    /// `Some(None)` removes the display name.
    pub display_name: Option<Option<String>>,
    pub delegated: Option<bool>,
}

/// Changes the display name of a role, and whether it is delegated.
pub async fn edit(change: &mut Change<'_>, name: &str, patch: RolePatch) -> Result<RoleView, Refused> {
    change.require(Operation::RoleEdit)?;
    lock_administrators(change).await?;
    let db = &change.transaction;
    roles::lock(db, name).await?;
    let before = read(db, name).await?;
    change.require_version(before.version)?;
    let after = RoleView {
        display_name: patch.display_name.unwrap_or_else(|| before.display_name.clone()),
        delegated: patch.delegated.unwrap_or(before.delegated),
        ..before.clone()
    };
    if after == before {
        return Ok(before);
    }
    if let Some(fault) = after.display_name.as_deref().and_then(|name| check_name("display_name", name).err()) {
        return Err(Refused::Invalid(vec![fault]));
    }
    refuse_administration(db, after.delegated, std::slice::from_ref(&after.name)).await?;
    roles::set(db, name, after.display_name.as_deref(), after.delegated).await?;
    let after = RoleView { version: before.version + 1, ..after };
    change.record(Action::RoleChanged, Object::Role(name), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// A role that passed all checks that do not need the database.
#[derive(Debug)]
pub struct NewRole {
    name: String,
    display_name: Option<String>,
    delegated: bool,
    scopes: Vec<String>,
}

impl NewRole {
    /// Checks the name of a role that is to have `scopes`.
    pub fn check(name: &str, scopes: &[String]) -> Result<Self, Refused> {
        Self::check_shown_as(name, None, scopes)
    }

    /// Checks the name of a role that is to have `scopes`, and the name that people are shown in its place; `None` for the name itself.
    pub fn check_shown_as(name: &str, display_name: Option<String>, scopes: &[String]) -> Result<Self, Refused> {
        let mut faults = Vec::new();
        if !is_scope_token(name) || name.len() > MAX_NAME_BYTES || is_reserved(name) {
            let expected = format!(
                "1 to {MAX_NAME_BYTES} printable ASCII characters without spaces, quotes and backslashes, and none of the names new, . and .."
            );
            faults.push(Fault::new("name", expected).found(name));
        }
        faults.extend(display_name.as_deref().and_then(|name| check_name("display_name", name).err()));
        let role = Self { name: name.to_owned(), display_name, delegated: false, scopes: scopes.to_vec() };
        if faults.is_empty() { Ok(role) } else { Err(Refused::Invalid(faults)) }
    }

    /// Says whether the help desk may give the role and take it away.
    #[must_use]
    pub fn delegated(self, delegated: bool) -> Self {
        Self { delegated, ..self }
    }
}

/// Checks the input for a new role, whose scopes must exist. Fails with all faults, those of the scopes too, and if there is such a role.
pub async fn check(reading: &Reading<'_>, name: &str, display_name: Option<String>, scopes: &[String]) -> Result<NewRole, Refused> {
    let app = reading.permit(Operation::RoleList)?;
    let found = look_up(app.store.reader(), name, scopes).await;
    Faults::of_both(NewRole::check_shown_as(name, display_name, scopes), found).map(|(role, _)| role)
}

/// Returns the scopes of a new role in order. Fails with those that do not exist, and if there is a role of this name.
async fn look_up(db: &impl ConnectionTrait, name: &str, scopes: &[String]) -> Result<Vec<String>, Refused> {
    let is_free = if roles::exists(db, name).await? { Err(taken(name)) } else { Ok(()) };
    Faults::of_both(is_free, resources::existing_scopes(db, "scopes", scopes).await).map(|((), scopes)| scopes)
}

fn taken(name: &str) -> Refused {
    Refused::taken("name", format!("there is a role {name} already"))
}

/// Adds a role. Its scopes must exist.
pub async fn add(change: &mut Change<'_>, role: NewRole) -> Result<RoleView, Refused> {
    change.require(Operation::RoleAdd)?;
    let NewRole { name, display_name, delegated, scopes } = &role;
    let db = &change.transaction;
    let scopes = look_up(db, name, scopes).await?;
    change.require_grant_of(scopes.iter())?;
    if !roles::insert(db, name, display_name.as_deref(), *delegated, &scopes, change.now).await? {
        return Err(taken(name));
    }
    refuse_administration(db, *delegated, std::slice::from_ref(name)).await?;
    let after = read(db, name).await?;
    change.record(Action::RoleAdded, Object::Role(name), None, Some(&after)).await?;
    Ok(after)
}

/// Adds the scopes `add` to a role, then takes the scopes `remove` from it. Fails with [`Refused::Conflict`] if no administrator
/// would remain.
pub async fn change_scopes(change: &mut Change<'_>, name: &str, add: &[String], remove: &[String]) -> Result<RoleView, Refused> {
    change.require(Operation::RoleChangeScopes)?;
    let administrators = lock_administrators(change).await?;
    let db = &change.transaction;
    let before = read(db, name).await?;
    change.require_version(before.version)?;
    let added = resources::existing_scopes(db, "scopes", add).await;
    let (mut scopes, _) = Faults::of_both(added, resources::existing_scopes(db, "scopes", remove).await)?;
    scopes.extend(before.scopes.iter().cloned());
    scopes.sort();
    scopes.dedup();
    scopes.retain(|scope| !remove.contains(scope));
    if scopes == before.scopes {
        return Ok(before);
    }
    if scopes.iter().any(|scope| is_administration(scope)) && (before.delegated || groups::help_desk_gives(db, name).await?) {
        return Err(Refused::Conflict(format!(
            "the role {name}, or a group that carries it, is delegated to the help desk or given to every new user, so that the help desk \
             could make administrators; end that first"
        )));
    }
    change.require_grant_of(scopes.iter().filter(|scope| !before.scopes.contains(scope)))?;
    roles::replace_scopes(db, name, &scopes).await?;
    administrators.require_one(change).await?;
    let after = read(db, name).await?;
    change.record(Action::RoleScopesChanged, Object::Role(name), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Removes a role, which its users lose too. Fails with [`Refused::Conflict`] if no administrator would remain.
pub async fn remove(change: &mut Change<'_>, name: &str) -> Result<RoleView, Refused> {
    change.require(Operation::RoleRemove)?;
    if name == ADMIN {
        return Err(Refused::Conflict(
            "the role admin is built in and cannot be removed, because without it nobody could administer the issuer".to_owned(),
        ));
    }
    let administrators = lock_administrators(change).await?;
    user_versions::renew_of_holders(&change.transaction, name).await?;
    groups::count_change_of_carriers(&change.transaction, name).await?;
    // Locked before its version is compared, so that an edit at the same moment is seen.
    roles::lock(&change.transaction, name).await?;
    let before = read(&change.transaction, name).await?;
    change.require_version(before.version)?;
    roles::remove(&change.transaction, name).await?;
    administrators.require_one(change).await?;
    change.record(Action::RoleRemoved, Object::Role(name), Some(&before), None).await?;
    Ok(before)
}

fn unknown_role(refused: Refused, role: &str) -> Refused {
    match refused {
        Refused::NotFound { .. } => Fault::new("roles", format!("existing roles; {refused}")).of_item(role).into(),
        other => other,
    }
}

/// The lock that a change takes if it may reduce the number of administrators.
pub(super) struct Administrators {
    existed: bool,
}

/// Takes the lock until the transaction of `change` ends. Without it two administrators could demote each other at the same moment.
pub(super) async fn lock_administrators(change: &Change<'_>) -> Result<Administrators, Refused> {
    roles::lock_administrators(&change.transaction).await?;
    Ok(Administrators { existed: roles::has_administrator(&change.transaction).await? })
}

impl Administrators {
    /// Refuses the change if there was an administrator before it and there is none now. An administrator is an enabled user with a
    /// password whose roles hold the scope `admin`.
    pub(super) async fn require_one(&self, change: &Change<'_>) -> Result<(), Refused> {
        if self.existed && !roles::has_administrator(&change.transaction).await? {
            return Err(Refused::Conflict(
                "no administrator would remain; first give a role with the scope admin to another enabled user who has a password"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}
