//! Sessions: how they begin, go on and end. Ending one ends the authorizations that were given in it and lack
//! `offline_access`.

use std::net::IpAddr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::accounts::sign_in::{Proof, SignInError};
use crate::app::App;
use crate::audit::{self, Event};
use crate::clock::UnixSeconds;
use crate::oauth::acr::{PASSWORD_ACR, PASSWORD_AMR};
use crate::store::sessions::{self, SessionRow};
use crate::store::users::User;
use crate::store::{ConnectionTrait, StoreError, authorizations, commit, users};

/// That a session is used is noted at most this often, in seconds.
const TOUCH_INTERVAL: UnixSeconds = 60;
/// What is kept of what a browser calls itself, in characters.
const MAX_USER_AGENT: usize = 300;

/// Who is signed in, in which session.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The session.
    pub session: SessionRow,
    /// The user.
    pub user: User,
}

/// From where a browser comes, and what it calls itself.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its address.
    pub address: IpAddr,
    /// Its `User-Agent`.
    pub user_agent: String,
}

/// The session `sid`, if it lives; notes that it is used.
pub async fn find(app: &App, sid: &str, device: &Device) -> Result<Option<SignedIn>, StoreError> {
    let now = app.now();
    let Some((session, user)) = sessions::live(app.store.reader(), sid, now).await? else { return Ok(None) };
    if (now - session.last_used_at).abs() >= TOUCH_INTERVAL {
        let until = expiry(app, session.created_at, now);
        sessions::touch(app.store.writer(), sid, &device.address.to_string(), now, until).await?;
    }
    Ok(Some(SignedIn { session, user }))
}

/// Signs in who gave `proof`: goes on with the session of `previous` if it is theirs, else ends that and begins another.
pub async fn begin(app: &App, previous: Option<&SignedIn>, proof: Proof, device: &Device) -> Result<SignedIn, SignInError> {
    let now = app.now();
    let (user, settlement) = proof.into_parts();
    let own = previous.filter(|previous| previous.user.id == user.id).map(|previous| previous.session.clone());
    let is_new = own.is_none();
    let began = own.as_ref().map_or(now, |session| session.created_at);
    let session = SessionRow {
        auth_time: now,
        acr: PASSWORD_ACR.to_owned(),
        amr: PASSWORD_AMR.to_owned(),
        last_used_at: now,
        expires_at: expiry(app, began, now),
        ..own.unwrap_or_else(|| SessionRow {
            sid: BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<16>()),
            user_id: user.id,
            auth_time: now,
            acr: String::new(),
            amr: String::new(),
            user_agent: device.user_agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect(),
            address: device.address.to_string(),
            created_at: now,
            last_used_at: now,
            expires_at: now,
            ended_at: None,
        })
    };
    let transaction = app.store.begin().await?;
    // First, because it may renew the user's hash: everybody takes counters, then users, then what is theirs.
    settlement.settle(&transaction, &user).await?;
    let written = if is_new {
        if let Some(other) = previous {
            end_within(&transaction, &other.session.sid, other.user.id, "another sign-in", now).await?;
        }
        sessions::insert(&transaction, &session, user.credential_version).await?
    } else {
        sessions::signed_in_again(&transaction, &session, user.credential_version).await?
    };
    // The user was disabled, or changed while the password was compared.
    if !written {
        return Err(SignInError::Wrong);
    }
    audit::record(&transaction, now, Event::SignedIn { user: user.id, sid: &session.sid }).await?;
    commit(transaction).await?;
    Ok(SignedIn { session, user: *user })
}

/// Ends the session `sid` of `user`. False if it has ended, or is another's.
pub async fn end(app: &App, sid: &str, user: Uuid, by: &str) -> Result<bool, StoreError> {
    let transaction = app.store.begin().await?;
    let ended = end_within(&transaction, sid, user, by, app.now()).await?;
    commit(transaction).await?;
    Ok(ended)
}

/// Ends all sessions of `user` but `kept`, and the authorizations that were given in them and do not outlive them.
pub async fn end_others(app: &App, user: Uuid, kept: &str, by: &str) -> Result<(), StoreError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    end_sessions(&transaction, user, Some(kept), by, now).await?;
    authorizations::end_of_other_sessions(&transaction, user, kept, now).await?;
    commit(transaction).await
}

/// Ends all sessions of `user` but `kept`, and all authorizations that were not given in it, in the caller's transaction.
pub async fn end_elsewhere(db: &impl ConnectionTrait, user: Uuid, kept: &str, by: &str, now: UnixSeconds) -> Result<(), StoreError> {
    end_sessions(db, user, Some(kept), by, now).await?;
    authorizations::end_elsewhere(db, user, kept, now).await?;
    Ok(())
}

/// Signs `user` out of every browser, and ends all their authorizations, in the caller's transaction; gives the number of
/// these.
pub async fn end_all(db: &impl ConnectionTrait, user: Uuid, by: &str, now: UnixSeconds) -> Result<u64, StoreError> {
    // Sign-ins under way find that they come too late, or are found here.
    users::renew_credentials(db, user).await?;
    end_sessions(db, user, None, by, now).await?;
    let count = authorizations::end_all(db, Some(user), None, now).await?;
    audit::record(db, now, Event::AuthorizationsEnded { user: Some(user), client: None, count }).await?;
    Ok(count)
}

async fn end_within(db: &impl ConnectionTrait, sid: &str, user: Uuid, by: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    if !end_session(db, sid, user, by, now).await? {
        return Ok(false);
    }
    authorizations::end_of_session(db, sid, now).await?;
    Ok(true)
}

/// Ends sessions, and not yet what was given in them: that follows in one statement, which locks its rows in order. These
/// rows are locked in the order of their `sid`.
async fn end_sessions(db: &impl ConnectionTrait, user: Uuid, kept: Option<&str>, by: &str, now: UnixSeconds) -> Result<usize, StoreError> {
    let mut sids: Vec<_> = sessions::of_user(db, user, now).await?.into_iter().map(|session| session.sid).collect();
    sids.retain(|sid| kept != Some(sid));
    sids.sort();
    let mut ended = 0;
    for sid in sids {
        ended += usize::from(end_session(db, &sid, user, by, now).await?);
    }
    Ok(ended)
}

async fn end_session(db: &impl ConnectionTrait, sid: &str, user: Uuid, by: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    if !sessions::end(db, sid, user, now).await? {
        return Ok(false);
    }
    audit::record(db, now, Event::SessionEnded { user, sid, by }).await?;
    Ok(true)
}

fn expiry(app: &App, began: UnixSeconds, now: UnixSeconds) -> UnixSeconds {
    (now + app.settings.session_idle_lifetime).min(began + app.settings.session_absolute_lifetime)
}
