//! The import of users: a first pass over a file checks every line and writes nothing, and a second one writes.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::administrators::Administrators;
use super::catalogue::Catalogue;
use super::line::{MAX_LINE, UserLine};
use super::plan::{ImportOptions, Planned, Step, folded, plan, verified_email};
use super::{ExportedUser, WholeUser};
use crate::accounts::session;
use crate::admin::users::terms;
use crate::admin::{Change, Fault, Operation, Reading, Refused, roles};
use crate::audit::{Action, Object};
use crate::store::users::{self, UserRow};
use crate::store::{attributes, devices, groups as group_store, roles as role_store, user_terms};

/// The number of lines that are written in one transaction.
pub const BATCH: usize = 1000;

/// A line of a file, without its end.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Line {
    /// The number of the line, from 1.
    pub number: u64,
    pub text: Vec<u8>,
}

/// The reasons why a line is refused.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Refusal {
    pub line: u64,
    pub faults: Vec<Fault>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self.faults.iter().map(Fault::to_string).collect();
        write!(f, "line {}: {}", self.line, faults.join("; "))
    }
}

/// The numbers of users that an import adds, changes, and leaves as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Counts {
    pub added: u64,
    pub updated: u64,
    pub unchanged: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
    }
}

/// An import, with what it has seen of the file.
pub struct Import {
    options: ImportOptions,
    catalogue: Catalogue,
    /// Keyed hashes of the values that must not repeat in the file. Hashes of 8 bytes keep the memory small.
    seen: HashSet<u64>,
    hasher: RandomState,
    administrators: Administrators,
}

impl Import {
    /// Begins an import.
    pub async fn begin(reading: &Reading<'_>, options: ImportOptions) -> Result<Self, Refused> {
        let app = reading.permit(Operation::UserImport)?;
        let catalogue = Catalogue::read(app.store.reader()).await?;
        let (seen, hasher, administrators) = (HashSet::new(), RandomState::new(), Administrators::default());
        Ok(Self { options, catalogue, seen, hasher, administrators })
    }

    /// Checks up to [`BATCH`] lines that follow those that were checked before, and writes nothing. Returns the refused ones in order.
    pub async fn check(&mut self, reading: &Reading<'_>, lines: &[Line]) -> Result<(Counts, Vec<Refusal>), Refused> {
        let app = reading.permit(Operation::UserImport)?;
        let (mut parsed, mut refused) = parse(lines);
        parsed.retain(|(number, line)| {
            let faults = self.repeated(line);
            let is_new = faults.is_empty();
            refused.extend((!is_new).then_some(Refusal { line: *number, faults }));
            is_new
        });
        let mut counts = Counts::default();
        for (number, step) in plan(app.store.reader(), app, &self.catalogue, self.options, &parsed).await? {
            // An address that is verified already for a user whom the line leaves as they are is found in the database.
            let step = step.and_then(|step| match &step {
                Step::Add(user) | Step::Update { after: user, .. } => self.require_address_of_one(&user.row).map(|()| step),
                Step::Nothing => Ok(step),
            });
            if let Ok(step) = &step {
                self.administrators.note(&self.catalogue, number, step);
            }
            match step {
                Ok(Step::Add(_)) => counts.added += 1,
                Ok(Step::Update { .. }) => counts.updated += 1,
                Ok(Step::Nothing) => counts.unchanged += 1,
                Err(faults) => refused.push(Refusal { line: number, faults }),
            }
        }
        if let Some((line, faults)) = self.administrators.refused(app.store.reader()).await? {
            counts.updated -= 1;
            refused.push(Refusal { line, faults });
        }
        refused.sort_by_key(|refusal| refusal.line);
        Ok((counts, refused))
    }

    /// Ends the first pass, and frees its memory.
    pub fn checked(&mut self) {
        self.seen = HashSet::new();
    }

    /// Notes the address of `row` if it is verified. Fails if an earlier line verifies it for somebody else.
    fn require_address_of_one(&mut self, row: &UserRow) -> Result<(), Vec<Fault>> {
        match verified_email(row) {
            Some(email) if !self.seen.insert(self.hasher.hash_one(("email", folded(email)))) => {
                Err(vec![Fault::new("email", "an address that no line before verifies for another user").found(email)])
            }
            _ => Ok(()),
        }
    }

    /// Returns the faults of values that an earlier line has, too.
    fn repeated(&mut self, line: &UserLine) -> Vec<Fault> {
        let UserLine { username, id, external_id, .. } = line;
        let external_id = external_id.as_ref().and_then(Option::as_deref).map(str::to_owned);
        let values = [("username", Some(username.clone())), ("id", id.map(|id| id.to_string())), ("external_id", external_id)];
        let mut faults = Vec::new();
        for (field, value) in values.into_iter().filter_map(|(field, value)| Some((field, value?))) {
            if !self.seen.insert(self.hasher.hash_one((field, &value))) {
                faults.push(Fault::new(field, "a value that no line before has").found(value));
            }
        }
        faults
    }

    /// Reads up to [`BATCH`] lines again for [`Import::write`], so that its transaction is short and the server's sign-ins wait less.
    pub async fn prepare(&self, reading: &Reading<'_>, lines: &[Line]) -> Result<Prepared, Refused> {
        let app = reading.permit(Operation::UserImport)?;
        let (parsed, refused) = parse(lines);
        if let Some(refusal) = refused.first() {
            return Err(changed_meanwhile(refusal));
        }
        let numbers = [lines.first(), lines.last()].map(|line| line.map_or(0, |line| line.number));
        // Users who exist may change until they are locked, so an update decides in its transaction. A user who is only added cannot: if
        // somebody else takes the name at this moment, the database refuses the insert.
        let steps =
            if self.options.update { None } else { Some(plan(app.store.reader(), app, &self.catalogue, self.options, &parsed).await?) };
        Ok(Prepared { numbers, parsed, steps })
    }

    /// Writes prepared lines. Fails if the database has changed since the lines were checked so that one is refused now.
    pub async fn write(&self, change: &mut Change<'_>, prepared: Prepared) -> Result<Counts, Refused> {
        change.require(Operation::UserImport)?;
        let Prepared { numbers, parsed, steps } = prepared;
        // The lock comes first. The order of locks is stated in store/mod.rs.
        let administrators = if self.options.update { Some(roles::lock_administrators(change).await?) } else { None };
        let steps = if let Some(steps) = steps {
            steps
        } else {
            // What is read here is written back, so nobody else may change it meanwhile, such as a user who chooses a new password.
            users::lock_all(&change.transaction, parsed.iter().map(|(_, line)| line.username.as_str())).await?;
            plan(&change.transaction, change.app, &self.catalogue, self.options, &parsed).await?
        };
        let (mut counts, mut added) = (Counts::default(), Vec::new());
        for (number, step) in steps {
            match step {
                Ok(Step::Add(user)) => added.push(*user),
                Ok(Step::Update { before, after }) => {
                    self.update(change, &before, *after).await?;
                    counts.updated += 1;
                }
                Ok(Step::Nothing) => counts.unchanged += 1,
                Err(faults) => return Err(changed_meanwhile(&Refusal { line: number, faults })),
            }
        }
        counts.added = added.len() as u64;
        let ids: Vec<Uuid> = added.iter().map(|user| user.row.id).collect();
        self.add(change, added).await?;
        if let Some(administrators) = administrators.filter(|_| counts.updated > 0) {
            administrators.require_one(change).await?;
        }
        if counts.added + counts.updated > 0 {
            let after = Imported { counts, added: &ids };
            let object = format!("lines {} to {}", numbers[0], numbers[1]);
            change.record(Action::UsersImported, Object::Named(&object), None, Some(&after)).await?;
        }
        Ok(counts)
    }

    async fn add(&self, change: &Change<'_>, mut added: Vec<WholeUser>) -> Result<(), Refused> {
        let db = &change.transaction;
        let roles: Vec<_> = added.iter().flat_map(|user| user.roles.iter().map(|role| (user.row.id, role.clone()))).collect();
        let group = |name: &String| self.catalogue.group(name);
        let members: Vec<_> = added.iter().flat_map(|user| user.groups.iter().filter_map(group).map(|id| (id, user.row.id))).collect();
        let values = added.iter_mut().map(|user| (user.row.id, std::mem::take(&mut user.attributes))).collect();
        let terms: Vec<_> = added.iter().flat_map(|user| terms(&user.row).into_iter().map(|term| (user.row.id, term))).collect();
        users::insert_all(db, added.into_iter().map(|user| user.row).collect()).await?;
        user_terms::insert_all(db, terms.into_iter()).await?;
        role_store::give_all(db, roles).await?;
        group_store::insert_members(db, members).await?;
        Ok(attributes::insert_all(db, values).await?)
    }

    async fn update(&self, change: &Change<'_>, before: &WholeUser, mut after: WholeUser) -> Result<(), Refused> {
        let (db, id) = (&change.transaction, before.row.id);
        let is_other_password = before.row.password_hash != after.row.password_hash;
        let ends_access = is_other_password || before.row.disabled_at.is_none() && after.row.disabled_at.is_some();
        if ends_access || before.row.disabled_at != after.row.disabled_at {
            after.row.credential_version += 1;
        }
        users::replace(db, after.row.clone()).await?;
        user_terms::replace(db, id, &terms(&before.row), &terms(&after.row)).await?;
        for role in after.roles.difference(&before.roles) {
            role_store::give(db, id, role).await?;
        }
        for role in before.roles.difference(&after.roles) {
            role_store::take(db, id, role).await?;
        }
        for group in after.groups.difference(&before.groups).filter_map(|name| self.catalogue.group(name)) {
            group_store::add_members(db, group, &[id]).await?;
        }
        for group in before.groups.difference(&after.groups).filter_map(|name| self.catalogue.group(name)) {
            group_store::remove_members(db, group, &[id]).await?;
        }
        let none = Vec::new();
        for name in before.attributes.keys().chain(after.attributes.keys()) {
            if before.attributes.get(name) != after.attributes.get(name) {
                attributes::replace(db, id, name, after.attributes.get(name).unwrap_or(&none)).await?;
            }
        }
        if ends_access {
            session::end_all(db, id, change.actor, Action::UsersImported.name(), change.now).await?;
            if is_other_password {
                devices::forget(db, id, None).await?;
            }
        }
        let record = |user, password: &'static str| Replaced { user, password: Some(password).filter(|_| is_other_password) };
        let before = record(before.exported(&self.catalogue, false), "earlier");
        let after = record(after.exported(&self.catalogue, false), "imported");
        change.record(Action::UsersImported, Object::User(id, after.user.username), Some(&before), Some(&after)).await
    }
}

/// Lines that are ready to be written.
pub struct Prepared {
    /// The numbers of the first and the last line.
    numbers: [u64; 2],
    parsed: Vec<(u64, UserLine)>,
    /// The decision for each line; `None` if it is made in the transaction.
    steps: Option<Vec<Planned>>,
}

fn changed_meanwhile(refusal: &Refusal) -> Refused {
    Refused::Conflict(format!("the data have changed since the lines were checked: {refusal}"))
}

/// Waits between two transactions on SQLite, which has one writer at a time, for as long as the first held the lock (`held`), of which
/// `passed` is over. Otherwise the import would take the lock again before a sign-in that waits for it tries once more.
pub async fn make_room(reading: &Reading<'_>, held: Duration, passed: Duration) -> Result<(), Refused> {
    let app = reading.permit(Operation::UserImport)?;
    if app.settings.database_url.sqlite_file().is_some() {
        app.clock.sleep(held.saturating_sub(passed)).await;
    }
    Ok(())
}

/// The audit trail's record of some lines.
#[derive(Serialize)]
struct Imported<'a> {
    #[serde(flatten)]
    counts: Counts,
    #[serde(rename = "users_added")]
    added: &'a [Uuid],
}

/// The audit trail's record of a user whom a line changes.
#[derive(Serialize)]
struct Replaced<'u> {
    #[serde(flatten)]
    user: ExportedUser<'u>,
    /// The origin of the password; `None` if the line does not change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'static str>,
}

fn parse(lines: &[Line]) -> (Vec<(u64, UserLine)>, Vec<Refusal>) {
    let (mut parsed, mut refused) = (Vec::with_capacity(lines.len()), Vec::new());
    for Line { number, text } in lines {
        let too_long = || vec![Fault::new("line", format!("at most {MAX_LINE} bytes"))];
        let line = if text.len() > MAX_LINE { Err(too_long()) } else { UserLine::parse(text) };
        match line {
            Ok(line) => parsed.push((*number, line)),
            Err(faults) => refused.push(Refusal { line: *number, faults }),
        }
    }
    (parsed, refused)
}
