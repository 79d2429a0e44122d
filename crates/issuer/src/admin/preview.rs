//! What a change would give to users and take from them. The change itself runs in a transaction that is undone, so that a preview obeys
//! every rule of the change and cannot differ from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::username;
use crate::admin::applications::{self, GroupUse};
use crate::admin::scope_losses::{Holders, ScopeLoss};
use crate::admin::{Change, Refused, Work};
use crate::app::App;
use crate::audit::Actor;
use crate::oauth::access::Access;
use crate::store::authorizations::{Standing, Which};
use crate::store::{ConnectionTrait, authorizations, client_groups, clients, groups, resources, roles, roll_back, scope_changes, users};

/// The largest number of users whose groups, roles and scopes are compared.
pub const EXAMINED: usize = 1000;
/// The largest number of users whom an effect names.
pub const NAMED: usize = 20;
/// The largest number of groups of a role whose members are looked for.
const CARRIERS: u64 = 1000;

/// The users whom a change concerns.
#[derive(Debug, Clone)]
pub enum Subject {
    /// The users who have this role, directly or through a group.
    Role(String),
    /// The members of this group.
    Group(String),
    /// The users with these usernames.
    Users(Vec<String>),
    /// The users who gave a client an authorization that can still be used, and the members of its groups.
    Client {
        /// The client id.
        id: String,
        /// The groups that the change gives to the client, whose members are concerned too.
        groups: Vec<String>,
        /// `true` if everyone may sign in to the client either before the change or after it, so that every user is concerned.
        everyone: bool,
    },
    /// The users who hold a scope of a resource that the change removes, by a role or in an authorization that can still be used.
    Resource {
        /// The identifier of the resource.
        identifier: String,
        /// The scopes that the change removes.
        removed: Vec<String>,
        /// `true` if the resource was open to any client and is not after the change, or is removed. Then everyone is concerned whose
        /// authorization may be used for the resource.
        closes: bool,
    },
}

/// The kinds of things that users gain and lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Group,
    Role,
    Scope,
    Client,
}

/// One thing that users would gain or lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Effect {
    /// `group`, `role`, `scope` or `client`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// The name of the group, role or scope, or the client id.
    pub name: String,
    /// `true` if the users would gain it, `false` if they would lose it.
    pub gained: bool,
    /// The number of users who would gain or lose it, of those who were examined.
    pub count: usize,
    /// The usernames of the first 20 of them.
    pub users: Vec<String>,
}

/// What a change would do to users. Nothing was changed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Preview {
    /// What users would gain and lose: groups first, then roles, scopes, and the clients that they may sign in to. Empty if nobody who was
    /// examined would gain or lose any of these, perhaps because everyone has it otherwise.
    pub effects: Vec<Effect>,
    /// The number of users whom the change concerns, at most 1,000.
    pub examined: usize,
    /// `false` if the change may concern more users or authorizations than were examined.
    pub complete: bool,
    /// The number of users who could no longer sign in to anything, because the change disables or deletes them.
    pub shut_out: usize,
    /// The number of live authorizations of these users that would end, or whose users could no longer use the client that changes.
    pub authorizations: usize,
    /// The number of other live authorizations of these users whose access tokens would be refused. A refresh token gets new ones.
    pub refused_tokens: usize,
    /// The clients that use a group which would be removed or renamed, at most 100. Those that are told of all groups are left out. Absent for
    /// other changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<Vec<GroupUse>>,
    /// The scopes that roles and clients would lose. Absent unless the change is one of a resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub scopes: Option<Vec<ScopeLoss>>,
}

impl Preview {
    /// Returns whether the change leaves to every user who was examined what they have, and lets all of them sign in.
    pub fn is_idle(&self) -> bool {
        self.effects.is_empty() && self.shut_out == 0
    }
}

/// The groups, roles and scopes that each user has.
type Holdings = BTreeMap<Uuid, BTreeSet<(Kind, String)>>;

/// Runs `work`, which calls operations, and returns its value and its effects on the users of `subject`. Nothing of it is kept.
pub async fn run<'a, T>(
    app: &'a App,
    actor: &'a Actor,
    subject: &Subject,
    work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>,
) -> Result<(T, Preview), Refused> {
    let mut change = Change::within(app, actor, app.store.begin().await?);
    let client = if let Subject::Client { id, .. } = subject { Some(id.as_str()) } else { None };
    let scopes = scopes_at_stake(&change, subject).await?;
    let given = match subject {
        Subject::Client { id, .. } => standing(&change, app, Which::Of(id)).await?,
        Subject::Resource { identifier, closes, .. } => {
            let named = closes.then_some(identifier.as_str());
            standing(&change, app, Which::Holding(&scopes, named)).await?
        }
        Subject::Role(_) | Subject::Group(_) | Subject::Users(_) => Vec::new(),
    };
    // Those who use the client count first; others fill up the number of those who are examined.
    let mut ids: BTreeSet<Uuid> = given.iter().map(|given| given.user_id).take(EXAMINED).collect();
    let mut others = concerned(&change.transaction, subject).await?;
    if matches!(subject, Subject::Client { everyone: true, .. }) {
        let rows = users::page(&change.transaction, Some(true), None, EXAMINED as u64 + 1).await?;
        others.extend(rows.into_iter().map(|row| row.id));
    }
    others.retain(|id| !ids.contains(id));
    let complete = given.len() <= EXAMINED && ids.len() + others.len() <= EXAMINED;
    ids.extend(others.into_iter().take(EXAMINED - ids.len()));
    let examined: Vec<Uuid> = ids.iter().copied().collect();
    let given = match subject {
        Subject::Client { .. } | Subject::Resource { .. } => given,
        _ if examined.is_empty() => given,
        _ => standing(&change, app, Which::By(&examined)).await?,
    };
    let complete = complete && given.len() <= EXAMINED;

    let (before, enabled) = holdings(&change.transaction, &ids, client).await?;
    let group = if let Subject::Group(name) = subject { groups::by_name(&change.transaction, name).await? } else { None };
    let uses = if let Some(group) = &group { applications::uses(&change.transaction, group).await? } else { Vec::new() };
    // The names are read before the change, because it may delete users.
    let usernames: BTreeMap<Uuid, String> = users::names(&change.transaction, ids.iter().copied()).await?.into_iter().collect();
    let holders = Holders::of(&change.transaction, &scopes, &given, EXAMINED).await?;
    let value = work(&mut change).await?;
    let losses = holders.losses(&Holders::of(&change.transaction, &scopes, &given, EXAMINED).await?, NAMED);
    let (after, still_enabled) = holdings(&change.transaction, &ids, client).await?;
    let these: Vec<Uuid> = given.iter().map(|given| given.id).collect();
    let left = standing(&change, app, Which::These(&these)).await?;
    let effects = effects(&usernames, &before, &after);
    let clients = match group {
        Some(old) => {
            let new = groups::by_ids(&change.transaction, std::iter::once(old.id)).await?.pop();
            Some(uses).filter(|_| new.is_none_or(|new| new.name != old.name))
        }
        None => None,
    };
    roll_back(change.transaction).await?;

    let lost = |user: &Uuid| {
        let Some(id) = client else { return false };
        let has = |held: &Holdings| held.get(user).is_some_and(|held| held.contains(&(Kind::Client, id.to_owned())));
        has(&before) && !has(&after)
    };
    let (authorizations, refused_tokens) = ended_and_refused(&given, &left, lost);
    let shut_out = enabled.difference(&still_enabled).count();
    let scopes = matches!(subject, Subject::Resource { .. }).then_some(losses);
    let preview = Preview { effects, examined: ids.len(), complete, shut_out, authorizations, refused_tokens, clients, scopes };
    Ok((value, preview))
}

/// Returns the authorizations `which` that can be used. Finds one more than are examined, if there are more.
async fn standing(change: &Change<'_>, app: &App, which: Which<'_>) -> Result<Vec<Standing>, Refused> {
    let idle = app.settings.refresh_idle_lifetime;
    Ok(authorizations::standing(&change.transaction, which, change.now, idle, EXAMINED as u64 + 1).await?)
}

/// Returns how many of the authorizations `before` a change can no longer be used after it, because they are not `left` or because their
/// user `lost` the client, and of how many others only the access tokens are refused.
fn ended_and_refused(before: &[Standing], left: &[Standing], lost: impl Fn(&Uuid) -> bool) -> (usize, usize) {
    let handles: BTreeMap<Uuid, &Option<Vec<u8>>> = left.iter().map(|left| (left.id, &left.grant_id)).collect();
    let (mut ended, mut refused) = (0, 0);
    for given in before {
        match handles.get(&given.id) {
            None => ended += 1,
            Some(_) if lost(&given.user_id) => ended += 1,
            // Their tokens hold the handle that they had. One that is not used yet is in no token.
            Some(handle) if **handle != given.grant_id && given.grant_id_used => refused += 1,
            Some(_) => {}
        }
    }
    (ended, refused)
}

/// Returns the users whom a change of `subject` concerns. Finds one more than are examined, if there are more.
async fn concerned(db: &impl ConnectionTrait, subject: &Subject) -> Result<BTreeSet<Uuid>, Refused> {
    let limit = EXAMINED as u64 + 1;
    match subject {
        Subject::Role(name) => holders_of(db, name).await,
        Subject::Resource { removed, .. } => {
            let mut ids = BTreeSet::new();
            for scope in removed {
                for role in scope_changes::roles_with(db, scope, CARRIERS).await? {
                    if ids.len() > EXAMINED {
                        return Ok(ids);
                    }
                    ids.extend(holders_of(db, &role).await?);
                }
            }
            Ok(ids)
        }
        Subject::Group(name) => match groups::by_name(db, name).await? {
            Some(group) => Ok(groups::members(db, group.id, None, limit).await?.into_iter().map(|row| row.id).collect()),
            None => Ok(BTreeSet::new()),
        },
        Subject::Client { id, groups: named, everyone: _ } => {
            let mut ids = BTreeSet::new();
            let new = client_groups::ids(db, named).await?.into_values();
            for group in client_groups::of(db, id).await?.into_iter().chain(new) {
                if ids.len() > EXAMINED {
                    break;
                }
                ids.extend(groups::members(db, group, None, limit).await?.into_iter().map(|row| row.id));
            }
            Ok(ids)
        }
        Subject::Users(names) if names.is_empty() => Ok(BTreeSet::new()),
        Subject::Users(names) => {
            let names: Vec<String> = names.iter().take(EXAMINED + 1).map(|name| username::normalize(name)).collect();
            Ok(users::keep_named(db, &names).await?.into_iter().map(|(id, _)| id).collect())
        }
    }
}

/// Returns the users who have the role `name`, directly or through a group. Stops soon after it has found more than are examined.
async fn holders_of(db: &impl ConnectionTrait, name: &str) -> Result<BTreeSet<Uuid>, Refused> {
    let limit = EXAMINED as u64 + 1;
    let mut ids: BTreeSet<Uuid> = roles::holders(db, name, None, limit).await?.into_iter().map(|row| row.id).collect();
    for group in groups::carrying(db, name, CARRIERS).await? {
        if ids.len() > EXAMINED {
            break;
        }
        ids.extend(groups::members(db, group.id, None, limit).await?.into_iter().map(|row| row.id));
    }
    Ok(ids)
}

/// Returns the scopes that roles or clients may lose by a change of `subject`: those that it removes, or all of a resource that it closes.
async fn scopes_at_stake(change: &Change<'_>, subject: &Subject) -> Result<Vec<String>, Refused> {
    let Subject::Resource { identifier, removed, closes } = subject else { return Ok(Vec::new()) };
    if !closes {
        return Ok(removed.clone());
    }
    let db = &change.transaction;
    let Some(resource) = resources::registered(db, identifier).await? else { return Ok(Vec::new()) };
    Ok(resources::scopes_of(db, std::iter::once(resource.id.as_str())).await?.into_iter().map(|scope| scope.name).collect())
}

/// Returns what each of the users `ids` has: of clients those that they may use through groups, and `client` also if everyone may use it or
/// if it is disabled. A disabled user keeps groups and roles, but has no scopes and clients, because nothing is given to them. The second value
/// are those of them who are enabled.
async fn holdings(db: &impl ConnectionTrait, ids: &BTreeSet<Uuid>, client: Option<&str>) -> Result<(Holdings, BTreeSet<Uuid>), Refused> {
    let rows = users::by_ids(db, ids.iter().copied()).await?;
    let all: BTreeSet<Uuid> = rows.iter().map(|row| row.id).collect();
    let enabled: BTreeSet<Uuid> = rows.into_iter().filter(|row| row.disabled_at.is_none()).map(|row| row.id).collect();
    let ids = || all.iter().copied();
    let mut roles_of = BTreeMap::<Uuid, BTreeSet<String>>::new();
    for (user, direct) in roles::of_users(db, ids()).await? {
        roles_of.entry(user).or_default().extend(direct);
    }
    for row in roles::through_groups(db, ids()).await? {
        roles_of.entry(row.user_id).or_default().insert(row.role);
    }
    let names: BTreeSet<&str> = roles_of.values().flatten().map(String::as_str).collect();
    let scopes = roles::scopes_of(db, names.into_iter()).await?;
    let mut holdings = Holdings::new();
    for (user, names) in groups::of_users(db, ids()).await? {
        holdings.entry(user).or_default().extend(names.into_iter().map(|name| (Kind::Group, name)));
    }
    for (user, client) in client_groups::of_users(db, enabled.iter().copied()).await? {
        holdings.entry(user).or_default().insert((Kind::Client, client));
    }
    if let Some(id) = client {
        for user in admitted(db, id, &enabled).await? {
            holdings.entry(user).or_default().insert((Kind::Client, id.to_owned()));
        }
    }
    for (user, names) in roles_of {
        let held = holdings.entry(user).or_default();
        let given = names.iter().filter_map(|role| scopes.get(role)).flatten();
        held.extend(given.filter(|_| enabled.contains(&user)).map(|scope| (Kind::Scope, scope.clone())));
        held.extend(names.into_iter().map(|name| (Kind::Role, name)));
    }
    Ok((holdings, enabled))
}

/// Returns those of the users `ids` who may sign in to the client `id` when it is enabled.
async fn admitted(db: &impl ConnectionTrait, id: &str, ids: &BTreeSet<Uuid>) -> Result<BTreeSet<Uuid>, Refused> {
    if clients::row(db, id).await?.is_some_and(|row| row.access() == Access::Everyone) {
        return Ok(ids.clone());
    }
    let (mut admitted, ids) = (BTreeSet::new(), ids.iter().copied().collect::<Vec<_>>());
    for group in client_groups::of(db, id).await? {
        admitted.extend(groups::members_among(db, group, &ids).await?);
    }
    Ok(admitted)
}

fn effects(usernames: &BTreeMap<Uuid, String>, before: &Holdings, after: &Holdings) -> Vec<Effect> {
    let none = BTreeSet::new();
    let mut users_of = BTreeMap::<(Kind, &str, bool), Vec<Uuid>>::new();
    let everyone: BTreeSet<&Uuid> = before.keys().chain(after.keys()).collect();
    for user in everyone {
        let (old, new) = (before.get(user).unwrap_or(&none), after.get(user).unwrap_or(&none));
        for (kind, name) in old.symmetric_difference(new) {
            let gained = new.contains(&(*kind, name.clone()));
            users_of.entry((*kind, name, gained)).or_default().push(*user);
        }
    }
    let effect = |((kind, name, gained), ids): ((Kind, &str, bool), Vec<Uuid>)| {
        let mut users: Vec<String> = ids.iter().take(NAMED).filter_map(|id| usernames.get(id).cloned()).collect();
        users.sort();
        Effect { kind, name: name.to_owned(), gained, count: ids.len(), users }
    };
    users_of.into_iter().map(effect).collect()
}
