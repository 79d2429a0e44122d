//! Names that are never given to anyone else. Applications know people and groups by their names, so a name that was given up by renaming
//! or deleting would carry the access of its old holder to the new one. Its old holder may take it back. Only the command line releases it
//! for others.

use std::fmt;

use uuid::Uuid;

use crate::admin::{Change, Operation, Refused};
use crate::app::App;
use crate::audit::{Action, Object};
use crate::oauth::group_name::folded;
use crate::store::{ConnectionTrait, retired_names};

/// The kinds of names that are retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    User,
    Group,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Group => "group",
        })
    }
}

/// Returns the hashes under which `name` is stored if it was given up.
pub(super) fn hashes(app: &App, kind: Kind, name: &str) -> Vec<String> {
    app.master.name_hashes(&kind.to_string(), &folded(name))
}

/// Stores that `name` is given up. `owner` is the id of the user or group that gives it up; `None` if they are deleted.
pub(super) async fn retire(change: &Change<'_>, kind: Kind, name: &str, owner: Option<Uuid>) -> Result<(), Refused> {
    let retired = hashes(change.app, kind, name);
    match retired.first() {
        Some(current) => Ok(retired_names::insert(&change.transaction, &kind.to_string(), current, owner, change.now).await?),
        None => Ok(()),
    }
}

/// Takes `name`, which the one with the id `own` may have given up. Refuses it as [`refuse_retired`] does.
pub(super) async fn take(change: &Change<'_>, kind: Kind, name: &str, own: Option<Uuid>) -> Result<(), Refused> {
    let db = &change.transaction;
    if refuse_retired(change.app, db, kind, name, own).await? {
        retired_names::remove(db, &kind.to_string(), &hashes(change.app, kind, name)).await?;
    }
    Ok(())
}

/// Refuses `name` if another user or group than the one with the id `own` had it before. Returns `true` if that one gave it up.
pub(super) async fn refuse_retired(
    app: &App,
    db: &impl ConnectionTrait,
    kind: Kind,
    name: &str,
    own: Option<Uuid>,
) -> Result<bool, Refused> {
    let owners = retired_names::owners(db, &kind.to_string(), &hashes(app, kind, name)).await?;
    if owners.is_empty() || own.is_some() && owners.iter().all(|owner| *owner == own) {
        return Ok(!owners.is_empty());
    }
    let field = if kind == Kind::User { "username" } else { "name" };
    let reason = format!(
        "the name {name} belonged to another {kind}, which applications may still know by it; if nobody does, release it with \
         `signet {kind} release-name {name}`"
    );
    Err(Refused::taken(field, reason))
}

/// Releases a name that was given up, so that it can be given again. Fails with [`Refused::Conflict`] if it was not given up, and with
/// [`Refused::Insufficient`] unless someone with a shell on the issuer's machine asks for it.
pub async fn release(change: &mut Change<'_>, kind: Kind, name: &str) -> Result<(), Refused> {
    change.require(Operation::NameRelease)?;
    let retired = hashes(change.app, kind, name);
    if !retired_names::remove(&change.transaction, &kind.to_string(), &retired).await? {
        return Err(Refused::Conflict(format!("no {kind} had the name {name} before, so there is nothing to release")));
    }
    // The name of a user who was deleted is not kept, because it may tell who they were.
    let object = match kind {
        Kind::User => kind.to_string(),
        Kind::Group => name.to_owned(),
    };
    change.record::<()>(Action::NameReleased, Object::Named(&object), None, None).await
}
