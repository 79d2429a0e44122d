//! The import of users: a first pass over a file checks every line and writes nothing, and a second one writes.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use serde::Serialize;
use uuid::Uuid;

use super::administrators::Administrators;
use super::batch::{Batch, Refusal};
use super::catalogue::Catalogue;
use super::line::UserLine;
use super::plan::{Decision, ImportOptions, Kept, Step, folded, plan, plan_additions, verified_email};
use super::{ExportedUser, WholeUser};
use crate::accounts::session;
use crate::admin::users::terms;
use crate::admin::{Change, Fault, Operation, Reading, Refused, roles};
use crate::audit::{Action, Object};
use crate::store::users::{self, UserRow};
use crate::store::{ConnectionTrait, Inserts, StoreError, attributes, devices, groups as group_store, roles as role_store, user_terms};

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
    kept: Kept,
    /// The first and the last number of lines that follow each other and all add a user.
    additions: Vec<[u64; 2]>,
    /// The number of the last line that was checked.
    last: u64,
}

impl Import {
    /// Begins an import.
    pub async fn begin(reading: &Reading<'_>, options: ImportOptions) -> Result<Self, Refused> {
        let app = reading.permit(Operation::UserImport)?;
        let catalogue = Catalogue::read(app.store.reader()).await?;
        let (seen, hasher, administrators) = (HashSet::new(), RandomState::new(), Administrators::default());
        Ok(Self { options, catalogue, seen, hasher, administrators, kept: Kept::default(), additions: Vec::new(), last: 0 })
    }

    /// Checks lines that follow those that were checked before, and writes nothing. Returns the refused ones in order.
    pub async fn check(&mut self, reading: &Reading<'_>, batch: Batch) -> Result<(Counts, Vec<Refusal>), Refused> {
        let app = reading.permit(Operation::UserImport)?;
        let Batch { numbers, mut parsed, mut refused } = batch;
        for (_, line) in &mut parsed {
            let faults = self.repeated(line);
            line.faults.extend(faults);
        }
        let mut counts = Counts::default();
        for (number, decision) in plan(app.store.reader(), app, &self.catalogue, self.options, &parsed).await? {
            let Decision { step, mut faults, kept } = decision;
            self.kept += kept;
            // An address that is verified already for a user whom the line leaves as they are is found in the database.
            if let Step::Add(user) | Step::Update { after: user, .. } = &step {
                faults.extend(self.require_address_of_one(&user.row).err());
            }
            if !faults.is_empty() {
                refused.push(Refusal { line: number, faults });
                continue;
            }
            self.administrators.note(&self.catalogue, number, &step);
            match step {
                Step::Add(_) => counts.added += 1,
                Step::Update { .. } => counts.updated += 1,
                Step::Nothing => counts.unchanged += 1,
            }
        }
        if counts.updated + counts.unchanged == 0 && refused.is_empty() {
            match self.additions.last_mut() {
                Some(before) if before[1] == self.last => before[1] = numbers[1],
                _ => self.additions.push(numbers),
            }
        }
        self.last = numbers[1];
        if let Some((line, faults)) = self.administrators.refused(app.store.reader()).await? {
            counts.updated -= 1;
            refused.push(Refusal { line, faults });
        }
        refused.sort_by_key(|refusal| refusal.line);
        Ok((counts, refused))
    }

    /// Returns how much of what the checked lines say is not done.
    pub fn kept(&self) -> Kept {
        self.kept
    }

    /// Ends the first pass, and frees its memory.
    pub fn checked(&mut self) {
        self.seen = HashSet::new();
    }

    /// Notes the address of `row` if it is verified. Fails if an earlier line verifies it for somebody else.
    fn require_address_of_one(&mut self, row: &UserRow) -> Result<(), Fault> {
        match verified_email(row) {
            Some(email) if !self.seen.insert(self.hasher.hash_one(("email", folded(email)))) => {
                Err(Fault::new("email", "an address that no line before verifies for another user").found(email))
            }
            _ => Ok(()),
        }
    }

    /// Returns the faults of values that an earlier line has, too.
    fn repeated(&mut self, line: &UserLine) -> Vec<Fault> {
        let UserLine { username, id, external_id, .. } = line;
        let external_id = external_id.as_ref().and_then(Option::as_deref).map(str::to_owned);
        let username = Some(username.clone()).filter(|_| !line.is_faulty("username"));
        let values = [("username", username), ("id", id.map(|id| id.to_string())), ("external_id", external_id)];
        let mut faults = Vec::new();
        for (field, value) in values.into_iter().filter_map(|(field, value)| Some((field, value?))) {
            if !self.seen.insert(self.hasher.hash_one((field, &value))) {
                faults.push(Fault::new(field, "a value that no line before has").found(value));
            }
        }
        faults
    }

    /// Prepares lines for [`Import::write`], so that its transaction is short and the server's sign-ins wait less.
    pub async fn prepare(&self, reading: &Reading<'_>, batch: Batch) -> Result<Prepared, Refused> {
        let app = reading.permit(Operation::UserImport)?;
        let Batch { numbers, parsed, refused } = batch;
        if let Some(refusal) = refused.first() {
            return Err(changed_meanwhile(refusal));
        }
        // Users who exist may change until they are locked, so an update decides in its transaction. A user who is only added cannot: if
        // somebody else takes the name at this moment, the database refuses the insert.
        if self.options.update {
            return Ok(Prepared { numbers, work: PreparedWork::Undecided(parsed) });
        }
        let db = app.store.reader();
        let steps = if self.additions.iter().any(|[first, last]| *first <= numbers[0] && numbers[1] <= *last) {
            // The first pass found none of these users, nor anybody who has what must be unique. If that has changed since, the database
            // refuses the insert, so the second pass need not look again.
            plan_additions(db, app, &self.catalogue, self.options, &parsed).await?
        } else {
            plan(db, app, &self.catalogue, self.options, &parsed).await?
        };
        let (mut unchanged, mut added) = (0, Vec::new());
        for (number, decision) in steps {
            match accepted(number, decision)? {
                Step::Add(user) => added.push(*user),
                // Without the option `update` a change is refused.
                Step::Nothing | Step::Update { .. } => unchanged += 1,
            }
        }
        Ok(Prepared { numbers, work: PreparedWork::Additions { unchanged, additions: Additions::of(db, &self.catalogue, added) } })
    }

    /// Writes prepared lines. Fails if the database has changed since the lines were checked so that one is refused now.
    pub async fn write(&self, change: &mut Change<'_>, prepared: Prepared) -> Result<Counts, Refused> {
        change.require(Operation::UserImport)?;
        let Prepared { numbers, work } = prepared;
        let (counts, added) = match work {
            PreparedWork::Additions { unchanged, additions } => {
                let added = additions.run(change, numbers).await?;
                (Counts { added: added.len() as u64, updated: 0, unchanged }, added)
            }
            PreparedWork::Undecided(parsed) => self.write_undecided(change, numbers, &parsed).await?,
        };
        if counts.added + counts.updated > 0 {
            let after = Imported { counts, added: &added };
            let object = format!("lines {} to {}", numbers[0], numbers[1]);
            change.record(Action::UsersImported, Object::Named(&object), None, Some(&after)).await?;
        }
        Ok(counts)
    }

    /// Decides what to do with lines that may change users, and does it. Returns the ids of the users who were added.
    async fn write_undecided(
        &self,
        change: &mut Change<'_>,
        numbers: [u64; 2],
        parsed: &[(u64, UserLine)],
    ) -> Result<(Counts, Vec<Uuid>), Refused> {
        // The lock comes first. The order of locks is stated in store/mod.rs.
        let administrators = roles::lock_administrators(change).await?;
        // What is read here is written back, so nobody else may change it meanwhile, such as a user who chooses a new password.
        users::lock_all(&change.transaction, parsed.iter().map(|(_, line)| line.username.as_str())).await?;
        let (mut counts, mut added) = (Counts::default(), Vec::new());
        for (number, decision) in plan(&change.transaction, change.app, &self.catalogue, self.options, parsed).await? {
            match accepted(number, decision)? {
                Step::Add(user) => added.push(*user),
                Step::Update { before, after } => {
                    self.update(change, &before, *after).await?;
                    counts.updated += 1;
                }
                Step::Nothing => counts.unchanged += 1,
            }
        }
        counts.added = added.len() as u64;
        let ids = Additions::of(&change.transaction, &self.catalogue, added).run(change, numbers).await?;
        if counts.updated > 0 {
            administrators.require_one(change).await?;
        }
        Ok((counts, ids))
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
            let (was_typed, typed) = (before.typed.contains(name), after.typed.contains(name));
            if before.attributes.get(name) != after.attributes.get(name) || was_typed != typed {
                attributes::replace(db, id, name, after.attributes.get(name).unwrap_or(&none), typed).await?;
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
    work: PreparedWork,
}

/// Says what the import does with prepared lines.
enum PreparedWork {
    /// Users to add, beside a number of lines that change nothing.
    Additions { unchanged: u64, additions: Additions },
    /// Lines about which the transaction decides.
    Undecided(Vec<(u64, UserLine)>),
}

/// Users to add, with the statements that add them.
struct Additions {
    ids: Vec<Uuid>,
    inserts: Inserts,
}

impl Additions {
    fn of(db: &impl ConnectionTrait, catalogue: &Catalogue, mut added: Vec<WholeUser>) -> Self {
        let taken = |user: &mut WholeUser| (user.row.id, std::mem::take(&mut user.attributes), std::mem::take(&mut user.typed));
        let values: Vec<_> = added.iter_mut().map(taken).collect();
        let roles = added.iter().flat_map(|user| user.roles.iter().map(|role| (user.row.id, role.clone())));
        let group = |name: &String| catalogue.group(name);
        let members = added.iter().flat_map(|user| user.groups.iter().filter_map(group).map(|id| (id, user.row.id)));
        let terms = added.iter().flat_map(|user| terms(&user.row).into_iter().map(|term| (user.row.id, term)));
        let rows: Vec<&UserRow> = added.iter().map(|user| &user.row).collect();
        let mut inserts = Inserts::new(db);
        users::insert_all(&mut inserts, &rows);
        user_terms::insert_all(&mut inserts, terms);
        role_store::give_all(&mut inserts, roles);
        group_store::insert_members(&mut inserts, members);
        attributes::insert_all(&mut inserts, values.into_iter());
        Self { ids: rows.iter().map(|row| row.id).collect(), inserts }
    }

    /// Adds the users of the lines `numbers`. Returns their ids.
    async fn run(self, change: &Change<'_>, [first, last]: [u64; 2]) -> Result<Vec<Uuid>, Refused> {
        match self.inserts.run(&change.transaction).await {
            Ok(()) => Ok(self.ids),
            Err(StoreError::Conflict(_)) => Err(Refused::Conflict(format!(
                "the data have changed since the lines were checked, and a user of the lines {first} to {last} cannot be added any more; run \
                 the import again, which checks all lines and skips the users who were added"
            ))),
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns the step of a line that the first pass accepted. Fails if it is refused now.
fn accepted(line: u64, Decision { step, faults, .. }: Decision) -> Result<Step, Refused> {
    if faults.is_empty() { Ok(step) } else { Err(changed_meanwhile(&Refusal { line, faults })) }
}

fn changed_meanwhile(refusal: &Refusal) -> Refused {
    Refused::Conflict(format!("the data have changed since the lines were checked: {refusal}"))
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
