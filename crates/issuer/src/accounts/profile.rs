//! Lets users change their own standard claims (OpenID Connect Core §5.1).

use crate::app::App;
use crate::audit::{self, Actor, Event};
use crate::oauth::standard_claims::{ClaimError, StandardClaims};
use crate::store::users::{self, User, UserRow};
use crate::store::{StoreError, commit, user_terms};

/// The claims of a user with their new values, which are checked.
#[derive(Debug)]
pub struct Profile {
    name: Option<String>,
    claims: StandardClaims,
}

impl Profile {
    /// Returns the profile of `user` with `changes`, pairs of a claim's name and its new value. Other claims stay as they are.
    /// Fails with the names and errors of all values that cannot be set.
    pub fn of<'c>(user: &User, changes: impl Iterator<Item = (&'c str, &'c str)>) -> Result<Self, Vec<(&'c str, ClaimError)>> {
        let mut profile = Self { name: user.name.clone(), claims: StandardClaims::from_json(&user.claims) };
        let mut faults = Vec::new();
        for (claim, value) in changes {
            match profile.claims.set_with_name(&mut profile.name, claim, value) {
                Ok(()) => {}
                Err(error) => faults.push((claim, error)),
            }
        }
        if faults.is_empty() { Ok(profile) } else { Err(faults) }
    }
}

/// Stores `profile` for `user`, and records the change in the audit trail.
pub async fn change(app: &App, actor: &Actor, user: &User, profile: &Profile) -> Result<(), StoreError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    // A user who was deleted meanwhile has no profile to change.
    let Some(before) = users::lock(&transaction, user.id).await? else { return Ok(()) };
    let version = before.version + 1;
    let after = UserRow { name: profile.name.clone(), claims: profile.claims.to_json(), updated_at: now, version, ..before.clone() };
    users::update(&transaction, &after).await?;
    let terms = |row: &UserRow| user_terms::of(&row.username, row.email.as_deref(), row.name.as_deref());
    user_terms::replace(&transaction, user.id, &terms(&before), &terms(&after)).await?;
    audit::record(&transaction, now, actor, Event::ProfileChanged { user: user.id }).await?;
    commit(transaction).await
}
