//! Begins, continues and ends sessions. When a session ends, the authorizations that were given in it and lack `offline_access` end
//! too.

use uuid::Uuid;

use crate::accounts::browsers::{self, BrowserCookie, ThisBrowser};
use crate::accounts::methods::Evidence;
use crate::accounts::requirement::Proven;
use crate::accounts::sign_in::{self, Settlement, SignInError};
use crate::app::App;
use crate::audit::{self, ANOTHER_SIGN_IN, Action, Actor, EndedAccess, Event, Face, RequestInfo, Who};
use crate::clock::UnixSeconds;
use crate::store::browsers as stored;
use crate::store::sessions::{self, SessionRow};
use crate::store::users::User;
use crate::store::{ConnectionTrait, StoreError, authorization_codes, authorizations, commit, devices, password_links, users};

/// The use of a session is stored at most once in this many seconds, so that not every request writes.
const TOUCH_INTERVAL: UnixSeconds = 60;

/// A user who is signed in, and their session.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SignedIn {
    pub session: SessionRow,
    pub user: User,
    /// The methods by which the user has signed in.
    pub evidence: Evidence,
}

fn evidence(session: &SessionRow) -> Result<Evidence, StoreError> {
    let corrupt = |error| StoreError::Corrupt(format!("methods of the session {}: {error}", session.sid));
    Evidence::from_json(session.user_id, &session.passed).map_err(corrupt)
}

/// Returns the session `sid` if it is live, and stores that it was used.
pub async fn find(app: &App, sid: &str, request: &RequestInfo) -> Result<Option<SignedIn>, StoreError> {
    let now = app.now();
    let Some((session, user)) = sessions::live(app.store.reader(), sid, now).await? else { return Ok(None) };
    if (now - session.last_used_at).abs() >= TOUCH_INTERVAL {
        let until = expiry(app, session.created_at, now);
        sessions::touch(app.store.writer(), sid, &request.address.to_string(), now, until).await?;
    }
    let evidence = evidence(&session)?;
    Ok(Some(SignedIn { session, user, evidence }))
}

/// Returns the time at which the user of `session` last passed an authentication method, in Unix seconds.
pub fn signed_in_at(session: &SessionRow) -> UnixSeconds {
    evidence(session).map_or(session.created_at, |evidence| evidence.auth_time())
}

/// A user who may be signed in, with the changes that the sign-in must write.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ProvenUser {
    pub user: Box<User>,
    pub proven: Proven,
    /// The changes that the sign-in must write.
    pub settlement: Settlement,
}

/// Where a user signs in.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The browser in which the user signs in.
    pub browser: &'a ThisBrowser,
    /// The session that was over in this browser already when the password was sent.
    pub over: Option<&'a str>,
    /// The hash of the device cookie; `None` if the browser gets none by this sign-in.
    pub device: Option<&'a str>,
}

/// A user who has signed in, with the cookie by which the browser shows that.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Begun {
    pub signed_in: SignedIn,
    pub cookie: BrowserCookie,
}

/// Signs a user in. Continues the session in which the browser is signed in if it belongs to the same user, even if another request of the
/// browser has just begun it; otherwise ends it and begins another. Fails with [`SignInError::Ended`] if a session of this browser has ended
/// since the password was sent, or the user was signed out everywhere, because whoever signs out ends the sign-ins that are under way too. Fails
/// with [`SignInError::Wrong`] if the user was disabled, or their password changed, since it was compared.
pub async fn begin(app: &App, place: Place<'_>, proven: ProvenUser, request: &RequestInfo) -> Result<Begun, SignInError> {
    let user = proven.user.clone();
    let settlement = proven.settlement.clone();
    match try_to_begin(app, place, proven, request).await {
        Err(SignInError::Wrong) => {
            let actor = Actor::remote(Who::Stranger, Face::Page, request);
            sign_in::record_failure(app, Some(user.id), &actor, app.now()).await?;
            Err(SignInError::Wrong)
        }
        Err(SignInError::Ended) => {
            // The password was right, so the attempt must not count.
            settlement.settle_alone(app, &user).await?;
            Err(SignInError::Ended)
        }
        other => other,
    }
}

async fn try_to_begin(app: &App, place: Place<'_>, proven: ProvenUser, request: &RequestInfo) -> Result<Begun, SignInError> {
    let now = app.now();
    let ProvenUser { user, proven, settlement } = proven;
    let actor = Actor::remote(Who::User(user.id), Face::Page, request);
    let transaction = app.store.begin().await?;
    // The order of locks, which store/mod.rs states, is counters, browser, user.
    settlement.reset(&transaction).await?;
    let row = browsers::enter(&transaction, &place.browser.key, now).await?;
    let previous = sessions::live(&transaction, &row.sid, now).await?;
    settlement.strengthen(&transaction, &user).await?;
    if previous.is_none() && !row.sid.is_empty() && place.over != Some(row.sid.as_str()) {
        return Err(refusal(&transaction, &user, &settlement).await?);
    }
    sign_in::note(&transaction, &user, now).await?;
    let (session, evidence) = match previous {
        Some((session, owner)) if owner.id == user.id => {
            let evidence = evidence(&session)?.with(proven.evidence());
            let expires_at = expiry(app, session.created_at, now);
            let session = SessionRow { passed: evidence.to_json(), last_used_at: now, expires_at, ..session };
            if !sessions::signed_in_again(&transaction, &session, user.credential_version).await? {
                return Err(refusal(&transaction, &user, &settlement).await?);
            }
            (session, evidence)
        }
        other => {
            let session = new_session(app, &user, proven.evidence(), request);
            if !sessions::insert(&transaction, &session, user.credential_version).await? {
                return Err(refusal(&transaction, &user, &settlement).await?);
            }
            if let Some((other, owner)) = other
                && !end_within(&transaction, &other.sid, owner.id, &actor, ANOTHER_SIGN_IN, now).await?
            {
                return Err(SignInError::Ended);
            }
            (session, proven.evidence().clone())
        }
    };
    let cookie = browsers::go_on(app, &transaction, row, place.browser, &session.sid).await?;
    if let Some(device) = place.device {
        devices::remember(&transaction, device, user.id, now).await?;
    }
    audit::record(&transaction, now, &actor, Event::SignedIn { user: user.id, sid: &session.sid }).await?;
    commit(transaction).await?;
    app.activity.signed_in();
    Ok(Begun { signed_in: SignedIn { session, user: *user, evidence }, cookie })
}

/// Returns the reason why the session of `user` could not be written, after `settlement` was settled.
async fn refusal(db: &impl ConnectionTrait, user: &User, settlement: &Settlement) -> Result<SignInError, StoreError> {
    let now = users::by_id(db, user.id).await?;
    let right = now.is_some_and(|now| now.disabled_at.is_none() && now.password_hash.as_deref() == Some(settlement.stored_hash()));
    Ok(if right { SignInError::Ended } else { SignInError::Wrong })
}

fn new_session(app: &App, user: &User, evidence: &Evidence, request: &RequestInfo) -> SessionRow {
    let now = app.now();
    SessionRow {
        sid: browsers::random(app),
        user_id: user.id,
        passed: evidence.to_json(),
        user_agent: request.user_agent.clone(),
        address: request.address.to_string(),
        created_at: now,
        last_used_at: now,
        expires_at: expiry(app, now, now),
        ended_at: None,
    }
}

/// The outcome of a sign-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignOut {
    /// The session with this `sid` was ended.
    Ended(String),
    /// Nobody was signed in, so nothing was ended.
    Nobody,
    /// Another user than the page named is signed in by now. Nothing was ended.
    Another,
}

/// Signs the browser with the key `key` out, and ends its session, whichever that is by now, unless it is of another user than `shown`. A sign-in
/// in this browser that is under way fails afterwards.
pub async fn sign_out(app: &App, key: &str, shown: Option<Uuid>, request: &RequestInfo) -> Result<SignOut, StoreError> {
    // A browser in which nobody has signed in has no row. It takes no write lock, so that strangers cannot make others wait.
    if stored::find(app.store.writer(), key).await?.is_none() {
        return Ok(SignOut::Nobody);
    }
    let now = app.now();
    let transaction = app.store.begin().await?;
    let Some(row) = stored::lock(&transaction, key).await? else { return Ok(SignOut::Nobody) };
    let sid = row.sid.clone();
    let live = sessions::live(&transaction, &sid, now).await?;
    if shown.is_some_and(|shown| live.as_ref().is_some_and(|(_, user)| user.id != shown)) {
        return Ok(SignOut::Another);
    }
    browsers::leave(&transaction, row, now).await?;
    let ended = match live {
        Some((_, user)) => {
            let actor = Actor::remote(Who::User(user.id), Face::Page, request);
            end_within(&transaction, &sid, user.id, &actor, "user", now).await?
        }
        None => false,
    };
    commit(transaction).await?;
    Ok(if ended { SignOut::Ended(sid) } else { SignOut::Nobody })
}

/// Ends the session `sid` of `user`, with the authorizations that were given in it and do not outlive it. Returns `false` if it had
/// already ended, or if it belongs to another user.
pub async fn end(app: &App, actor: &Actor, sid: &str, user: Uuid, by: &str) -> Result<bool, StoreError> {
    let transaction = app.store.begin().await?;
    let ended = end_within(&transaction, sid, user, actor, by, app.now()).await?;
    commit(transaction).await?;
    Ok(ended)
}

/// Ends everything of `user` but the session `kept`, as [`end_elsewhere`] does, and records it.
pub async fn end_others(app: &App, actor: &Actor, user: Uuid, kept: &str, by: &str) -> Result<(), StoreError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    let ended = end_elsewhere(&transaction, user, Kept { sid: kept, authorizations: &[] }, actor, by, now).await?;
    audit::record(&transaction, now, actor, Event::OthersEnded { user, ended }).await?;
    commit(transaction).await
}

/// Signs `user` out of every browser, this one included, and ends all their codes and authorizations. A sign-in that is under way meanwhile
/// is refused, or its session is ended too.
pub async fn end_everything(app: &App, actor: &Actor, user: Uuid, by: &str) -> Result<(), StoreError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    let ended = end_all(&transaction, user, actor, by, now).await?;
    audit::record(&transaction, now, actor, Event::OthersEnded { user, ended }).await?;
    commit(transaction).await
}

/// The access of a user that [`end_elsewhere`] does not end.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// The session, with the authorizations that end with it.
    pub sid: &'a str,
    /// Authorizations that outlive a session, by id. Ids of other authorizations are ignored.
    pub authorizations: &'a [Uuid],
}

/// Ends all sessions, codes and authorizations of `user` except `kept`, whatever grant they came from, in the caller's transaction.
/// The caller records the numbers that are returned.
pub async fn end_elsewhere(
    db: &impl ConnectionTrait,
    user: Uuid,
    kept: Kept<'_>,
    actor: &Actor,
    by: &str,
    now: UnixSeconds,
) -> Result<EndedAccess, StoreError> {
    let sessions = end_sessions(db, user, Some(kept.sid), actor, by, now).await?;
    authorization_codes::withdraw(db, Some(user), None).await?;
    let authorizations = authorizations::end_elsewhere(db, user, kept.sid, kept.authorizations, now).await?;
    Ok(EndedAccess { sessions, authorizations })
}

/// Signs `user` out of every browser, and ends all their codes and authorizations, and their link to set a password, in the caller's
/// transaction. The caller records the operation `by`, with the numbers that are returned.
pub async fn end_all(db: &impl ConnectionTrait, user: Uuid, actor: &Actor, by: &str, now: UnixSeconds) -> Result<EndedAccess, StoreError> {
    // After this statement a sign-in that is under way is refused at commit, unless it has already committed; then its session is
    // found below.
    users::renew_credentials(db, user).await?;
    let sessions = end_sessions(db, user, None, actor, by, now).await?;
    authorization_codes::withdraw(db, Some(user), None).await?;
    let authorizations = authorizations::end_all(db, Some(user), None, now).await?;
    password_links::withdraw(db, user).await?;
    Ok(EndedAccess { sessions, authorizations })
}

/// Signs `user` out of every browser, in the caller's transaction. Authorizations that outlive their session remain. The
/// caller records the operation `by`, with the numbers that are returned.
pub async fn end_all_sessions(
    db: &impl ConnectionTrait,
    user: Uuid,
    actor: &Actor,
    by: Action,
    now: UnixSeconds,
) -> Result<EndedAccess, StoreError> {
    users::renew_credentials(db, user).await?;
    let sessions = end_sessions(db, user, None, actor, by.name(), now).await?;
    let authorizations = authorizations::end_of_all_sessions(db, user, now).await?;
    Ok(EndedAccess { sessions, authorizations })
}

/// Ends the session `sid` of `user`, with the authorizations that were given in it and do not outlive it, in the caller's
/// transaction. Returns the number of authorizations; `None` if the session had already ended. The caller records the event.
pub async fn end_unrecorded(db: &impl ConnectionTrait, sid: &str, user: Uuid, now: UnixSeconds) -> Result<Option<u64>, StoreError> {
    if !sessions::end(db, sid, user, now).await? {
        return Ok(None);
    }
    Ok(Some(authorizations::end_of_session(db, sid, now).await?))
}

async fn end_within(
    db: &impl ConnectionTrait,
    sid: &str,
    user: Uuid,
    actor: &Actor,
    by: &str,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    if end_unrecorded(db, sid, user, now).await?.is_none() {
        return Ok(false);
    }
    audit::record(db, now, actor, Event::SessionEnded { user, sid, by }).await?;
    Ok(true)
}

/// Ends the sessions of `user` except `kept`, but not the authorizations that were given in them. The caller ends those in one
/// statement, which locks its rows in order.
async fn end_sessions(
    db: &impl ConnectionTrait,
    user: Uuid,
    kept: Option<&str>,
    actor: &Actor,
    by: &str,
    now: UnixSeconds,
) -> Result<usize, StoreError> {
    let mut ended = 0;
    for sid in live_sids(db, user, now).await?.iter().filter(|sid| kept != Some(sid)) {
        if sessions::end(db, sid, user, now).await? {
            audit::record(db, now, actor, Event::SessionEnded { user, sid, by }).await?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// Returns the `sid` of each live session of `user`, in the order in which they must be locked.
async fn live_sids(db: &impl ConnectionTrait, user: Uuid, now: UnixSeconds) -> Result<Vec<String>, StoreError> {
    let mut sids: Vec<_> = sessions::of_user(db, user, now).await?.into_iter().map(|session| session.sid).collect();
    sids.sort();
    Ok(sids)
}

fn expiry(app: &App, began: UnixSeconds, now: UnixSeconds) -> UnixSeconds {
    (now + app.settings.session_idle_lifetime).min(began + app.settings.session_absolute_lifetime)
}
