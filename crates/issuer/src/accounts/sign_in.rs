//! Checks a user's password. The password grant, the sign-in page and the password page call it; nothing else compares passwords.
//! Attempts are counted before anything is hashed, and a missing user costs the same work.

use std::fmt;
use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use crate::accounts::lockout::{Counters, Verdict};
use crate::accounts::methods::password::{self, Comparison, StoredHash};
use crate::accounts::methods::{Evidence, Method, Passed};
use crate::accounts::{policy, username};
use crate::app::App;
use crate::clock::UnixSeconds;
use crate::oauth::error::{Code, OAuthError};
use crate::pool::Overloaded;
use crate::store::users::{self, User};
use crate::store::{ConnectionTrait, StoreError};

/// The right password of a user, who may or may not be enabled.
#[derive(Debug)]
pub struct Checked {
    /// The user whose password it is.
    pub user: Box<User>,
    /// The evidence that the user has passed the method.
    pub evidence: Evidence,
    /// The changes that the transaction must make which relies on the check.
    pub settlement: Settlement,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// There is no such user, or the password is another one.
    #[error("the username or the password is wrong")]
    Wrong,
    /// Too many attempts were made; seconds until the next may be made.
    #[error("too many attempts; try again in {0} s")]
    Wait(u64),
    /// The pool is busy.
    #[error("{0}; try again")]
    Busy(#[from] Overloaded),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignInError> for OAuthError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::invalid_grant(),
            SignInError::Wait(seconds) => Self::new(Code::TooManyAttempts(seconds), error.to_string()),
            SignInError::Busy(error) => error.into(),
            SignInError::Store(error) => error.into(),
        }
    }
}

/// Compares `password` with that of the user who signs in as `typed`, for a request from `address`.
pub async fn check(app: &App, typed: &str, password: SecretString, address: IpAddr, now: UnixSeconds) -> Result<Checked, SignInError> {
    // Imported passwords may be shorter than those that may be set today.
    if policy::is_too_long(password.expose_secret()) {
        return Err(SignInError::Wrong);
    }
    let username = username::normalize(typed);
    let counters = Counters::new(&username, address);
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
        (Ok(_), _) => Err(SignInError::Wrong),
        (Err(busy), _) => {
            // Nothing was compared, so it was no guess.
            counters.withdraw(&app.store).await?;
            Err(busy.into())
        }
    }
}

/// The changes that the transaction must make which relies on a password that was checked.
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
    /// The hash that is stored once this is settled.
    pub fn stored_hash(&self) -> &str {
        self.rehashed.as_deref().unwrap_or(&self.password_hash)
    }

    /// Takes the attempt back and keeps a stronger hash where that was due.
    pub async fn settle(&self, db: &impl ConnectionTrait, user: &User) -> Result<(), StoreError> {
        self.counters.succeed(db).await?;
        match &self.rehashed {
            Some(stronger) => users::rehash(db, user.id, &self.password_hash, stronger).await,
            None => Ok(()),
        }
    }
}
