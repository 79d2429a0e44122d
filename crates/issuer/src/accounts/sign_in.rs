//! Is this password this user's? The one place that compares passwords: for the password grant, the sign-in page and
//! who confirms a change. Attempts are counted before anything is hashed, and a missing user costs the same work.

use std::fmt;
use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use crate::accounts::lockout::{Counters, Verdict};
use crate::accounts::methods::password::{self, Comparison, StoredHash};
use crate::accounts::{policy, username};
use crate::app::App;
use crate::clock::UnixSeconds;
use crate::store::users::{self, User};
use crate::store::{ConnectionTrait, StoreError};

/// A password that was right, for a user who may or may not be enabled.
#[derive(Debug)]
pub struct Proof {
    /// Whose it is.
    pub user: Box<User>,
    settlement: Settlement,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No such user, or another password.
    #[error("the username or the password is wrong")]
    Wrong,
    /// Too many attempts; seconds until the next may be made.
    #[error("too many attempts; try again in {0} s")]
    Wait(u64),
    /// The hashing threads are busy.
    #[error("too many sign-ins at once; try again")]
    Busy,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Compares `password` with that of the user who signs in as `typed`, for someone at `address`.
pub async fn check(app: &App, typed: &str, password: SecretString, address: IpAddr, now: UnixSeconds) -> Result<Proof, SignInError> {
    // Imported passwords may be shorter than what may be set today.
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
            Ok(Proof { user: Box::new(user), settlement: Settlement { password_hash, rehashed, counters } })
        }
        (Ok(_), _) => Err(SignInError::Wrong),
        (Err(_), _) => {
            // Nothing was compared, so it was no guess.
            counters.withdraw(&app.store).await?;
            Err(SignInError::Busy)
        }
    }
}

/// What of a [`Proof`] must be written in the transaction that rests on it.
pub struct Settlement {
    password_hash: String,
    rehashed: Option<String>,
    counters: Counters,
}

impl Proof {
    /// The user, and what is still to be written.
    pub fn into_parts(self) -> (Box<User>, Settlement) {
        (self.user, self.settlement)
    }
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
