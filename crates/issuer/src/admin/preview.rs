//! What a change would give to users and take from them. The change itself runs in a transaction that is undone, so that a preview obeys
//! every rule of the change and cannot differ from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use crate::accounts::username;
use crate::admin::{Change, Refused, Work};
use crate::app::App;
use crate::audit::Actor;
use crate::store::{ConnectionTrait, groups, roles, roll_back, users};

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
}

/// The kinds of things that users gain and lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Group,
    Role,
    Scope,
}

/// One thing that users would gain or lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// The kind of the thing.
    pub kind: Kind,
    /// The name of the group, role or scope.
    pub name: String,
    /// `true` if the users gain it, `false` if they lose it.
    pub gained: bool,
    /// The number of users who gain or lose it, of those who were examined.
    pub count: usize,
    /// The usernames of the first 20 of them.
    pub users: Vec<String>,
}

/// The effects of a change on users.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// All effects, groups first, then roles, then scopes. Empty if nobody gains or loses anything, because everyone has it otherwise.
    pub effects: Vec<Effect>,
    /// The number of users whom the change concerns, at most 1,000.
    pub examined: usize,
    /// `false` if the change concerns more users than were examined.
    pub complete: bool,
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
    let mut ids = concerned(&change.transaction, subject).await?;
    let complete = ids.len() <= EXAMINED;
    while ids.len() > EXAMINED {
        ids.pop_last();
    }
    let before = holdings(&change.transaction, &ids).await?;
    // The names are read before the change, because it may delete users.
    let usernames: BTreeMap<Uuid, String> = users::names(&change.transaction, ids.iter().copied()).await?.into_iter().collect();
    let value = work(&mut change).await?;
    let after = holdings(&change.transaction, &ids).await?;
    let effects = effects(&usernames, &before, &after);
    roll_back(change.transaction).await?;
    Ok((value, Preview { effects, examined: ids.len(), complete }))
}

/// Returns the users whom a change of `subject` concerns. Finds one more than are examined, if there are more.
async fn concerned(db: &impl ConnectionTrait, subject: &Subject) -> Result<BTreeSet<Uuid>, Refused> {
    let limit = EXAMINED as u64 + 1;
    match subject {
        Subject::Role(name) => {
            let mut ids: BTreeSet<Uuid> = roles::holders(db, name, None, limit).await?.into_iter().map(|row| row.id).collect();
            for group in groups::carrying(db, name, CARRIERS).await? {
                if ids.len() > EXAMINED {
                    break;
                }
                ids.extend(groups::members(db, group.id, None, limit).await?.into_iter().map(|row| row.id));
            }
            Ok(ids)
        }
        Subject::Group(name) => match groups::by_name(db, name).await? {
            Some(group) => Ok(groups::members(db, group.id, None, limit).await?.into_iter().map(|row| row.id).collect()),
            None => Ok(BTreeSet::new()),
        },
        Subject::Users(names) => {
            let names: Vec<String> = names.iter().take(EXAMINED + 1).map(|name| username::normalize(name)).collect();
            Ok(users::keep_named(db, &names).await?.into_iter().map(|(id, _)| id).collect())
        }
    }
}

/// Returns what each of the users `ids` has. A disabled user has nothing, because nothing is given to them.
async fn holdings(db: &impl ConnectionTrait, ids: &BTreeSet<Uuid>) -> Result<Holdings, Refused> {
    let rows = users::by_ids(db, ids.iter().copied()).await?;
    let enabled: BTreeSet<Uuid> = rows.into_iter().filter(|row| row.disabled_at.is_none()).map(|row| row.id).collect();
    let ids = || enabled.iter().copied();
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
    for (user, names) in roles_of {
        let held = holdings.entry(user).or_default();
        held.extend(names.iter().filter_map(|role| scopes.get(role)).flatten().map(|scope| (Kind::Scope, scope.clone())));
        held.extend(names.into_iter().map(|name| (Kind::Role, name)));
    }
    Ok(holdings)
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
