//! Operations on the consents of users: what they allowed clients to do and to know.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts;
use crate::admin::{Change, Listing, Operation, Reading, Refused};
use crate::clock::{UnixSeconds, rfc3339};
use crate::store::consents::{self, Consent};
use crate::store::users;

/// A consent as administrators see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConsentView {
    /// The client that the user allowed something.
    pub client_id: String,
    /// The scopes, separated by spaces.
    pub scope: String,
    /// The ids of the resources that own no scopes and were allowed by name.
    pub resources: Vec<String>,
    /// The names of the claims that the user was shown beside those of the scopes.
    pub claims: Vec<String>,
    /// The time at which the user last gave the consent.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub given_at: UnixSeconds,
}

fn view(consent: Consent) -> ConsentView {
    let Consent { client_id, allowed, given_at } = consent;
    let (resources, claims) = (allowed.resources.into_iter().collect(), allowed.claims.into_iter().collect());
    ConsentView { client_id, scope: allowed.scope.to_string(), resources, claims, given_at }
}

/// Returns all consents of `user`, in the order of the names of the clients. Fails with [`Refused::NotFound`] if there is no such user.
pub async fn of_user(reading: &Reading<'_>, user: Uuid) -> Result<Listing<ConsentView>, Refused> {
    let db = reading.permit(Operation::ConsentListOfUser)?.store.reader();
    users::by_id(db, user).await?.ok_or_else(|| Refused::not_found("user", user))?;
    Ok(Listing::whole(consents::of_user(db, user).await?.into_iter().map(view).collect()))
}

/// Withdraws the consent of `user` to `client`, which ends all codes and authorizations that the user gave this client. Fails with
/// [`Refused::NotFound`] if there is no consent.
pub async fn withdraw(change: &mut Change<'_>, user: Uuid, client: &str) -> Result<(), Refused> {
    change.require(Operation::ConsentWithdraw)?;
    users::lock(&change.transaction, user).await?.ok_or_else(|| Refused::not_found("user", user))?;
    change.require_over(&[user]).await?;
    let withdrawn = accounts::consents::withdraw_within(&change.transaction, change.actor, user, client, change.now).await?;
    if withdrawn { Ok(()) } else { Err(Refused::not_found("consent", client)) }
}
