//! Requests that a browser sent before it learned that its cookie has another id, or is gone, such as the second of two clicks. The old id
//! signs nobody in. For [`REPLACED_FOR`](session_store::REPLACED_FOR) seconds it tells how the browser goes on.

use crate::accounts::session::{self, SignedIn};
use crate::browser::Browser;
use crate::browser::session_store::{self, Kept};
use crate::store::sessions;
use crate::web::error::page::PageError;

/// How a browser stood before a password was compared.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct BeforeSignIn {
    pub(super) signed_in: bool,
}

impl Browser {
    /// Notes how the browser stands. Call it before the password is compared, so that [`Browser::sign_in`] sees a sign-out meanwhile.
    pub async fn before_sign_in(&self) -> Result<BeforeSignIn, PageError> {
        Ok(BeforeSignIn { signed_in: self.going_on().await?.is_some() })
    }

    /// Returns the session in which the browser goes on, with what is kept for it, as the database has it now; `None` if nobody is signed in
    /// there. Unlike [`Browser::signed_in`] it follows a cookie that was replaced, so a caller must know more than the cookie, or only end
    /// the session.
    pub async fn going_on(&self) -> Result<Option<(Kept, SignedIn)>, PageError> {
        let Some(kept) = self.last_kept().await? else { return Ok(None) };
        let found = session::find(&self.app, &kept.sid, &self.request).await?;
        Ok(found.map(|signed_in| (kept, signed_in)))
    }

    /// Returns the `sid` of the session that ended in this browser at most [`REPLACED_FOR`](session_store::REPLACED_FOR) seconds ago; `None`
    /// if none did.
    pub async fn just_signed_out(&self) -> Result<Option<String>, PageError> {
        let Some(Kept { sid, .. }) = self.last_kept().await? else { return Ok(None) };
        let ended_at = sessions::by_sid(self.app.store.writer(), &sid).await?.and_then(|(row, _)| row.ended_at);
        Ok(ended_at.is_some_and(|at| self.app.now() - at <= session_store::REPLACED_FOR).then_some(sid))
    }

    async fn last_kept(&self) -> Result<Option<Kept>, PageError> {
        match &self.sent {
            Some(id) => Ok(session_store::last(&self.app, id).await?),
            None => Ok(None),
        }
    }
}
