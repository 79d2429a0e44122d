//! Checks a user's password. The password grant, the sign-in page and the password page call it; nothing else compares passwords.
//! An attempt is counted before anything is hashed, and a username that does not exist costs the same work.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::accounts::lockout::{Counters, Guesser, Verdict};
use crate::accounts::methods::hashes::StoredHash;
use crate::accounts::methods::password::{self, Comparison};
use crate::accounts::methods::{Evidence, Method, Passed};
use crate::accounts::{policy, username};
use crate::app::App;
use crate::audit::{self, Actor, Event, Who};
use crate::clock::UnixSeconds;
use crate::oauth::error::{Code, OAuthError};
use crate::pool::Overloaded;
use crate::store::users::{self, User};
use crate::store::{ConnectionTrait, Store, StoreError, commit};

/// A user whose password was right. The user may be disabled: the write transaction refuses that.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Checked {
    pub user: Box<User>,
    pub evidence: Evidence,
    /// The changes that the write transaction must make.
    pub settlement: Settlement,
}

/// The reason why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// There is no such user, or the password is wrong.
    #[error("the username or the password is wrong")]
    Wrong,
    /// The password was right, but the session of this browser has ended since it was sent, or the user was signed out everywhere.
    #[error("your session ended meanwhile; sign in again")]
    Ended,
    /// Too many attempts were made; the next may be made after this many seconds.
    #[error("too many attempts; try again in {0} s")]
    Wait(u64),
    /// The threads that hash passwords are busy.
    #[error("{0}; try again")]
    Busy(#[from] Overloaded),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignInError> for OAuthError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong | SignInError::Ended => Self::invalid_grant().because(error.to_string()),
            SignInError::Wait(seconds) => Self::new(Code::TooManyAttempts(seconds), error.to_string()),
            SignInError::Busy(error) => error.into(),
            SignInError::Store(error) => error.into(),
        }
    }
}

/// Compares `password` with that of the user whose username was typed as `typed`, for an attempt of `guesser`. A wrong
/// password is recorded as an event of `actor`. Attempts that must wait are not, so that the events are bounded as the attempts are.
pub async fn check(
    app: &App,
    typed: &str,
    password: SecretString,
    guesser: Guesser,
    actor: &Actor,
    now: UnixSeconds,
) -> Result<Checked, SignInError> {
    // Check only the upper bound, because imported passwords may be shorter than those that may be set today.
    if policy::is_too_long(password.expose_secret()) {
        return Err(SignInError::Wrong);
    }
    let username = username::normalize(typed);
    let counters = Counters::new(&username, &guesser.for_user(&app.store, &username).await?);
    let counted = counters.count(&app.store, &app.settings, now);
    let (verdict, user) = tokio::try_join!(counted, users::by_username(app.store.reader(), &username))?;
    if let Verdict::Wait(seconds) = verdict {
        return Err(SignInError::Wait(seconds));
    }
    let stored = user.as_ref().and_then(|user| user.password_hash.as_deref()).and_then(|phc| StoredHash::parse(phc).ok());
    match (password::compare(app, password, stored).await, user) {
        (Ok(Comparison::Same { rehashed }), Some(user)) => {
            let password_hash = user.password_hash.clone().unwrap_or_default();
            let evidence = Evidence::new(user.id, Passed { method: Method::Password, at: now });
            Ok(Checked { user: Box::new(user), evidence, settlement: Settlement { password_hash, rehashed, counters } })
        }
        (Ok(_), user) => {
            record_failure(app, user.map(|user| user.id), actor, now).await?;
            Err(SignInError::Wrong)
        }
        (Err(busy), _) => {
            // No password was compared, so the attempt must not count.
            counters.withdraw(&app.store).await?;
            Err(busy.into())
        }
    }
}

/// Records that a sign-in to the account of `user` failed, as a transaction of its own; `None` if there is no such account.
pub async fn record_failure(app: &App, user: Option<Uuid>, actor: &Actor, now: UnixSeconds) -> Result<(), StoreError> {
    let transaction = app.store.begin().await?;
    audit::record_failure(&transaction, now, actor, user).await?;
    commit(transaction).await?;
    app.activity.sign_in_failed(if let Who::Client(client) = &actor.who { client } else { "" });
    Ok(())
}

/// Records that `user` proved who they are but may not sign in to `client`, as a transaction of its own.
pub async fn record_refused_access(app: &App, actor: &Actor, user: Uuid, client: &str) -> Result<(), StoreError> {
    audit::record(app.store.writer(), app.now(), actor, Event::AccessRefused { user, client }).await
}

/// The time of the last sign-in is stored at most once in this many seconds, so that a program that gets token after token by the password
/// grant does not write it each time.
const SIGN_IN_INTERVAL: UnixSeconds = 60;

/// Stores a complete sign-in of `user` at `now` as their last one, in the caller's transaction. It locks the user, so the caller calls it
/// before the statement that inserts the session or the authorization. That statement locks the user in a mode that several transactions
/// can hold at once, and two of them that both wanted more would wait for each other.
pub async fn note(db: &impl ConnectionTrait, user: &User, now: UnixSeconds) -> Result<(), StoreError> {
    if user.last_sign_in_at.is_none_or(|last| (now - last).abs() >= SIGN_IN_INTERVAL) {
        users::signed_in(db, user.id, now).await?;
    }
    Ok(())
}

/// The changes that the write transaction must make after a password was right.
#[derive(Clone)]
pub struct Settlement {
    password_hash: String,
    rehashed: Option<String>,
    counters: Counters,
}

/// Shows no hash.
impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settlement").field("counters", &self.counters).finish_non_exhaustive()
    }
}

impl Settlement {
    /// Returns the hash that is stored after [`Settlement::settle`].
    pub fn stored_hash(&self) -> &str {
        self.rehashed.as_deref().unwrap_or(&self.password_hash)
    }

    /// Takes the attempt off the counters because the password was right, although the sign-in goes no further. The counters are not reset.
    pub async fn withdraw(&self, store: &Store) -> Result<(), StoreError> {
        self.counters.withdraw(store).await
    }

    /// Resets the counters. A transaction that locks more than the user calls this first, and [`Settlement::strengthen`] where it locks the user.
    pub async fn reset(&self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        self.counters.succeed(db).await
    }

    /// Stores a stronger hash if the old one was weaker than today's parameters.
    pub async fn strengthen(&self, db: &impl ConnectionTrait, user: &User) -> Result<(), StoreError> {
        match &self.rehashed {
            Some(stronger) => users::rehash(db, user.id, &self.password_hash, stronger).await,
            None => Ok(()),
        }
    }

    /// Resets the counters and stores a stronger hash, for a transaction that locks only the user besides.
    pub async fn settle(&self, db: &impl ConnectionTrait, user: &User) -> Result<(), StoreError> {
        self.reset(db).await?;
        self.strengthen(db, user).await
    }

    /// Does what [`Settlement::settle`] does in a transaction of its own, because the password was right although nothing else is written.
    pub async fn settle_alone(&self, app: &App, user: &User) -> Result<(), StoreError> {
        let transaction = app.store.begin().await?;
        self.settle(&transaction, user).await?;
        commit(transaction).await
    }
}
