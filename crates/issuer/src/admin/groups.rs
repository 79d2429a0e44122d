//! Operations on groups, which are named sets of users and may carry roles.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::username;
use crate::admin::member::MemberView;
use crate::admin::names::{self, Kind};
use crate::admin::search::{self, Total};
use crate::admin::{Change, Fault, Faults, Listing, Operation, Reading, Refused, Window, check_name, membership_history, roles};
use crate::audit::{Action, Object};
use crate::clock::{UnixSeconds, rfc3339};
use crate::oauth::group_name;
use crate::oauth::plain_text::is_plain_text;
use crate::store::groups::{self, GroupRow};
use crate::store::{ConnectionTrait, client_groups, user_versions, users};

/// The largest number of users that one operation adds to a group or takes out of it.
pub const MAX_AT_ONCE: usize = 500;
/// The number of members up to which they are counted.
const COUNTED: u64 = 1000;

/// A group as administrators see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct GroupView {
    pub id: Uuid,
    pub name: String,
    pub display_name: Option<String>,
    pub external_id: Option<String>,
    pub roles: Vec<String>,
    /// `true` if the help desk may change the members.
    pub delegated: bool,
    /// `true` if each new user becomes a member.
    pub is_default: bool,
    pub version: i32,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: UnixSeconds,
}

impl GroupView {
    fn new(row: GroupRow, roles: Vec<String>) -> Self {
        let GroupRow { id, name, display_name, external_id, delegated, is_default, version, created_at, .. } = row;
        Self { id, name, display_name, external_id, roles, delegated, is_default, version, created_at }
    }

    async fn read(db: &impl ConnectionTrait, row: GroupRow) -> Result<Self, Refused> {
        let roles = groups::roles_of(db, std::iter::once(row.id)).await?.remove(&row.id).unwrap_or_default();
        Ok(Self::new(row, roles))
    }
}

/// A filter for the list of groups.
#[derive(Debug, Clone, Default)]
pub struct GroupFilter {
    /// Only groups that have a word for each word of this text, which is its beginning. `None`, or a blank text, for all.
    pub search: Option<String>,
}

/// Returns a page of the groups that match `filter`, in the order of their names, or of the words that a search found.
pub async fn list(reading: &Reading<'_>, filter: &GroupFilter, window: &Window) -> Result<Listing<GroupView>, Refused> {
    let app = reading.permit(Operation::GroupList)?;
    let db = app.store.reader();
    let page = if let Some(words) = search::words(filter.search.as_deref()) {
        let found = groups::find(db, &words, search::place(window)?, window.limit).await?;
        let rows = groups::by_ids(db, found.keys.iter().copied()).await?;
        search::page(found, rows, |row| row.id)
    } else {
        let rows = groups::page(db, window.after.as_deref(), window.limit + 1).await?;
        Listing::of(rows, window.limit, |row| row.name.clone(), |row| row)
    };
    Ok(Listing { items: views(db, page.items).await?, next: page.next })
}

/// Counts the groups that the words of `text` find, up to 1,000.
pub async fn count_found(reading: &Reading<'_>, text: &str) -> Result<Total, Refused> {
    let app = reading.permit(Operation::GroupList)?;
    search::count(text, async |words, most| groups::find(app.store.reader(), &words, None, most).await).await
}

async fn views(db: &impl ConnectionTrait, rows: Vec<GroupRow>) -> Result<Vec<GroupView>, Refused> {
    let mut roles = groups::roles_of(db, rows.iter().map(|row| row.id)).await?;
    let view = |row: GroupRow| {
        let roles = roles.remove(&row.id).unwrap_or_default();
        GroupView::new(row, roles)
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Returns the group `name`. Fails with [`Refused::NotFound`] if it does not exist.
pub async fn show(reading: &Reading<'_>, name: &str) -> Result<GroupView, Refused> {
    let app = reading.permit(Operation::GroupShow)?;
    let row = groups::by_name(app.store.reader(), name).await?;
    GroupView::read(app.store.reader(), row.ok_or_else(|| Refused::not_found("group", name))?).await
}

/// Returns a page of the members of the group `name`, in the order of their ids.
pub async fn members(reading: &Reading<'_>, name: &str, window: &Window) -> Result<Listing<MemberView>, Refused> {
    let app = reading.permit(Operation::GroupShow)?;
    let db = app.store.reader();
    let group = groups::by_name(db, name).await?.ok_or_else(|| Refused::not_found("group", name))?;
    let rows = groups::members(db, group.id, window.after_id()?, window.limit + 1).await?;
    Ok(Listing::of(rows, window.limit, |row| row.id.to_string(), MemberView::from))
}

/// Returns the groups of the user `id`, in the order of their names.
pub async fn of_user(reading: &Reading<'_>, id: Uuid) -> Result<Vec<GroupView>, Refused> {
    let app = reading.permit(Operation::GroupList)?;
    let db = app.store.reader();
    views(db, groups::of_user(db, id).await?).await
}

/// Returns the names of the first `limit` groups whose members the help desk may change, in alphabetical order.
pub async fn delegated(reading: &Reading<'_>, limit: u64) -> Result<Vec<String>, Refused> {
    let app = reading.permit(Operation::GroupList)?;
    Ok(groups::delegated(app.store.reader(), limit).await?)
}

/// Fails as a change of the members of `group` would if the actor is of the help desk and the group is not delegated to it.
pub fn require_open(reading: &Reading<'_>, group: &GroupView) -> Result<(), Refused> {
    if group.delegated || reading.is_by_administrator() { Ok(()) } else { Err(not_delegated(&group.name)) }
}

fn not_delegated(name: &str) -> Refused {
    Refused::Protected(format!("the group {name} is not delegated to the help desk; an administrator may do this"))
}

/// Counts the members of the group `name`, up to 1,000.
pub async fn count_members(reading: &Reading<'_>, name: &str) -> Result<u64, Refused> {
    let app = reading.permit(Operation::GroupShow)?;
    let db = app.store.reader();
    let group = groups::by_name(db, name).await?.ok_or_else(|| Refused::not_found("group", name))?;
    Ok(groups::count_members(db, group.id, COUNTED).await?)
}

/// The input for a new group, before it is checked.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names are those of the view")]
pub struct GroupDraft {
    pub name: String,
    pub display_name: Option<String>,
    pub external_id: Option<String>,
    pub roles: Vec<String>,
    pub delegated: bool,
    pub is_default: bool,
}

/// The changes of a group; `None` leaves a field as it is, and `Some(None)` removes its value.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names are those of the view")]
pub struct GroupPatch {
    pub name: Option<String>,
    pub display_name: Option<Option<String>>,
    pub external_id: Option<Option<String>>,
    pub roles: Option<Vec<String>>,
    pub delegated: Option<bool>,
    pub is_default: Option<bool>,
}

/// Checks what needs no rows.
fn check(name: &str, display_name: Option<&str>, external_id: Option<&str>) -> Result<(), Refused> {
    let mut faults = Vec::new();
    if !group_name::is_allowed(name) {
        let most = group_name::MAX_CHARS;
        let expected = format!(
            "1 to {most} visible characters without commas and without spaces at the ends, and none of the names new, . and .., such as on-call"
        );
        faults.push(Fault::new("name", expected).found(name));
    }
    if let Some(fault) = display_name.and_then(|name| check_name("display_name", name).err()) {
        faults.push(fault);
    }
    if external_id.is_some_and(|id| id.is_empty() || id.len() > 255 || !is_plain_text(id)) {
        faults.push(Fault::new("external_id", "1 to 255 bytes without control characters, such as 1042"));
    }
    if faults.is_empty() { Ok(()) } else { Err(Refused::Invalid(faults)) }
}

/// Refuses a name that another group than `own` has, in any spelling of upper and lower case, or had before.
async fn refuse_taken_name(change: &Change<'_>, name: &str, own: Option<Uuid>) -> Result<(), Refused> {
    let taken = groups::by_name(&change.transaction, name).await?.filter(|row| Some(row.id) != own);
    match taken {
        Some(row) => Err(Refused::taken("name", format!("there is a group {} already", row.name))),
        None => names::take(change, Kind::Group, name, own).await,
    }
}

/// Refuses the id of another group in the system that manages the groups.
async fn refuse_taken_external_id(change: &Change<'_>, external_id: Option<&str>, own: Option<Uuid>) -> Result<(), Refused> {
    let Some(external_id) = external_id else { return Ok(()) };
    let taken = groups::by_external_id(&change.transaction, external_id).await?.filter(|row| Some(row.id) != own);
    taken.map_or(Ok(()), |row| {
        Err(Refused::taken("external_id", format!("the external id {external_id} belongs to the group {}", row.name)))
    })
}

/// Adds a group without members. Its roles must exist.
pub async fn add(change: &mut Change<'_>, draft: GroupDraft) -> Result<GroupView, Refused> {
    change.require(Operation::GroupAdd)?;
    let GroupDraft { name, display_name, external_id, roles: named, delegated, is_default } = draft;
    let name = group_name::normalize(&name);
    roles::lock_administrators(change).await?;
    let db = &change.transaction;
    let mut faults = Faults::default();
    faults.keep(check(&name, display_name.as_deref(), external_id.as_deref()))?;
    let named = faults.keep(roles::existing(db, &named).await)?.unwrap_or_default();
    faults.keep(refuse_taken_name(change, &name, None).await)?;
    faults.keep(refuse_taken_external_id(change, external_id.as_deref(), None).await)?;
    faults.refuse()?;
    roles::refuse_administration(db, delegated || is_default, &named).await?;
    change.require_grant_of_roles(&named).await?;
    let id = change.app.clock.random_uuid();
    let folded_name = group_name::folded(&name);
    let row = GroupRow { id, name, folded_name, display_name, external_id, delegated, is_default, version: 0, created_at: change.now };
    groups::insert(db, row.clone()).await?;
    groups::replace_roles(db, id, &named).await?;
    let after = GroupView::new(row, named);
    change.record(Action::GroupAdded, Object::Group(id, &after.name), None, Some(&after)).await?;
    Ok(after)
}

/// Locks the group `name` and returns its row and view.
async fn lock(change: &Change<'_>, name: &str) -> Result<(GroupRow, GroupView), Refused> {
    let row = groups::lock(&change.transaction, name).await?.ok_or_else(|| Refused::not_found("group", name))?;
    let view = GroupView::read(&change.transaction, row.clone()).await?;
    Ok((row, view))
}

/// Increments the versions of the users and clients that show the name of the group. They are locked before the group, as everywhere.
async fn count_change_of_those_who_name(change: &Change<'_>, name: &str) -> Result<(), Refused> {
    user_versions::renew_of_members(&change.transaction, name).await?;
    Ok(client_groups::count_change_of_clients(&change.transaction, name).await?)
}

/// Changes a group. A name that it gives up is never given to another group. Fails with [`Refused::Conflict`] if no administrator would
/// remain.
pub async fn edit(change: &mut Change<'_>, name: &str, patch: GroupPatch) -> Result<GroupView, Refused> {
    change.require(Operation::GroupEdit)?;
    let administrators = roles::lock_administrators(change).await?;
    if patch.name.as_deref().is_some_and(|new| group_name::normalize(new) != name) {
        count_change_of_those_who_name(change, name).await?;
    }
    let (row, before) = lock(change, name).await?;
    change.require_version(before.version)?;
    let db = &change.transaction;
    let mut faults = Faults::default();
    let named = match patch.roles {
        Some(named) => faults.keep(roles::existing(db, &named).await)?.unwrap_or_default(),
        None => before.roles.clone(),
    };
    let name = patch.name.map_or(row.name, |name| group_name::normalize(&name));
    let new = GroupRow {
        folded_name: group_name::folded(&name),
        name,
        display_name: patch.display_name.unwrap_or(row.display_name),
        external_id: patch.external_id.unwrap_or(row.external_id),
        delegated: patch.delegated.unwrap_or(row.delegated),
        is_default: patch.is_default.unwrap_or(row.is_default),
        ..row
    };
    let after = GroupView::new(new.clone(), named);
    if after == before && faults.is_empty() {
        return Ok(before);
    }
    faults.keep(check(&new.name, new.display_name.as_deref(), new.external_id.as_deref()))?;
    if new.name != before.name {
        faults.keep(refuse_taken_name(change, &new.name, Some(new.id)).await)?;
    }
    if new.external_id != before.external_id {
        faults.keep(refuse_taken_external_id(change, new.external_id.as_deref(), Some(new.id)).await)?;
    }
    faults.refuse()?;
    roles::refuse_administration(db, new.delegated || new.is_default, &after.roles).await?;
    if new.folded_name != group_name::folded(&before.name) {
        names::retire(change, Kind::Group, &before.name, Some(new.id)).await?;
    }
    let takes_in_everyone = after.is_default && !before.is_default;
    let granted = after.roles.iter().filter(|role| takes_in_everyone || !before.roles.contains(role)).cloned().collect::<Vec<_>>();
    change.require_grant_of_roles(&granted).await?;
    groups::update(db, &new).await?;
    if after.roles != before.roles {
        groups::replace_roles(db, new.id, &after.roles).await?;
    }
    administrators.require_one(change).await?;
    let after = GroupView { version: before.version + 1, ..after };
    change.record(Action::GroupChanged, Object::Group(new.id, &after.name), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Removes a group, which its members lose with the roles that it carries. Its name is never given to another group. Fails with
/// [`Refused::Conflict`] if no administrator would remain.
pub async fn remove(change: &mut Change<'_>, name: &str) -> Result<GroupView, Refused> {
    change.require(Operation::GroupRemove)?;
    let administrators = roles::lock_administrators(change).await?;
    count_change_of_those_who_name(change, name).await?;
    let (row, before) = lock(change, name).await?;
    change.require_version(before.version)?;
    groups::remove(&change.transaction, row.id).await?;
    names::retire(change, Kind::Group, &before.name, None).await?;
    administrators.require_one(change).await?;
    change.record(Action::GroupRemoved, Object::Group(row.id, &before.name), Some(&before), None).await?;
    Ok(before)
}

/// The users whom an operation added to a group or took out of it, as the audit trail records them.
#[derive(Debug, Clone, Serialize)]
pub struct MembersChanged {
    /// The name of the group.
    pub group: String,
    /// Those who were no members before, by their ids.
    pub added: Vec<Uuid>,
    /// Those who were members before, by their ids.
    pub removed: Vec<Uuid>,
}

/// Makes the users `add` members of the group `name` and takes the users `remove` out of it, all by their usernames. A user in both lists
/// ends as no member. Fails with [`Refused::Conflict`] if no administrator would remain.
pub async fn change_members(change: &mut Change<'_>, name: &str, add: &[String], remove: &[String]) -> Result<MembersChanged, Refused> {
    change.require(Operation::GroupChangeMembers)?;
    if add.len() + remove.len() > MAX_AT_ONCE {
        return Err(Refused::invalid("members", format!("at most {MAX_AT_ONCE} users at once")));
    }
    let administrators = roles::lock_administrators(change).await?;
    let db = &change.transaction;
    // Users are locked before groups, as everywhere.
    let named: Vec<String> = add.iter().chain(remove).map(|name| username::normalize(name)).collect();
    let found = users::keep_named(db, &named).await?;
    let is_unknown = |name: &String| !found.iter().any(|(_, known)| known == name);
    let unknown = add.iter().chain(remove).zip(&named).filter(|(_, name)| is_unknown(name));
    let fault =
        |(typed, name): (&String, &String)| Fault::new("members", format!("usernames of users; there is no user {name}")).of_item(typed);
    let faults: Vec<Fault> = unknown.map(fault).collect();
    if !faults.is_empty() {
        return Err(Refused::Invalid(faults));
    }
    let (row, group) = lock(change, name).await?;
    change.require_version(row.version)?;
    if !row.delegated && !change.is_by_administrator() {
        return Err(not_delegated(name));
    }
    let all: Vec<Uuid> = found.iter().map(|(id, _)| *id).collect();
    change.require_over(&all).await?;
    let members = groups::members_among(db, row.id, &all).await?;
    let leaves = |username: &str| named[add.len()..].iter().any(|name| name == username);
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for (id, username) in &found {
        match (members.contains(id), leaves(username)) {
            (false, false) => added.push(*id),
            (true, true) => removed.push(*id),
            _ => (),
        }
    }
    if !added.is_empty() {
        change.require_grant_of_roles(&group.roles).await?;
    }
    let before = groups::of_users(db, all.iter().copied()).await?;
    groups::add_members(db, row.id, &added).await?;
    groups::remove_members(db, row.id, &removed).await?;
    user_versions::renew(db, &[&added[..], &removed].concat()).await?;
    let changed = MembersChanged { group: row.name, added, removed };
    if !changed.added.is_empty() || !changed.removed.is_empty() {
        administrators.require_one(change).await?;
        change.record(Action::GroupMembersChanged, Object::Group(row.id, &changed.group), None, Some(&changed)).await?;
        membership_history::record(change, &found, &before, &changed.group, [&changed.added, &changed.removed]).await?;
    }
    Ok(changed)
}

/// Refuses `names` unless every one is an existing group. Fails with all that are none.
pub(super) async fn existing(db: &impl ConnectionTrait, names: &[String]) -> Result<(), Refused> {
    let mut faults = Faults::default();
    for name in names {
        if groups::by_name(db, name).await?.is_none() {
            faults.add(unknown_group(name));
        }
    }
    faults.refuse()
}

fn unknown_group(name: &str) -> Fault {
    Fault::new("groups", format!("existing groups; there is no group {name}")).of_item(name)
}

/// Makes a new user a member of the default groups, and of `names`, which must exist.
pub(super) async fn join(db: &impl ConnectionTrait, user: Uuid, names: &[String]) -> Result<(), Refused> {
    let joined = groups::keep_defaults_and(db, names).await?;
    for name in names {
        if !joined.iter().any(|row| row.folded_name == group_name::folded(name)) {
            return Err(unknown_group(name).into());
        }
    }
    for group in joined {
        groups::add_members(db, group.id, &[user]).await?;
    }
    Ok(())
}
