//! Adds users one by one, with everything that an edit or an import can give them.

use std::collections::BTreeMap;

use crate::accounts::attributes::{self, Changes};
use crate::accounts::{policy, username};
use crate::admin::users::edit::{apply_claims, attribute_fault};
use crate::admin::users::{PasswordHash, Unique, UserRecord, UserView, check_email, check_external_id, check_full_name, terms};
use crate::admin::{Change, Fault, Faults, Operation, Reading, Refused, groups, roles};
use crate::app::App;
use crate::audit::{Action, Object};
use crate::oauth::standard_claims::StandardClaims;
use crate::store::attributes::{self as attribute_store, Values};
use crate::store::users::{self, UserRow};
use crate::store::{ConnectionTrait, roles as role_store, user_terms};

/// The input for a new user, before it is checked.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct UserDraft {
    pub username: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
    pub external_id: Option<String>,
    /// The standard claims by name. One without a value is left out.
    pub claims: BTreeMap<String, Option<String>>,
    /// The declared attributes by name, each with a string, number or boolean, or a list of these. One without a value is left out.
    pub attributes: Changes,
    pub roles: Vec<String>,
    /// The groups beside the default ones, by their names.
    pub groups: Vec<String>,
    /// `true` if the user cannot sign in until they are enabled.
    pub disabled: bool,
}

impl UserDraft {
    /// Returns the username, email address and name, from which the password must not be made.
    pub fn about(&self) -> Vec<&str> {
        policy::about(&self.username, self.email.as_deref(), self.name.as_deref())
    }
}

/// A user who passed all checks that do not need the database.
#[derive(Debug)]
pub struct NewUser {
    draft: UserDraft,
    claims: StandardClaims,
}

impl NewUser {
    /// Checks `draft`. Fails with all faults, not only the first.
    pub fn check(mut draft: UserDraft) -> Result<Self, Refused> {
        let mut faults = Vec::new();
        match username::validate(&draft.username) {
            Ok(username) => draft.username = username,
            Err(error) => faults.push(Fault::new("username", error.to_string()).found(&draft.username)),
        }
        faults.extend(draft.email.as_deref().and_then(|email| check_email(email).err()));
        if draft.email_verified && draft.email.is_none() {
            faults.push(Fault::new("email_verified", "false for a user without an email address"));
        }
        faults.extend(draft.name.as_deref().and_then(|name| check_full_name(name).err()));
        faults.extend(draft.external_id.as_deref().and_then(|id| check_external_id(id).err()));
        let mut claims = StandardClaims::default();
        faults.extend(apply_claims(&mut claims, &mut draft.name, &draft.claims));
        if faults.is_empty() { Ok(Self { draft, claims }) } else { Err(Refused::Invalid(faults)) }
    }

    /// Does what [`NewUser::check`] does, and fails also with the roles, groups and attributes that do not exist, and with what belongs to
    /// another user.
    pub async fn check_all(reading: &Reading<'_>, draft: UserDraft) -> Result<Self, Refused> {
        let app = reading.permit(Operation::UserList)?;
        let found = look_up(app, app.store.reader(), &draft).await;
        Faults::of_both(Self::check(draft), found).map(|(user, _)| user)
    }

    /// Returns the username, email address and name, from which the password must not be made.
    pub fn about(&self) -> Vec<&str> {
        self.draft.about()
    }
}

/// Looks up the attributes, roles and groups of `draft`, and returns the values of the attributes. Fails with all faults, and with what belongs
/// to another user.
async fn look_up(app: &App, db: &impl ConnectionTrait, draft: &UserDraft) -> Result<Values, Refused> {
    let mut faults = Faults::default();
    let username = username::normalize(&draft.username);
    let unique = Unique {
        own: None,
        username: Some(&username),
        verified_email: draft.email.as_deref().filter(|_| draft.email_verified),
        external_id: draft.external_id.as_deref(),
    };
    faults.keep(unique.refuse_taken(app, db).await)?;
    let rules = attributes::rules_of(&attribute_store::all(db).await?)?;
    let checked = attributes::check(&rules, &draft.attributes, &Values::new());
    let values = faults.keep(checked.map_err(|faults| Refused::Invalid(faults.iter().map(attribute_fault).collect())))?;
    faults.keep(roles::existing(db, &draft.roles).await)?;
    faults.keep(groups::existing(db, &draft.groups).await)?;
    faults.refuse()?;
    Ok(values.unwrap_or_default())
}

/// Adds a user with their roles and groups, which must exist. A user without a password cannot sign in with one until they open a link that
/// sets it. Fails with [`Refused::Taken`] if the username, the verified address or the external id is that of another user.
pub async fn add(change: &mut Change<'_>, user: NewUser, password: impl Into<Option<PasswordHash>>) -> Result<UserView, Refused> {
    change.require(Operation::UserAdd)?;
    let NewUser { draft, claims } = user;
    let db = &change.transaction;
    let values = look_up(change.app, db, &draft).await?;
    let UserDraft { username, email, email_verified, name, external_id, roles, groups, disabled, .. } = draft;
    let password = password.into();
    let record = password.as_ref().map(|password| password.record(change.now));
    let row = UserRow {
        id: change.app.clock.random_uuid(),
        username,
        email,
        email_verified,
        name,
        password_generated_at: password.as_ref().and_then(|password| password.generated_at(change.now)),
        password_set_at: password.as_ref().map(|_| change.now),
        password_hash: password.map(|password| password.phc),
        created_at: change.now,
        updated_at: change.now,
        disabled_at: disabled.then_some(change.now),
        claims: claims.to_json(),
        credential_version: 0,
        access_version: 0,
        external_id,
        last_sign_in_at: None,
        version: 0,
        imported_at: None,
    };
    let id = row.id;
    if !users::insert(db, row.clone()).await? {
        Unique::of_row(&row).refuse_taken(change.app, db).await?;
        return Err(Refused::overtaken());
    }
    user_terms::insert(db, id, terms(&row)).await?;
    attributes::store(db, id, &values, false).await?;
    for role in roles::existing(db, &roles).await? {
        role_store::give(db, id, &role).await?;
    }
    groups::join(db, id, &groups).await?;
    change.require_grant_to(&[id]).await?;
    let after = UserView::read(db, row, change.now).await?;
    let recorded = UserRecord { user: &after, password: record, ended: None };
    change.record(Action::UserAdded, Object::User(after.id, &after.username), None, Some(&recorded)).await?;
    Ok(after)
}
