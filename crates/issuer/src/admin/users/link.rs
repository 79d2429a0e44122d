//! One-time links by which users set a password.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::password_link;
use crate::admin::{Change, Operation, Refused};
use crate::audit::{Action, Object};
use crate::clock::{UnixSeconds, rfc3339};
use crate::store::users;

/// A link that was made. It is shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordLink)]
pub struct MadeLink {
    /// The id of the user.
    pub id: Uuid,
    /// The username of the user.
    pub username: String,
    /// The URL that the user opens to set a password. Whoever has it can set the password.
    pub url: String,
    /// The time until which the link can be used.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: UnixSeconds,
}

/// The audit trail's record of a link.
#[derive(Serialize)]
struct Record {
    #[serde(serialize_with = "rfc3339")]
    expires_at: UnixSeconds,
}

/// Makes a link by which a user sets a password within 24 hours. The link before can no longer be used. Fails with [`Refused::Conflict`] if
/// the user is disabled.
pub async fn make_link(change: &mut Change<'_>, id: Uuid) -> Result<MadeLink, Refused> {
    change.require(Operation::UserLink)?;
    let db = &change.transaction;
    let row = users::lock(db, id).await?.ok_or_else(|| Refused::not_found("user", id))?;
    change.require_over(&[id]).await?;
    // Whoever has a link of an administrator can act as one.
    change.require_grant_to(&[id]).await?;
    if row.disabled_at.is_some() {
        return Err(Refused::Conflict(format!("the user {} is disabled; enable them first", row.username)));
    }
    let link = BASE64_URL_SAFE_NO_PAD.encode(change.app.clock.random_bytes::<32>());
    let expires_at = password_link::put(db, id, &link, change.is_by_administrator(), change.now).await?;
    change.record(Action::UserLinkMade, Object::User(id, &row.username), None, Some(&Record { expires_at })).await?;
    let url = change.app.settings.issuer.endpoint(&format!("{}?link={link}", password_link::PATH));
    Ok(MadeLink { id, username: row.username, url, expires_at })
}
