//! Operations on authorizations, which users gave to clients.

use serde::Serialize;
use uuid::Uuid;

use crate::accounts::session;
use crate::admin::{Change, Listing, Refused, Window};
use crate::app::App;
use crate::audit::{self, Action, Event, Object};
use crate::clock::{UnixSeconds, rfc3339};
use crate::store::{authorization_codes, authorizations};

/// An authorization as administrators see it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct AuthorizationView {
    pub id: Uuid,
    pub username: String,
    pub client_id: String,
    pub scope: String,
    #[serde(serialize_with = "rfc3339")]
    pub signed_in_at: UnixSeconds,
    #[serde(serialize_with = "rfc3339")]
    pub last_used_at: UnixSeconds,
    #[serde(serialize_with = "rfc3339")]
    pub expires_at: UnixSeconds,
}

/// A filter for authorizations. An authorization must match every field that is set.
#[derive(Debug, Clone, Default)]
pub struct AuthorizationFilter {
    /// The authorizations of this user.
    pub user: Option<Uuid>,
    /// The authorizations given to this client.
    pub client: Option<String>,
}

/// Returns a page of the authorizations that can still be used, the latest first.
pub async fn list(app: &App, filter: &AuthorizationFilter, window: &Window) -> Result<Listing<AuthorizationView>, Refused> {
    let (user, client, idle) = (filter.user, filter.client.as_deref(), app.settings.refresh_idle_lifetime);
    let Ok(after) = window.after.as_deref().map(Uuid::try_parse).transpose() else {
        return Err(Refused::invalid("after", "the cursor of a previous page"));
    };
    let rows = authorizations::live(app.store.reader(), (user, client), app.now(), idle, after, window.limit + 1).await?;
    let view = |(row, username): (authorizations::AuthorizationRow, String)| AuthorizationView {
        id: row.id,
        username,
        client_id: row.client_id,
        scope: row.scope,
        signed_in_at: row.auth_time,
        last_used_at: row.refreshed_at,
        expires_at: row.expires_at,
    };
    Ok(Listing::of(rows, window.limit, |(row, _)| row.id.to_string(), view))
}

/// Ends the authorization `id`. Fails with [`Refused::NotFound`] if it does not exist or has already ended.
pub async fn end(change: &mut Change<'_>, id: Uuid) -> Result<(), Refused> {
    if !authorizations::end(&change.transaction, id, change.now).await? {
        return Err(Refused::not_found("live authorization", id));
    }
    change.record::<()>(Action::AuthorizationEnded, Object::Authorization(id), None, None).await
}

/// Ends all authorizations that match `filter`; returns their number. If the filter names only a user, the user's sessions end too,
/// because a browser that stays signed in could give the client a new authorization at once.
pub async fn end_all(change: &mut Change<'_>, filter: &AuthorizationFilter) -> Result<u64, Refused> {
    let (user, client, now) = (filter.user, filter.client.as_deref(), change.now);
    let db = &change.transaction;
    if let (Some(user), None) = (user, client) {
        return Ok(session::end_all(db, user, change.actor, "authorization end", now).await?);
    }
    authorization_codes::withdraw(db, user, client).await?;
    let count = authorizations::end_all(db, user, client, now).await?;
    audit::record(db, now, change.actor, Event::AuthorizationsEnded { user, client, count }).await?;
    Ok(count)
}
