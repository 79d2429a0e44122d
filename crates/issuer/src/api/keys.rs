//! `/api/v1/keys`: the signing keys.

use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::keys::{self, KeyView};
use crate::api::access::Access;
use crate::api::message::{Answer, Name, shown};

/// All signing keys, in the order in which they sign.
#[derive(Debug, Serialize, ToSchema)]
pub struct Keys {
    pub items: Vec<KeyView>,
}

/// The key that signs after another was revoked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeyRevoked)]
pub struct Revoked {
    /// `null` if no key signs.
    pub active: Option<String>,
}

pub(super) async fn list(access: Access) -> Answer {
    Ok(shown(Keys { items: keys::list(&access.reading()).await? }))
}

pub(super) async fn publish(access: Access) -> Answer {
    let key = access.app().rotation().generate()?;
    Ok(shown(access.change(move |change| Box::pin(keys::publish(change, key))).await?))
}

pub(super) async fn revoke(access: Access, Name(kid): Name<String>) -> Answer {
    let spare = access.app().rotation().generate()?;
    let active = access.change(|change| Box::pin(async move { keys::revoke(change, &kid, spare).await })).await?;
    Ok(shown(Revoked { active }))
}
