//! Lets users change their own standard claims (OpenID Connect Core §5.1), and those attributes of theirs that they may change.

use crate::accounts::attributes::{self, AttributeFault, Changes, is_editable, is_visible};
use crate::app::App;
use crate::audit::{self, Actor, Event};
use crate::oauth::standard_claims::{ClaimError, StandardClaims};
use crate::store::attributes::{self as attribute_store, AttributeRow, Values};
use crate::store::users::{self, User, UserRow};
use crate::store::{StoreError, commit, user_terms};

/// The claims of a user with their new values, which are checked.
#[derive(Debug)]
pub struct Profile {
    name: Option<String>,
    claims: StandardClaims,
}

impl Profile {
    /// Returns the profile of `user` with `changes`, pairs of a claim's name and its new value as it was typed, of which the spaces at the
    /// ends are left out. Other claims stay as they are.
    /// Fails with the names and errors of all values that cannot be set.
    pub fn of<'c>(user: &User, changes: impl Iterator<Item = (&'c str, &'c str)>) -> Result<Self, Vec<(&'c str, ClaimError)>> {
        let mut profile = Self { name: user.name.clone(), claims: StandardClaims::from_json(&user.claims) };
        let mut faults = Vec::new();
        for (claim, value) in changes {
            match profile.claims.set_with_name(&mut profile.name, claim, value.trim()) {
                Ok(()) => {}
                Err(error) => faults.push((claim, error)),
            }
        }
        if faults.is_empty() { Ok(profile) } else { Err(faults) }
    }
}

/// An attribute that people see of themselves, with the values of one user.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct OwnAttribute {
    pub row: AttributeRow,
    pub values: Vec<String>,
    /// `true` if the user may change the values.
    pub editable: bool,
}

/// Returns the attributes that `user` sees of themselves, in the order of their names.
pub async fn own_attributes(app: &App, user: &User) -> Result<Vec<OwnAttribute>, StoreError> {
    let db = app.store.reader();
    let mut values = attribute_store::of_users(db, std::iter::once(user.id)).await?.remove(&user.id).unwrap_or_default();
    let own = |row: AttributeRow| OwnAttribute { values: values.remove(&row.name).unwrap_or_default(), editable: is_editable(&row), row };
    Ok(attribute_store::all(db).await?.into_iter().filter(is_visible).map(own).collect())
}

/// Checks `changes` of attributes by the user that they concern, who has `own` and may change only some. Fails with all faults, not only
/// the first.
pub async fn check_attributes(
    app: &App,
    own: &[OwnAttribute],
    changes: &Changes,
) -> Result<Result<Values, Vec<AttributeFault>>, StoreError> {
    let mut declared = attribute_store::all(app.store.reader()).await?;
    declared.retain(is_editable);
    let before = own.iter().map(|own| (own.row.name.clone(), own.values.clone())).collect();
    Ok(attributes::check(&attributes::rules_of(&declared)?, changes, &before))
}

/// Stores `profile` and `values`, which were checked, for `user`, and records the change in the audit trail. An attribute that the user may
/// no longer change stays as it is.
pub async fn change(app: &App, actor: &Actor, user: &User, profile: &Profile, mut values: Values) -> Result<(), StoreError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    // A user who was deleted meanwhile has no profile to change.
    let Some(before) = users::lock(&transaction, user.id).await? else { return Ok(()) };
    let declared = attribute_store::all(&transaction).await?;
    values.retain(|name, _| declared.iter().any(|row| row.name == *name && is_editable(row)));
    attributes::store(&transaction, user.id, &values, true).await?;
    let version = before.version + 1;
    let after = UserRow { name: profile.name.clone(), claims: profile.claims.to_json(), updated_at: now, version, ..before.clone() };
    users::update(&transaction, &after).await?;
    let terms = |row: &UserRow| user_terms::of(&row.username, row.email.as_deref(), row.name.as_deref());
    user_terms::replace(&transaction, user.id, &terms(&before), &terms(&after)).await?;
    audit::record(&transaction, now, actor, Event::ProfileChanged { user: user.id }).await?;
    commit(transaction).await
}
