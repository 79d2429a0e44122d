//! The applications that a user may sign in to, and by which path, and those that use a group.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::admin::{Operation, Reading, Refused};
use crate::config::{CLI, DOCS};
use crate::oauth::access::Access;
use crate::store::client_groups::{self, UseRow};
use crate::store::groups::{self, GroupRow};
use crate::store::{ConnectionTrait, client_claims, roles};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GroupUse {
    pub client_id: String,
    pub client_name: String,
    /// `true` if the group is one of the client, which is told of it.
    pub assigned: bool,
    /// `true` if the members of the group may sign in because of it.
    pub admits: bool,
    /// The claims of the client whose group maps name the group.
    pub claims: Vec<String>,
    /// The prefix by which the client is told of the group.
    pub prefix: Option<String>,
}

impl GroupUse {
    /// Says how the client uses the group, as the rest of a sentence about the group.
    pub fn how(&self) -> String {
        let mut ways = Vec::new();
        match (self.assigned, self.admits) {
            (true, true) => ways.push("its members may sign in, and the client is told of it".to_owned()),
            (true, false) => ways.push("the client is told of it, and everyone may sign in".to_owned()),
            (false, _) => {}
        }
        match self.claims.as_slice() {
            [] => {}
            [claim] => ways.push(format!("the map of the claim {claim} names it")),
            claims => ways.push(format!("the maps of the claims {} name it", claims.join(", "))),
        }
        if let Some(prefix) = &self.prefix {
            ways.push(format!("the client is told of groups whose names begin with {prefix}"));
        }
        ways.join("; ")
    }
}

/// Returns the first 100 clients that use `group`, in the order of their ids. Those that are told of all groups are left out.
pub(super) async fn uses(db: &impl ConnectionTrait, group: &GroupRow) -> Result<Vec<GroupUse>, Refused> {
    let mut uses = BTreeMap::<String, GroupUse>::new();
    let mut with = |row: UseRow, note: fn(&mut GroupUse, bool, String)| {
        let UseRow { client_id, client_name, access, detail } = row;
        let new = GroupUse { client_id: client_id.clone(), client_name, assigned: false, admits: false, claims: Vec::new(), prefix: None };
        note(uses.entry(client_id).or_insert(new), access == Access::Groups.as_str(), detail);
    };
    for row in client_groups::of_group(db, group.id, LISTED).await? {
        with(row, |own, admits, _| (own.assigned, own.admits) = (true, admits));
    }
    for row in client_claims::mapping(db, group.id, LISTED).await? {
        with(row, |own, _, claim| own.claims.push(claim));
    }
    for row in client_groups::by_prefix_of(db, &group.name, LISTED).await? {
        with(row, |own, _, prefix| own.prefix = Some(prefix));
    }
    let mut uses: Vec<GroupUse> = uses.into_values().take(usize::try_from(LISTED).unwrap_or(usize::MAX)).collect();
    for own in &mut uses {
        own.claims.sort_unstable();
    }
    Ok(uses)
}

/// Returns the first 100 clients that use the group `name`, in the order of their ids. Those that are told of all groups are left out.
pub async fn of_group(reading: &Reading<'_>, name: &str) -> Result<Vec<GroupUse>, Refused> {
    let app = reading.permit(Operation::GroupShow)?;
    let db = app.store.reader();
    let group = groups::by_name(db, name).await?.ok_or_else(|| Refused::not_found("group", name))?;
    uses(db, &group).await
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
