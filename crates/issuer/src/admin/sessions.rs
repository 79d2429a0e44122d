//! Operations on sessions: browsers that are signed in at the issuer.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::session;
use crate::admin::{Access, Change, Lasting, Listing, Operation, Reading, Refused, Window};
use crate::audit::{Action, Object};
use crate::clock::{UnixSeconds, rfc3339};
use crate::store::sessions::{self, SessionRow};
use crate::store::{authorizations, users};

/// A session as administrators see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct SessionView {
    pub sid: String,
    pub username: String,
    pub address: String,
    pub user_agent: String,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: UnixSeconds,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub last_used_at: UnixSeconds,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: UnixSeconds,
}

fn view((row, username): (SessionRow, String)) -> SessionView {
    SessionView {
        sid: row.sid,
        username,
        address: row.address,
        user_agent: row.user_agent,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        expires_at: row.expires_at,
    }
}

/// Returns a page of the live sessions of a user, or of all users, newest first.
pub async fn list(reading: &Reading<'_>, user: Option<Uuid>, window: &Window) -> Result<Listing<SessionView>, Refused> {
    let app = reading.permit(if user.is_some() { Operation::SessionListOfUser } else { Operation::SessionList })?;
    let place = |cursor| place(cursor).ok_or_else(|| Refused::invalid("after", "the cursor of a previous page"));
    let after = window.after.as_deref().map(place).transpose()?;
    let rows = sessions::page(app.store.reader(), user, app.now(), after, window.limit + 1).await?;
    Ok(Listing::of(rows, window.limit, |(row, _)| format!("{}.{}", row.created_at, row.sid), view))
}

/// Parses a cursor of [`list`]: the time at which a session began, and its `sid`.
fn place(cursor: &str) -> Option<(UnixSeconds, &str)> {
    let (created_at, sid) = cursor.split_once('.')?;
    Some((created_at.parse().ok()?, sid))
}

/// Ends the session `sid`, with the authorizations that were given in it and do not outlive it. Fails with [`Refused::NotFound`] if
/// there is no such session, and with [`Refused::Conflict`] if it has already ended.
pub async fn end(change: &mut Change<'_>, sid: &str) -> Result<(), Refused> {
    change.require(Operation::SessionEnd)?;
    let (db, now) = (&change.transaction, change.now);
    let found = sessions::by_sid(db, sid).await?.ok_or_else(|| Refused::not_found("session", sid))?;
    let user = found.0.user_id;
    change.require_over(&[user]).await?;
    let is_live = found.0.expires_at > now;
    let session = view(found);
    let ended = if is_live { session::end_unrecorded(db, sid, user, now).await? } else { None };
    let Some(authorizations) = ended else {
        return Err(Refused::Conflict(format!("the session {sid} has already ended")));
    };
    let before = Lasting { view: &session, ended_at: None, authorizations_ended: None };
    let after = Lasting { view: &session, ended_at: Some(now), authorizations_ended: Some(authorizations) };
    change.record(Action::SessionEnded, Object::Session(sid, user), Some(&before), Some(&after)).await
}

/// Ends all sessions of `user`, with the authorizations that were given in them and do not outlive them, and refuses sign-ins that
/// are under way. Returns the number of sessions.
pub async fn end_all(change: &mut Change<'_>, user: Uuid) -> Result<usize, Refused> {
    change.require(Operation::SessionEndAll)?;
    let db = &change.transaction;
    let row = users::lock(db, user).await?.ok_or_else(|| Refused::not_found("user", user))?;
    change.require_over(&[user]).await?;
    let ended = session::end_all_sessions(db, user, change.actor, Action::UserSessionsEnded, change.now).await?;
    let remaining = authorizations::count_not_ended(db, user).await?;
    let before = Access { sessions: Some(ended.sessions), authorizations: remaining + ended.authorizations, ended: None };
    let after = Access { sessions: Some(0), authorizations: remaining, ended: Some(ended) };
    change.record(Action::UserSessionsEnded, Object::User(user, &row.username), Some(&before), Some(&after)).await?;
    Ok(ended.sessions)
}
