//! One-time links by which people set a password without knowing one. An administrator makes the link and hands it over; the database keeps
//! only its hash. Attempts to use a link are counted like sign-ins, before anything is hashed.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::accounts::lockout::{self, Counters, Guesser, Verdict};
use crate::accounts::methods::password;
use crate::accounts::policy::{self, PolicyError};
use crate::accounts::session;
use crate::app::App;
use crate::audit::{self, Actor, Event, Face, Kind, RequestInfo, Who};
use crate::clock::{DAY, UnixSeconds};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::secret;
use crate::pool::Overloaded;
use crate::store::password_links::PasswordLink;
use crate::store::users::UserRow;
use crate::store::{ConnectionTrait, StoreError, attempts, commit, devices, password_links, roles, users};

/// The lifetime of a link, in seconds.
pub const LIFETIME: UnixSeconds = DAY;
/// The path of the page that a link opens.
pub const PATH: &str = "/set-password";

/// The reason why a link did not set a password.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PasswordLinkError {
    #[error("the link is unknown, was used, was replaced or has expired")]
    Spent,
    #[error("the two new passwords differ")]
    RepeatedDiffers,
    #[error("new_password: expected {0}")]
    Policy(#[from] PolicyError),
    /// Too many attempts were made; the next may be made after this many seconds.
    #[error("too many attempts; try again in {0} s")]
    Wait(u64),
    #[error(transparent)]
    Busy(#[from] Overloaded),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PasswordLinkError> for OAuthError {
    fn from(error: PasswordLinkError) -> Self {
        match error {
            PasswordLinkError::Wait(seconds) => Self::new(Code::TooManyAttempts(seconds), error.to_string()),
            PasswordLinkError::Busy(error) => error.into(),
            PasswordLinkError::Store(error) => error.into(),
            error => Self::invalid_request(error.to_string()),
        }
    }
}

/// Stores a link of `user` in place of the one before. `link` is its secret, of which only the hash is kept. Returns the Unix seconds at
/// which it expires. `by_administrator` says whether an administrator made it, and not the help desk.
pub async fn put(
    db: &impl ConnectionTrait,
    user: Uuid,
    link: &str,
    by_administrator: bool,
    now: UnixSeconds,
) -> Result<UnixSeconds, StoreError> {
    let expires_at = now + LIFETIME;
    password_links::put(db, PasswordLink { user_id: user, hash: secret::key(link), by_administrator, expires_at }).await?;
    Ok(expires_at)
}

/// Returns the user whose password `link` sets; `None` if the link can no longer be used.
pub async fn find(app: &App, link: &str) -> Result<Option<UserRow>, StoreError> {
    let db = app.store.reader();
    let Some(user) = usable(db, &secret::key(link), app.now()).await? else { return Ok(None) };
    Ok(users::by_id(db, user).await?.filter(|user| user.disabled_at.is_none()))
}

/// Returns the user of the link with the hash `key`. A link that the help desk made for somebody who has become an administrator since then
/// is not usable, because the help desk could become one by it.
async fn usable(db: &impl ConnectionTrait, key: &str, now: UnixSeconds) -> Result<Option<Uuid>, StoreError> {
    let Some(link) = password_links::by_hash(db, key, now).await? else { return Ok(None) };
    let is_usable = link.by_administrator || !roles::hold_administration(db, &[link.user_id]).await?;
    Ok(is_usable.then_some(link.user_id))
}

/// Sets the password of the user of `link`, which is spent. Ends all sessions, codes and authorizations of the user, forgets their devices,
/// and lets them sign in at once even if wrong passwords were counted.
pub async fn set_password(
    app: &App,
    link: &str,
    new: SecretString,
    repeated: &SecretString,
    guesser: &Guesser,
    request: &RequestInfo,
) -> Result<(), PasswordLinkError> {
    let key = secret::key(link);
    // A user knows no link of theirs by name, so the counter is that of the link. The address is counted with it.
    let counters = Counters::new(&format!("link {key}"), &Guesser { known: None, ..guesser.clone() });
    if let Verdict::Wait(seconds) = counters.count(&app.store, &app.settings, app.now()).await? {
        return Err(PasswordLinkError::Wait(seconds));
    }
    let user = find(app, link).await?.ok_or(PasswordLinkError::Spent)?;
    let hash = match hash(app, &user, new, repeated).await {
        Ok(hash) => hash,
        Err(refused) => {
            // The link was right, so the attempt must not count.
            counters.withdraw(&app.store).await?;
            return Err(refused);
        }
    };
    let (now, actor) = (app.now(), Actor::remote(Who::User(user.id), Face::Page, request));
    let transaction = app.store.begin().await?;
    // Counters are locked before users. The order of locks is stated in store/mod.rs.
    attempts::forget(&transaction, &lockout::account_name(&user.username)).await?;
    counters.succeed(&transaction).await?;
    let locked = users::lock(&transaction, user.id).await?;
    let is_usable = usable(&transaction, &key, now).await?.is_some();
    if !is_usable
        || locked.is_none_or(|user| user.disabled_at.is_some())
        || !password_links::spend(&transaction, user.id, &key, now).await?
    {
        return Err(PasswordLinkError::Spent);
    }
    users::set_password_hash(&transaction, user.id, &hash, None, now).await?;
    let ended = session::end_all(&transaction, user.id, &actor, Kind::PasswordSetByLink.name(), now).await?;
    devices::forget(&transaction, user.id, None).await?;
    audit::record(&transaction, now, &actor, Event::PasswordSetByLink { user: user.id, ended }).await?;
    Ok(commit(transaction).await?)
}

/// Checks the new password and hashes it.
async fn hash(app: &App, user: &UserRow, new: SecretString, repeated: &SecretString) -> Result<String, PasswordLinkError> {
    if policy::is_too_long(new.expose_secret()) {
        return Err(PolicyError::Length.into());
    }
    if !policy::are_same(new.expose_secret(), repeated.expose_secret()) {
        return Err(PasswordLinkError::RepeatedDiffers);
    }
    policy::check_form(new.expose_secret())?;
    let about = policy::about(&user.username, user.email.as_deref(), user.name.as_deref());
    policy::check_score(app, &new, &about).await??;
    Ok(password::hash(app, new).await?)
}
