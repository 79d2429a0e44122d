//! A browser that has just signed out. A second click on "Sign out" makes the browser drop the answer to the first one, so the second answer must
//! show the same: the pages of the clients in which the person was signed in.

use crate::browser::Browser;
use crate::browser::session_store::{REPLACED_FOR, just_expired};
use crate::store::sessions;
use crate::web::error::page::PageError;

impl Browser {
    /// Returns the `sid` of the session that ended in this browser at most [`REPLACED_FOR`] seconds ago; `None` if none did.
    pub async fn just_signed_out(&self) -> Result<Option<String>, PageError> {
        let sid = match (self.kept().await?, &self.sent) {
            (Some(kept), _) => kept.sid,
            (None, Some(id)) => match just_expired(&self.app, id).await? {
                Some(row) => row.sid,
                None => return Ok(None),
            },
            (None, None) => return Ok(None),
        };
        let ended_at = sessions::by_sid(self.app.store.writer(), &sid).await?.and_then(|(row, _)| row.ended_at);
        Ok(ended_at.is_some_and(|at| self.app.now() - at <= REPLACED_FOR).then_some(sid))
    }
}
