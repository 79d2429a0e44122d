//! Operations on roles, and the rule that an administrator always remains.

use serde::Serialize;
use signet_verifier::is_scope_token;
use uuid::Uuid;

use crate::admin::{Change, Listing, Refused, Window, resources};
use crate::app::App;
use crate::audit::{Action, Object};
use crate::config::ADMIN;
use crate::store::{ConnectionTrait, roles};

/// The longest name of a role, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// A role with its scopes.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct RoleView {
    pub name: String,
    pub scopes: Vec<String>,
}

/// Returns a page of all roles, in the order of their names.
pub async fn list(app: &App, window: &Window) -> Result<Listing<RoleView>, Refused> {
    let db = app.store.reader();
    let names = roles::page(db, window.after.as_deref(), window.limit + 1).await?;
    let mut scopes = roles::scopes_of(db, &names).await?;
    let view = |name: String| RoleView { scopes: scopes.remove(&name).unwrap_or_default(), name };
    Ok(Listing::of(names, window.limit, Clone::clone, view))
}

/// Returns the role `name`. Fails with [`Refused::NotFound`] if it does not exist.
pub async fn show(app: &App, name: &str) -> Result<RoleView, Refused> {
    read(app.store.reader(), name).await
}

async fn read(db: &impl ConnectionTrait, name: &str) -> Result<RoleView, Refused> {
    require(db, name).await?;
    Ok(RoleView { name: name.to_owned(), scopes: roles::scopes(db, name).await? })
}

async fn require(db: &impl ConnectionTrait, name: &str) -> Result<(), Refused> {
    if roles::exists(db, name).await? { Ok(()) } else { Err(Refused::not_found("role", name)) }
}

/// A role that passed all checks that do not need the database.
#[derive(Debug)]
pub struct NewRole {
    name: String,
    scopes: Vec<String>,
}

impl NewRole {
    /// Checks the name of a role that is to have `scopes`.
    pub fn check(name: &str, scopes: &[String]) -> Result<Self, Refused> {
        if !is_scope_token(name) || name.len() > MAX_NAME_BYTES {
            let expected = format!("1 to {MAX_NAME_BYTES} printable ASCII characters without spaces, quotes and backslashes");
            return Err(Refused::invalid("name", expected));
        }
        Ok(Self { name: name.to_owned(), scopes: scopes.to_vec() })
    }
}

/// Adds a role. Its scopes must exist.
pub async fn add(change: &mut Change<'_>, role: NewRole) -> Result<RoleView, Refused> {
    let NewRole { name, scopes } = &role;
    let db = &change.transaction;
    if roles::exists(db, name).await? {
        return Err(Refused::Conflict(format!("there is a role {name} already")));
    }
    let scopes = resources::existing_scopes(db, "scopes", scopes).await?;
    roles::insert(db, name, &scopes, change.now).await?;
    let after = RoleView { name: name.clone(), scopes };
    change.record(Action::RoleAdded, Object::Named(name), None, Some(&after)).await?;
    Ok(after)
}

/// Adds the scopes `add` to a role, then takes the scopes `remove` from it. Fails with [`Refused::Conflict`] if no administrator
/// would remain.
pub async fn change_scopes(change: &mut Change<'_>, name: &str, add: &[String], remove: &[String]) -> Result<RoleView, Refused> {
    let administrators = lock_administrators(change).await?;
    let db = &change.transaction;
    let before = read(db, name).await?;
    resources::existing_scopes(db, "scopes", remove).await?;
    let mut scopes = resources::existing_scopes(db, "scopes", add).await?;
    scopes.extend(before.scopes.iter().cloned());
    scopes.sort();
    scopes.dedup();
    scopes.retain(|scope| !remove.contains(scope));
    if scopes == before.scopes {
        return Ok(before);
    }
    roles::replace_scopes(db, name, &scopes).await?;
    administrators.require_one(change).await?;
    let after = RoleView { name: name.to_owned(), scopes };
    change.record(Action::RoleScopesChanged, Object::Named(name), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Removes a role, which its users lose too. Fails with [`Refused::Conflict`] if no administrator would remain.
pub async fn remove(change: &mut Change<'_>, name: &str) -> Result<RoleView, Refused> {
    if name == ADMIN {
        return Err(Refused::Conflict(
            "the role admin is built in and cannot be removed, because without it nobody could administer the issuer".to_owned(),
        ));
    }
    let administrators = lock_administrators(change).await?;
    let before = read(&change.transaction, name).await?;
    roles::remove(&change.transaction, name).await?;
    administrators.require_one(change).await?;
    change.record(Action::RoleRemoved, Object::Named(name), Some(&before), None).await?;
    Ok(before)
}

/// Gives a user a role. Does nothing if the user already has it.
pub(super) async fn give(db: &impl ConnectionTrait, user: Uuid, role: &str) -> Result<(), Refused> {
    require(db, role).await.map_err(unknown_role)?;
    if !roles::of_user(db, user).await?.iter().any(|own| own == role) {
        roles::give(db, user, role).await?;
    }
    Ok(())
}

/// Takes a role from a user. Does nothing if the user does not have it.
pub(super) async fn take(db: &impl ConnectionTrait, user: Uuid, role: &str) -> Result<(), Refused> {
    require(db, role).await.map_err(unknown_role)?;
    Ok(roles::take(db, user, role).await?)
}

fn unknown_role(refused: Refused) -> Refused {
    match refused {
        Refused::NotFound { .. } => Refused::invalid("roles", format!("existing roles; {refused}")),
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
