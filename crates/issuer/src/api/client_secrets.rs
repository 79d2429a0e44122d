//! `/api/v1/clients/{id}/secrets`: the secrets of a client.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::clients::{self, OldSecret, SecretView};
use crate::api::access::Access;
use crate::api::message::{Answer, Body, Name, done, shown, versioned};
use crate::api::version::Part;
use crate::clock::UnixSeconds;
use crate::web::error::problem::Problem;

/// The valid secrets of a client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientSecrets)]
pub struct SecretsBody {
    /// The newest first: 2 after a rotation.
    pub items: Vec<SecretView>,
}

/// What becomes of the current secret when a new one is made. Without members it stays valid until the next rotation.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = NewClientSecret)]
pub struct NewSecretBody {
    /// Seconds after which the current secret ends, up to 366 days.
    #[schema(required = false)]
    pub old_ends_in: Option<UnixSeconds>,
    /// `true` if the current secret ends at once.
    #[schema(required = false)]
    pub drop_previous: bool,
}

/// A new secret, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientSecret)]
pub struct SecretBody {
    pub client_id: String,
    pub client_secret: String,
}

pub(super) async fn list(access: Access, Name(id): Name<String>) -> Answer {
    let client = clients::show(&access.reading(), &id).await?;
    Ok(versioned(&Part { part: SecretsBody { items: client.secrets }, version: client.version }))
}

pub(super) async fn rotate(access: Access, Name(client_id): Name<String>, Body(body): Body<NewSecretBody>) -> Answer {
    let old = match (body.old_ends_in, body.drop_previous) {
        (Some(_), true) => return Err(Problem::of_member("#/old_ends_in".to_owned(), "expected nothing beside drop_previous")),
        (Some(seconds), false) => OldSecret::EndsIn(seconds),
        (None, true) => OldSecret::EndsNow,
        (None, false) => OldSecret::UntilNextRotation,
    };
    let id = client_id.clone();
    let client_secret = access.change(|change| Box::pin(async move { clients::rotate_secret(change, &id, old).await })).await?;
    Ok(shown(SecretBody { client_id, client_secret }))
}

pub(super) async fn end_old(access: Access, Name(id): Name<String>) -> Answer {
    access.change(|change| Box::pin(async move { clients::end_old_secrets(change, &id).await })).await?;
    Ok(done())
}
