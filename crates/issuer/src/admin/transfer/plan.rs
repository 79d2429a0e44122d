//! Decides for each line of an import whether it adds a user, changes one, or does nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;
use uuid::Uuid;

use super::WholeUser;
use super::catalogue::Catalogue;
use super::line::UserLine;
use crate::accounts::methods::hashes::is_prepared;
use crate::admin::names::{self, Kind};
use crate::admin::users::verified_elsewhere;
use crate::admin::{Fault, Refused};
use crate::app::App;
use crate::clock::UnixSeconds;
use crate::oauth::standard_claims::StandardClaims;
use crate::store::attributes::Values;
use crate::store::users::{self, UserRow};
use crate::store::{ConnectionTrait, retired_names};

/// The permissions that the operator gives an import.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// Change users who exist.
    pub update: bool,
    /// Add and change users who hold a scope of administration.
    pub allow_admin: bool,
    /// Take a line with another id for the user who has its username, and leave the id of that user as it is.
    pub keep_ids: bool,
}

/// How much of what the lines say an import leaves as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The number of users who keep their id, although that of their line is another.
    pub ids: u64,
    /// The number of users who keep their password, because its hash was made here and that of their line was not.
    pub passwords: u64,
}

impl std::ops::AddAssign for Kept {
    fn add_assign(&mut self, other: Self) {
        self.ids += other.ids;
        self.passwords += other.passwords;
    }
}

/// The step that a line takes, if nothing is wrong with it.
pub(super) enum Step {
    Add(Box<WholeUser>),
    Update { before: Box<WholeUser>, after: Box<WholeUser> },
    Nothing,
}

/// The decision about one line of a file.
pub(super) struct Decision {
    pub(super) step: Step,
    /// All that is wrong. The line is refused unless this is empty.
    pub(super) faults: Vec<Fault>,
    /// How much of what the line says is not done.
    pub(super) kept: Kept,
}

/// The number of a line, with what is decided about it.
pub(super) type Planned = (u64, Decision);

/// What the database holds that concerns some lines.
#[derive(Default)]
struct Existing {
    by_id: HashMap<Uuid, WholeUser>,
    ids: HashMap<String, Uuid>,
    external: HashMap<String, Uuid>,
    /// The users with verified addresses, with their usernames, by [`folded`] addresses.
    verified: HashMap<String, (Uuid, String)>,
    retired: HashSet<String>,
    /// `true` if the username tells who is meant, where the id of a line is that of nobody.
    keep_ids: bool,
}

/// Returns those of `names` that belonged to somebody else.
async fn retired<'n>(db: &impl ConnectionTrait, app: &App, names: impl Iterator<Item = &'n str>) -> Result<HashSet<String>, Refused> {
    let hashes: Vec<(String, &str)> =
        names.flat_map(|name| names::hashes(app, Kind::User, name).into_iter().map(move |hash| (hash, name))).collect();
    let found = retired_names::among(db, "user", hashes.iter().map(|(hash, _)| hash.as_str())).await?;
    Ok(hashes.into_iter().filter(|(hash, _)| found.contains(hash)).map(|(_, name)| name.to_owned()).collect())
}

impl Existing {
    async fn read(db: &impl ConnectionTrait, app: &App, keep_ids: bool, lines: &[(u64, UserLine)]) -> Result<Self, Refused> {
        let mut rows = users::by_usernames(db, lines.iter().map(|(_, line)| line.username.as_str())).await?;
        let known: HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
        rows.extend(users::by_ids(db, lines.iter().filter_map(|(_, line)| line.id).filter(|id| !known.contains(id))).await?);
        let external = lines.iter().filter_map(|(_, line)| line.external_id.as_ref()?.as_deref());
        let external = users::by_external_ids(db, external).await?;
        let external = external.into_iter().filter_map(|row| Some((row.external_id?, row.id))).collect();
        let ids: HashMap<String, Uuid> = rows.iter().map(|row| (row.username.clone(), row.id)).collect();
        let new = lines.iter().map(|(_, line)| line.username.as_str()).filter(|name| !ids.contains_key(*name));
        let retired = retired(db, app, new).await?;
        let by_id: HashMap<Uuid, WholeUser> = WholeUser::read(db, rows).await?.into_iter().map(|user| (user.row.id, user)).collect();
        let mut existing = Self { by_id, ids, external, retired, keep_ids, verified: HashMap::new() };
        // A line that does not say that the address is verified either leaves it as it is, or takes away that it is verified.
        let claimed = lines.iter().map(|(_, line)| line).filter(|line| line.email_verified == Some(true));
        let stored = |line| existing.of(line).ok().flatten().and_then(|user| user.row.email.as_deref());
        let emails = claimed.filter_map(|line| line.email.as_ref().map_or_else(|| stored(line), Option::as_deref));
        let verified = users::by_verified_emails(db, emails).await?.into_iter();
        existing.verified = verified.filter_map(|row| Some((folded(&row.email?), (row.id, row.username)))).collect();
        Ok(existing)
    }

    /// Returns the user that the line is about, if they exist.
    fn of(&self, line: &UserLine) -> Result<Option<&WholeUser>, Fault> {
        let named = self.ids.get(&line.username).and_then(|id| self.by_id.get(id));
        match (line.id.and_then(|id| self.by_id.get(&id)), named) {
            (Some(user), _) if user.row.username != line.username => {
                let expected = format!("{}, which is the username of the user with this id; an import renames nobody", user.row.username);
                Err(Fault::new("username", expected))
            }
            (Some(user), _) => Ok(Some(user)),
            (None, Some(user)) if line.id.is_some() && !self.keep_ids => {
                let expected = format!(
                    "{}, which is the id of the user with this username; with `signet user import --keep-ids` they keep it",
                    user.row.id
                );
                Err(Fault::new("id", expected))
            }
            (None, named) => Ok(named),
        }
    }
}

/// Returns the address of a user if it is verified.
pub(super) fn verified_email(row: &UserRow) -> Option<&str> {
    row.email.as_deref().filter(|_| row.email_verified)
}

/// Returns the form in which two spellings of one address are the same.
pub(super) fn folded(email: &str) -> String {
    email.to_lowercase()
}

/// Decides what to do with each of `lines`.
pub(super) async fn plan(
    db: &impl ConnectionTrait,
    app: &App,
    catalogue: &Catalogue,
    options: ImportOptions,
    lines: &[(u64, UserLine)],
) -> Result<Vec<Planned>, Refused> {
    let existing = Existing::read(db, app, options.keep_ids, lines).await?;
    Ok(steps(app, &existing, catalogue, options, lines))
}

/// Decides as [`plan`] does for lines that concern nobody who exists, so that only retired names are looked up.
pub(super) async fn plan_additions(
    db: &impl ConnectionTrait,
    app: &App,
    catalogue: &Catalogue,
    options: ImportOptions,
    lines: &[(u64, UserLine)],
) -> Result<Vec<Planned>, Refused> {
    let retired = retired(db, app, lines.iter().map(|(_, line)| line.username.as_str())).await?;
    let existing = Existing { retired, ..Existing::default() };
    Ok(steps(app, &existing, catalogue, options, lines))
}

fn steps(app: &App, existing: &Existing, catalogue: &Catalogue, options: ImportOptions, lines: &[(u64, UserLine)]) -> Vec<Planned> {
    let now = app.now();
    let planned = |(number, line): &(u64, UserLine)| {
        let decision = match existing.of(line) {
            Ok(before) => decide(app, existing, catalogue, options, (before, line), now),
            // Nobody knows whom the line means, so only what is wrong with anybody is told.
            Err(fault) => {
                let none = BTreeSet::new();
                let unknown = catalogue.unknown(line.roles.as_ref().unwrap_or(&none), line.groups.as_ref().unwrap_or(&none));
                let of_database = std::iter::once(fault).chain(unknown).collect();
                Decision { step: Step::Nothing, faults: all_faults(line, of_database), kept: Kept::default() }
            }
        };
        (*number, decision)
    };
    lines.iter().map(planned).collect()
}

/// Returns what is wrong with `line` itself, and those of the faults `of_database` that do not follow from it.
fn all_faults(line: &UserLine, mut of_database: Vec<Fault>) -> Vec<Fault> {
    if line.faults.is_empty() {
        return of_database;
    }
    // A field that could not be read is absent, and what it would have changed is not known.
    of_database.retain(|fault| {
        let depends_on = match fault.field {
            "email_verified" => "email",
            "typed_attributes" => "attributes",
            own => own,
        };
        !line.is_faulty(fault.field) && !line.is_faulty(depends_on)
    });
    line.faults.iter().cloned().chain(of_database).collect()
}

/// Decides about `line`, which is about the user `before` if they exist.
fn decide(
    app: &App,
    existing: &Existing,
    catalogue: &Catalogue,
    options: ImportOptions,
    (before, line): (Option<&WholeUser>, &UserLine),
    now: UnixSeconds,
) -> Decision {
    let is_other = |id: Uuid| before.is_some_and(|before| before.row.id != id);
    let ids = u64::from(line.id.is_some_and(is_other));
    let none = Values::new();
    let stored = before.map_or(&none, |before| &before.attributes);
    let mut faults = Vec::new();
    if before.is_none() && existing.retired.contains(&line.username) {
        let expected = format!("another name; {} belonged to another user, and `signet user release-name` releases it", line.username);
        faults.push(Fault::new("username", expected));
    }
    let attributes = match line.attributes.as_ref().map(|given| catalogue.values(given, stored)).transpose() {
        Ok(attributes) => attributes,
        Err(wrong) => {
            faults.extend(wrong);
            None
        }
    };
    let new = || WholeUser {
        row: blank(line.id.unwrap_or_else(|| app.clock.ordered_uuid()), line, now),
        roles: BTreeSet::new(),
        groups: catalogue.default_groups(),
        attributes: BTreeMap::new(),
        typed: BTreeSet::new(),
    };
    let mut after = before.cloned().unwrap_or_else(new);
    let kept = Kept { ids, passwords: u64::from(!apply(line, &mut after.row, now)) };
    after.roles = line.roles.clone().unwrap_or(after.roles);
    after.groups = line.groups.clone().unwrap_or(after.groups);
    after.attributes = attributes.unwrap_or(after.attributes);
    match &line.typed_attributes {
        Some(typed) => after.typed.clone_from(typed),
        // A value that the import sets was typed by nobody.
        None => after.typed.retain(|name| after.attributes.get(name) == stored.get(name)),
    }
    // A name whose value is refused has its fault already.
    let has_value =
        |name: &String| after.attributes.contains_key(name) || line.attributes.as_ref().is_some_and(|given| given.contains_key(name));
    if let Some(name) = after.typed.iter().find(|name| !has_value(name)) {
        faults.push(Fault::new("typed_attributes", "names of attributes of which the user has values").found(name));
    }
    if before != Some(&after) {
        faults.extend(faults_of(existing, catalogue, options, before, &after));
    }
    let step = match before {
        None => Step::Add(Box::new(after)),
        Some(before) if *before == after => Step::Nothing,
        Some(before) => {
            after.row.updated_at = now;
            after.row.version += 1;
            Step::Update { before: Box::new(before.clone()), after: Box::new(after) }
        }
    };
    Decision { step, faults: all_faults(line, faults), kept }
}

/// Returns what stands against a change of the user `before`, or against a new user, to `after`.
fn faults_of(
    existing: &Existing,
    catalogue: &Catalogue,
    options: ImportOptions,
    before: Option<&WholeUser>,
    after: &WholeUser,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    faults.extend(catalogue.unknown(&after.roles, &after.groups));
    if after.row.email_verified && after.row.email.is_none() {
        faults.push(Fault::new("email_verified", "false for a user without an email address"));
    }
    if let Some(email) = verified_email(&after.row)
        && let Some((id, username)) = existing.verified.get(&folded(email))
        && *id != after.row.id
    {
        faults.push(Fault::new("email", verified_elsewhere(email, username)));
    }
    let external = after.row.external_id.as_ref().and_then(|id| existing.external.get(id));
    if external.is_some_and(|id| *id != after.row.id) {
        faults.push(Fault::new("external_id", "an id that no other user has"));
    }
    if before.is_some() && !options.update {
        faults.push(Fault::new("username", "a user who does not exist, or the data that they have; --update changes those who exist"));
    }
    let administers = |user: &WholeUser| catalogue.administering(&user.roles, &user.groups).map(|(field, name)| (field, name.to_owned()));
    if let Some((field, name)) = administers(after).or(before.and_then(administers)).filter(|_| !options.allow_admin) {
        let expected = "none with a scope of administration; --allow-admin adds and changes administrators";
        faults.push(Fault::new(field, expected).found(name));
    }
    faults
}

/// Returns the row of a new user, before the line is applied.
fn blank(id: Uuid, line: &UserLine, now: UnixSeconds) -> UserRow {
    UserRow {
        id,
        username: line.username.clone(),
        email: None,
        email_verified: false,
        name: None,
        password_hash: None,
        // The three times are those of the line for a new user alone. Later they are those of this issuer.
        created_at: line.created_at.unwrap_or(now),
        updated_at: line.updated_at.unwrap_or(now),
        last_sign_in_at: line.last_sign_in_at.flatten(),
        disabled_at: None,
        claims: StandardClaims::default().to_json(),
        password_generated_at: None,
        credential_version: 0,
        access_version: 0,
        external_id: None,
        version: 0,
        imported_at: Some(now),
        password_set_at: None,
    }
}

/// Sets what the line says of the columns of a user. Returns `false` if the user keeps a password in place of that of the line.
fn apply(line: &UserLine, row: &mut UserRow, now: UnixSeconds) -> bool {
    if let Some(email) = &line.email {
        if *email != row.email {
            row.email_verified = false;
        }
        row.email.clone_from(email);
    }
    row.email_verified = line.email_verified.unwrap_or(row.email_verified);
    if let Some(name) = &line.name {
        row.name.clone_from(name);
    }
    if let Some(id) = &line.external_id {
        row.external_id.clone_from(id);
    }
    if let Some(claims) = &line.claims {
        row.claims = claims.to_json();
    }
    match line.enabled {
        Some(true) => row.disabled_at = None,
        Some(false) => row.disabled_at = row.disabled_at.or(Some(now)),
        None => {}
    }
    let Some(hash) = &line.password_hash else { return true };
    // A hash that was made here is newer than one of another system, which a sign-in or the user replaced by it.
    let stored_here = row.password_hash.as_deref().is_some_and(is_prepared);
    if stored_here && !hash.as_deref().is_some_and(is_prepared) {
        return false;
    }
    if row.password_hash != *hash {
        row.password_set_at = hash.as_ref().map(|_| now);
    }
    row.password_hash.clone_from(hash);
    row.password_generated_at = line.password_generated_at.flatten();
    true
}
