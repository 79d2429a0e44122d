//! Operations on sessions: browsers that are signed in at the issuer.

use serde::Serialize;
use uuid::Uuid;

use crate::accounts::session;
use crate::admin::{Change, Listing, Refused, Window};
use crate::app::App;
use crate::clock::{UnixSeconds, rfc3339};
use crate::store::sessions;

/// A session as administrators see it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct SessionView {
    pub sid: String,
    pub username: String,
    pub address: String,
    pub user_agent: String,
    #[serde(serialize_with = "rfc3339")]
    pub created_at: UnixSeconds,
    #[serde(serialize_with = "rfc3339")]
    pub last_used_at: UnixSeconds,
    #[serde(serialize_with = "rfc3339")]
    pub expires_at: UnixSeconds,
}

/// Returns a page of the live sessions of a user, or of all users, in the order of their `sid`.
pub async fn list(app: &App, user: Option<Uuid>, window: &Window) -> Result<Listing<SessionView>, Refused> {
    let rows = sessions::page(app.store.reader(), user, app.now(), window.after.as_deref(), window.limit + 1).await?;
    let view = |(row, username): (sessions::SessionRow, String)| SessionView {
        sid: row.sid,
        username,
        address: row.address,
        user_agent: row.user_agent,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        expires_at: row.expires_at,
    };
    Ok(Listing::of(rows, window.limit, |(row, _)| row.sid.clone(), view))
}

/// Ends the session `sid`, with the authorizations that were given in it and do not outlive it. Fails with [`Refused::NotFound`] if
/// there is no such live session.
pub async fn end(change: &mut Change<'_>, sid: &str) -> Result<(), Refused> {
    let ended = session::end_by_sid(&change.transaction, sid, change.actor, "session end", change.now).await?;
    if ended { Ok(()) } else { Err(Refused::not_found("live session", sid)) }
}

/// Ends all sessions of `user`, with the authorizations that were given in them and do not outlive them. Returns the number of
/// sessions.
pub async fn end_all(change: &mut Change<'_>, user: Uuid) -> Result<usize, Refused> {
    Ok(session::end_all_sessions(&change.transaction, user, change.actor, "session end", change.now).await?)
}
