//! Operations on authorizations, which users gave to clients.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::session;
use crate::admin::{Access, Change, Lasting, Listing, Operation, Reading, Refused, Window};
use crate::audit::{Action, EndedAccess, Object};
use crate::clock::{UnixSeconds, rfc3339};
use crate::store::authorization_codes;
use crate::store::authorizations::{self, AuthorizationRow};

/// An authorization as administrators see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct AuthorizationView {
    pub id: Uuid,
    pub username: String,
    pub client_id: String,
    pub scope: String,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub signed_in_at: UnixSeconds,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub last_used_at: UnixSeconds,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: UnixSeconds,
}

fn view((row, username): (AuthorizationRow, String)) -> AuthorizationView {
    AuthorizationView {
        id: row.id,
        username,
        client_id: row.client_id,
        scope: row.scope,
        signed_in_at: row.auth_time,
        last_used_at: row.refreshed_at,
        expires_at: row.expires_at,
    }
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
pub async fn list(reading: &Reading<'_>, filter: &AuthorizationFilter, window: &Window) -> Result<Listing<AuthorizationView>, Refused> {
    let app = reading.permit(if filter.user.is_some() { Operation::AuthorizationListOfUser } else { Operation::AuthorizationList })?;
    let (user, client, idle) = (filter.user, filter.client.as_deref(), app.settings.refresh_idle_lifetime);
    let Ok(after) = window.after.as_deref().map(Uuid::try_parse).transpose() else {
        return Err(Refused::invalid("after", "the cursor of a previous page"));
    };
    let rows = authorizations::live(app.store.reader(), (user, client), app.now(), idle, after, window.limit + 1).await?;
    Ok(Listing::of(rows, window.limit, |(row, _)| row.id.to_string(), view))
}

/// Ends the authorization `id`. Fails with [`Refused::NotFound`] if it does not exist, and with [`Refused::Conflict`] if it has
/// already ended.
pub async fn end(change: &mut Change<'_>, id: Uuid) -> Result<(), Refused> {
    change.require(Operation::AuthorizationEnd)?;
    let (db, now) = (&change.transaction, change.now);
    // Write before reading, because the statement locks the row. Ending changes no field of the view.
    let ended = authorizations::end(db, id, now).await?;
    let found = authorizations::by_id(db, id).await?.ok_or_else(|| Refused::not_found("authorization", id))?;
    if !ended {
        return Err(Refused::Conflict(format!("the authorization {id} has already ended")));
    }
    let user = found.0.user_id;
    change.require_over(&[user]).await?;
    let authorization = view(found);
    let object = Object::Authorization(id, user, &authorization.client_id);
    let before = Lasting { view: &authorization, ended_at: None, authorizations_ended: None };
    let after = Lasting { view: &authorization, ended_at: Some(now), authorizations_ended: None };
    change.record(Action::AuthorizationEnded, object, Some(&before), Some(&after)).await
}

/// Ends all authorizations that match `filter`; returns their number. If the filter names only a user, the user's sessions end too,
/// because a browser that stays signed in could give the client a new authorization at once.
pub async fn end_all(change: &mut Change<'_>, filter: &AuthorizationFilter) -> Result<u64, Refused> {
    change.require(if filter.user.is_some() { Operation::AuthorizationEndOfUser } else { Operation::AuthorizationEndAll })?;
    let (user, client, now) = (filter.user, filter.client.as_deref(), change.now);
    let db = &change.transaction;
    change.require_over(user.as_slice()).await?;
    let signs_out = user.filter(|_| client.is_none());
    let ended = if let Some(user) = signs_out {
        session::end_all(db, user, change.actor, Action::AuthorizationsEnded.name(), now).await?
    } else {
        authorization_codes::withdraw(db, user, client).await?;
        EndedAccess { sessions: 0, authorizations: authorizations::end_all(db, user, client, now).await? }
    };
    let before = Access { sessions: signs_out.map(|_| ended.sessions), authorizations: ended.authorizations, ended: None };
    let after = Access { sessions: signs_out.map(|_| 0), authorizations: 0, ended: Some(ended) };
    change.record(Action::AuthorizationsEnded, Object::Authorizations(user, client), Some(&before), Some(&after)).await?;
    Ok(ended.authorizations)
}
