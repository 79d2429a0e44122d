//! Records memberships of groups in the history of each user whom a change of a group concerns.

use std::collections::HashMap;

use serde::Serialize;
use uuid::Uuid;

use crate::admin::{Change, Refused};
use crate::audit::{Action, Object};

/// The groups of a user, as the audit trail records them when a membership changes.
#[derive(Serialize)]
struct Memberships {
    groups: Vec<String>,
}

/// Records for each user who joined or left `group` the names of their groups before and after, so that the history of the user tells it,
/// too. `users` are ids with usernames.
pub(super) async fn record(
    change: &Change<'_>,
    users: &[(Uuid, String)],
    before: &HashMap<Uuid, Vec<String>>,
    group: &str,
    [added, removed]: [&[Uuid]; 2],
) -> Result<(), Refused> {
    for (id, username) in users {
        let old = before.get(id).cloned().unwrap_or_default();
        let mut new = old.clone();
        if added.contains(id) {
            new.push(group.to_owned());
            new.sort_unstable();
        } else if removed.contains(id) {
            new.retain(|name| name != group);
        } else {
            continue;
        }
        let object = Object::User(*id, username);
        change.record(Action::UserGroupsChanged, object, Some(&Memberships { groups: old }), Some(&Memberships { groups: new })).await?;
    }
    Ok(())
}
