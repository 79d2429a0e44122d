//! What users change of what is known about them: the standard claims of OpenID Connect.

use crate::app::App;
use crate::audit::{self, Actor, Event};
use crate::oauth::standard_claims::{ClaimError, StandardClaims};
use crate::store::users::{self, User};
use crate::store::{StoreError, commit};

/// New values of a user's claims, checked.
#[derive(Debug)]
pub struct Profile {
    name: Option<String>,
    claims: StandardClaims,
}

impl Profile {
    /// The profile of `user` with `changes`, which are names and values of claims. Claims that they do not name stay as they are.
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

/// Stores `profile` for `user`.
pub async fn change(app: &App, actor: &Actor, user: &User, profile: &Profile) -> Result<(), StoreError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    users::set_claims(&transaction, user.id, profile.name.as_deref(), &profile.claims.to_json(), now).await?;
    audit::record(&transaction, now, actor, Event::ProfileChanged { user: user.id }).await?;
    commit(transaction).await
}
