//! What a browser has done while a request of it was under way, such as the second of two clicks. Such a request comes with an older cookie, or
//! with none, and that signs nobody in. But the cookie of the visitor comes with it, and leads to the row of the browser.

use uuid::Uuid;

use crate::accounts::browsers::{ThisBrowser, hash};
use crate::browser::Browser;
use crate::clock::UnixSeconds;
use crate::store::browsers::{self, BrowserRow};
use crate::store::sessions;
use crate::web::error::page::PageError;

/// For how many seconds a further click on "Sign out" is answered as the one that ended the session.
const SIGNED_OUT_FOR: UnixSeconds = 10;

/// How a browser stood before a password was compared.
#[derive(Debug, Clone)]
#[must_use]
pub struct BeforeSignIn {
    /// The session in which the browser had been signed in, if it was over already.
    pub(super) over: Option<String>,
}

impl Browser {
    /// Notes how the browser stands. Call it before the password is compared, so that [`Browser::sign_in`] sees a sign-out meanwhile.
    pub async fn before_sign_in(&self) -> Result<BeforeSignIn, PageError> {
        let Some(row) = self.row().await? else { return Ok(BeforeSignIn { over: None }) };
        let live = sessions::live(self.app.store.writer(), &row.sid, self.app.now()).await?.is_some();
        Ok(BeforeSignIn { over: (!live).then_some(row.sid) })
    }

    /// Returns the session in which this browser goes on, as the database has it now, with its user; `None` if nobody is signed in here. Unlike
    /// [`Browser::signed_in`] it asks for no cookie that is of this session, so it does not count as a use of it, and a caller must only end the
    /// session, and tell nothing of it.
    pub async fn going_on(&self) -> Result<Option<(String, Uuid)>, PageError> {
        let Some(row) = self.row().await? else { return Ok(None) };
        let live = sessions::live(self.app.store.writer(), &row.sid, self.app.now()).await?;
        Ok(live.map(|(session, user)| (session.sid, user.id)))
    }

    /// Returns the `sid` of the session that ended in this browser a moment ago; `None` if none did. The clock of the node that ended it may
    /// differ from the one of this node.
    pub async fn just_signed_out(&self) -> Result<Option<String>, PageError> {
        let Some(BrowserRow { sid, .. }) = self.row().await? else { return Ok(None) };
        let ended_at = sessions::by_sid(self.app.store.writer(), &sid).await?.and_then(|(row, _)| row.ended_at);
        let within = SIGNED_OUT_FOR + self.app.settings.clock_skew;
        Ok(ended_at.is_some_and(|at| (self.app.now() - at).abs() <= within).then_some(sid))
    }

    /// Returns this browser as its row is found. `None` if it sent no cookie of ours.
    pub(super) async fn this(&self) -> Result<Option<ThisBrowser>, PageError> {
        let key = match self.kept().await? {
            Some(kept) => Some(kept.request_key),
            None if self.sent_visitor() => Some(self.first_request_key()),
            None => None,
        };
        Ok(key.map(|key| ThisBrowser { key, cookie: self.sent.map(|id| hash(&id.to_string())) }))
    }

    async fn row(&self) -> Result<Option<BrowserRow>, PageError> {
        match self.this().await? {
            Some(this) => Ok(browsers::find(self.app.store.writer(), &this.key).await?),
            None => Ok(None),
        }
    }
}
