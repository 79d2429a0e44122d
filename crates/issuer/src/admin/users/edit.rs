//! Edits of users: everything but the `sub`.

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::attributes::{self, AttributeFault, Changes};
use crate::accounts::{lockout, username};
use crate::admin::names::{self, Kind};
use crate::admin::patch::Patch;
use crate::admin::users::{Unique, UserView, check_email, check_full_name, terms};
use crate::admin::{Change, Fault, Faults, Operation, Reading, Refused, require_version};
use crate::audit::{Action, Object};
use crate::oauth::plain_text::is_plain_text;
use crate::oauth::standard_claims::{StandardClaims, TEXT_CLAIMS};
use crate::store::attributes::{self as attribute_store, AttributeRow, Values};
use crate::store::users::{self, UserRow};
use crate::store::{StoreError, attempts, user_terms};

/// The longest id in another system, in characters.
const MAX_EXTERNAL_ID: usize = 255;

/// The changes of a user, as a JSON merge patch (RFC 7396).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct UserPatch {
    /// The username, which cannot be removed.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub username: Patch<String>,
    /// The address. A new one is not verified unless `email_verified` is set too.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub email: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub email_verified: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub external_id: Patch<String>,
    /// The standard claims by name. `null` for one of them removes it; `null` in place of all removes all.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    pub claims: Patch<BTreeMap<String, Option<String>>>,
    /// The declared attributes by name, each with a string, number or boolean, or a list of these. `null` in place of all removes all.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    pub attributes: Patch<Changes>,
}

impl UserPatch {
    /// Returns whether the patch changes only the address and the full name, which the help desk may change. Applications recognize people
    /// by the other fields, or give them rights by these.
    fn is_for_help_desk(&self) -> bool {
        let Self { username, email: _, email_verified, name: _, external_id, claims, attributes } = self;
        username.keeps() && email_verified.keeps() && external_id.keeps() && claims.keeps() && attributes.keeps()
    }
}

/// Returns the names and values of the standard claims that a user has, including the full name.
pub async fn claims(reading: &Reading<'_>, id: Uuid) -> Result<Vec<(&'static str, String)>, Refused> {
    let app = reading.permit(Operation::UserShow)?;
    let row = users::by_id(app.store.reader(), id).await?.ok_or_else(|| Refused::not_found("user", id))?;
    Ok(claims_of(&row))
}

pub(super) fn claims_of(row: &UserRow) -> Vec<(&'static str, String)> {
    let claims = StandardClaims::from_json(&row.claims);
    let value = |claim: &str| if claim == "name" { row.name.clone().unwrap_or_default() } else { claims.get(claim).to_owned() };
    TEXT_CLAIMS.iter().map(|claim| (*claim, value(claim))).filter(|(_, value)| !value.is_empty()).collect()
}

/// Sets standard claims of a user by name, the full name too; an empty value removes the claim. Returns the names and values of all claims
/// that the user has afterwards.
pub async fn set_claims(change: &mut Change<'_>, id: Uuid, values: &[(String, String)]) -> Result<Vec<(&'static str, String)>, Refused> {
    change.require(Operation::UserSetClaims)?;
    let claims = values.iter().map(|(claim, value)| (claim.clone(), Some(value.clone()))).collect();
    let after = edit(change, id, UserPatch { claims: Patch::Set(claims), ..UserPatch::default() }, None).await?;
    let row = users::by_id(&change.transaction, after.id).await?.ok_or_else(|| Refused::not_found("user", id))?;
    Ok(claims_of(&row))
}

/// Edits a user. An edit that changes nothing leaves the version as it is. Fails with [`Refused::Stale`] if the user's version is not
/// `expected_version`, and with [`Refused::Taken`] if another user has the username, the verified address or the external id.
pub async fn edit(change: &mut Change<'_>, id: Uuid, patch: UserPatch, expected_version: Option<i32>) -> Result<UserView, Refused> {
    change.require(Operation::UserEdit)?;
    if !patch.is_for_help_desk() {
        change.require(Operation::UserEditEverything)?;
    }
    let db = &change.transaction;
    let not_found = || Refused::not_found("user", id);
    if !patch.username.keeps() {
        // Counters are locked before users. The order of locks is stated in store/mod.rs.
        let username = users::by_id(db, id).await?.ok_or_else(not_found)?.username;
        if is_new_username(&patch, &username) {
            attempts::forget(db, &lockout::account_name(&username)).await?;
        }
    }
    let row = users::lock(db, id).await?.ok_or_else(not_found)?;
    change.require_over(&[id]).await?;
    require_version(row.version, expected_version)?;
    change.require_version(row.version)?;
    let before = UserView::read(db, row.clone(), change.now).await?;
    let declared = attribute_store::all(db).await?;
    let stored = attribute_store::of_users(db, std::iter::once(id)).await?.remove(&id).unwrap_or_default();
    let mut faults = Faults::default();
    let mut edited = apply(&row, &patch, &mut faults);
    let values = faults.keep(attribute_values(&declared, patch.attributes, &stored))?.unwrap_or_default();
    let renames = edited.username != row.username;
    let unique = Unique { username: Some(&*edited.username).filter(|_| renames), ..Unique::of_row(&edited) };
    faults.keep(unique.refuse_taken(change.app, db).await)?;
    faults.refuse()?;
    let changed = attributes::store(db, id, &values, false).await?;
    if edited == row && !changed {
        return Ok(before);
    }
    edited.version += 1;
    edited.updated_at = change.now;
    if renames {
        names::take(change, Kind::User, &edited.username, Some(id)).await?;
        names::retire(change, Kind::User, &row.username, Some(id)).await?;
    }
    if edited.email_verified && (!row.email_verified || edited.email != row.email) {
        // Applications let people in by a verified address. This comes last, so that nobody gives their password for an edit that is refused.
        change.require_recent()?;
        change.require_grant_to(&[id]).await?;
    }
    users::update(db, &edited).await.map_err(|error| match error {
        StoreError::Conflict(_) => Refused::Conflict(
            "username, email or external_id: expected values that nobody else has; another user was given the same at this moment"
                .to_owned(),
        ),
        other => other.into(),
    })?;
    user_terms::replace(db, id, &terms(&row), &terms(&edited)).await?;
    let after = UserView::read(db, edited, change.now).await?;
    change.record(Action::UserChanged, Object::User(id, &after.username), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Returns the new values of the attributes that `changes` names; to clear the field removes all values. `stored` are those that the user
/// has.
fn attribute_values(declared: &[AttributeRow], changes: Patch<Changes>, stored: &Values) -> Result<Values, Refused> {
    let changes = match changes {
        Patch::Keep => Changes::new(),
        Patch::Clear => stored.keys().map(|name| (name.clone(), None)).collect(),
        Patch::Set(changes) => changes,
    };
    let checked = attributes::check(&attributes::rules_of(declared)?, &changes, stored);
    checked.map_err(|faults| Refused::Invalid(faults.iter().map(attribute_fault).collect()))
}

pub(in crate::admin) fn attribute_fault(fault: &AttributeFault) -> Fault {
    Fault::new("attributes", format!("for {}: {}", fault.name, fault.expected)).of_member(&fault.name)
}

fn is_new_username(patch: &UserPatch, username: &str) -> bool {
    patch.username.given().flatten().is_some_and(|new| username::normalize(new) != username)
}

/// Returns `row` with the changes of `patch`. All that is wrong with them is among `faults`.
fn apply(row: &UserRow, patch: &UserPatch, faults: &mut Faults) -> UserRow {
    let mut row = row.clone();
    if let Some(username) = patch.username.given() {
        let typed = username.map_or("", String::as_str);
        match username::validate(typed) {
            Ok(username) => row.username = username,
            Err(error) => faults.add(Fault::new("username", error.to_string()).found(typed)),
        }
    }
    if let Some(email) = patch.email.given() {
        faults.extend(email.and_then(|email| check_email(email).err()));
        if email != row.email.as_ref() {
            row.email_verified = false;
            row.email = email.cloned();
        }
    }
    if let Some(verified) = patch.email_verified.given() {
        row.email_verified = verified.copied().unwrap_or_default();
    }
    if row.email_verified && row.email.is_none() {
        faults.add(Fault::new("email_verified", "false for a user without an email address"));
    }
    if let Some(name) = patch.name.given() {
        faults.extend(name.and_then(|name| check_full_name(name).err()));
        row.name = name.cloned();
    }
    if let Some(external_id) = patch.external_id.given() {
        faults.extend(external_id.and_then(|id| check_external_id(id).err()));
        row.external_id = external_id.cloned();
    }
    if let Some(claims) = patch.claims.given() {
        let mut all = claims.map_or_else(StandardClaims::default, |_| StandardClaims::from_json(&row.claims));
        faults.extend(claims.map(|claims| apply_claims(&mut all, &mut row.name, claims)).into_iter().flatten());
        row.claims = all.to_json();
    }
    row
}

pub(in crate::admin) fn check_external_id(id: &str) -> Result<(), Fault> {
    if !id.trim().is_empty() && id.chars().count() <= MAX_EXTERNAL_ID && is_plain_text(id) {
        return Ok(());
    }
    let expected = format!("1 to {MAX_EXTERNAL_ID} characters, none of them a control character, such as 00u1abcd");
    Err(Fault::new("external_id", expected).found(id))
}

/// Sets those of `claims`, and the full name, that `changes` names. Returns a fault for each that cannot be set.
pub(super) fn apply_claims(
    claims: &mut StandardClaims,
    name: &mut Option<String>,
    changes: &BTreeMap<String, Option<String>>,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (claim, value) in changes {
        let value = value.as_deref().unwrap_or_default();
        if let Err(error) = claims.set_with_name(name, claim, value) {
            let field = TEXT_CLAIMS.into_iter().find(|known| known == claim).unwrap_or("claims");
            let fault = Fault::new(field, error.to_string()).found(if field == "claims" { claim } else { value });
            faults.push(fault.at("/claims").of_member(claim));
        }
    }
    faults
}
