//! The applications that a user may sign in to, and by which path, and those that use a group.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::admin::{Operation, Reading, Refused};
use crate::config::{CLI, DOCS};
use crate::oauth::access::Access;
use crate::store::client_groups::{self, UseRow};
use crate::store::{groups, roles};

/// The number of clients that are listed: those of groups first.
const LISTED: u64 = 100;
/// The number of clients that everyone may use among them.
const OPEN: u64 = 20;

/// A client that a user may sign in to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ApplicationView {
    pub client_id: String,
    pub client_name: String,
    /// The names of the user's groups that let them in, in alphabetical order. Empty if everyone may sign in.
    pub through: Vec<String>,
}

/// The clients that a user may sign in to.
#[derive(Debug, Clone, Serialize)]
pub struct Applications {
    /// Those of the user's groups first, then those that everyone may use.
    pub items: Vec<ApplicationView>,
    /// `true` if there are others.
    pub more: bool,
}

/// A client that uses a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GroupUse {
    pub client_id: String,
    pub client_name: String,
    /// `true` if the members of the group may sign in because of it; `false` if everyone may, so that the client is only told of the group.
    pub admits: bool,
}

/// Returns the first 100 clients that use the group `name`, in the order of their ids.
pub async fn of_group(reading: &Reading<'_>, name: &str) -> Result<Vec<GroupUse>, Refused> {
    let app = reading.permit(Operation::GroupShow)?;
    let db = app.store.reader();
    let group = groups::by_name(db, name).await?.ok_or_else(|| Refused::not_found("group", name))?;
    let view =
        |row: UseRow| GroupUse { admits: row.access == Access::Groups.as_str(), client_id: row.client_id, client_name: row.client_name };
    let mut uses: Vec<GroupUse> = client_groups::of_group(db, group.id, LISTED).await?.into_iter().map(view).collect();
    uses.sort_unstable_by(|one, other| one.client_id.cmp(&other.client_id));
    Ok(uses)
}

/// Returns the enabled clients that the user `id` may sign in to, whether or not the user is disabled.
pub async fn of_user(reading: &Reading<'_>, id: Uuid) -> Result<Applications, Refused> {
    let app = reading.permit(Operation::ClientListOfUser)?;
    let db = app.store.reader();
    let rows = client_groups::through(db, id, LISTED + 1).await?;
    let mut more = rows.len() as u64 > LISTED;
    let mut by_client = BTreeMap::<String, ApplicationView>::new();
    for row in rows.into_iter().take(usize::try_from(LISTED).unwrap_or(usize::MAX)) {
        let view = ApplicationView { client_id: row.client_id.clone(), client_name: row.client_name, through: Vec::new() };
        by_client.entry(row.client_id).or_insert(view).through.push(row.group_name);
    }
    let mut items: Vec<ApplicationView> = by_client.into_values().collect();
    for item in &mut items {
        item.through.sort_unstable();
    }
    let mut open = client_groups::for_everyone(db, OPEN + 3).await?;
    // The clients of the first start give tokens for the administration, so that they are of no use to other people.
    if !roles::hold_administration(db, &[id]).await? {
        open.retain(|(client, _)| ![CLI, DOCS].contains(&client.as_str()));
    }
    more |= open.len() as u64 > OPEN;
    open.truncate(usize::try_from(OPEN).unwrap_or(usize::MAX));
    open.sort_unstable();
    items.extend(open.into_iter().map(|(client_id, client_name)| ApplicationView { client_id, client_name, through: Vec::new() }));
    Ok(Applications { items, more })
}
