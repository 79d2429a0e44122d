//! The apps that can use a person's account, as the pages about devices and the password list them.

use uuid::Uuid;

use crate::accounts::authorizations::{self, SHOWN};
use crate::accounts::session::SignedIn;
use crate::app::App;
use crate::pages::account::{browser_name, moment, second};
use crate::store::StoreError;
use crate::store::authorizations::AuthorizationRow;
use crate::store::sessions::{self, SessionRow};

/// The sessions of a person, and the apps that can use their account.
pub struct Access {
    /// The sessions that have not ended, the one that was used last first.
    pub sessions: Vec<SessionRow>,
    /// The authorizations that can still be used, the one that was given last first.
    pub apps: Vec<GivenApp>,
    /// `true` if there are more apps than are listed.
    pub more: bool,
}

/// An authorization in words.
pub struct GivenApp {
    pub id: Uuid,
    pub name: String,
    /// When the person gave it. An app that was given it twice is listed twice, and this tells the two apart.
    pub given: String,
    pub last_used: String,
    /// A sentence that says how the person signed in.
    pub how: String,
    /// A sentence that says when the authorization ends.
    pub ends: String,
    /// `true` if the authorization does not end with a session.
    pub outlives: bool,
    /// `true` if the authorization ends with the session in which the page is shown.
    pub here: bool,
}

impl Access {
    /// Reads what can use the account of the person who is signed in.
    pub async fn of(app: &App, signed_in: &SignedIn) -> Result<Self, StoreError> {
        let sessions = sessions::of_user(app.store.reader(), signed_in.user.id, app.now()).await?;
        let mut given = authorizations::list(app, signed_in.user.id).await?;
        let more = given.len() > SHOWN;
        given.truncate(SHOWN);
        let own = &signed_in.session.sid;
        let apps = given.into_iter().map(|(row, client)| GivenApp::of(&row, client.client_name, &sessions, own)).collect();
        Ok(Self { sessions, apps, more })
    }
}

impl GivenApp {
    fn of(row: &AuthorizationRow, name: String, sessions: &[SessionRow], own: &str) -> Self {
        let outlives = row.sid.is_none() || row.offline;
        let session = sessions.iter().find(|session| row.sid.as_ref() == Some(&session.sid));
        let place = match session {
            Some(session) if session.sid == own => "this browser".to_owned(),
            Some(session) => format!("{}, address {}", browser_name(&session.user_agent), session.address),
            None => "a browser that is signed out".to_owned(),
        };
        let how = if row.sid.is_none() {
            "Signed in with your password, without a browser.".to_owned()
        } else {
            format!("Signed in with {place}.")
        };
        let ends = if outlives {
            format!("Stays signed in until {} at the latest, also after you sign out.", moment(row.expires_at))
        } else {
            format!("Ends when {place} is signed out.")
        };
        let here = !outlives && row.sid.as_deref() == Some(own);
        let (given, last_used) = (second(row.created_at), moment(row.refreshed_at));
        Self { id: row.id, name, given, last_used, how, ends, outlives, here }
    }
}
