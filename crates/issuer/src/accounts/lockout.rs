//! Limits the guessing of passwords. Attempts are counted per account and per address, in the database, before any password is
//! hashed.
//!
//! No account is locked for good: after `account_attempts` wrong passwords each further attempt must wait, twice as long each time,
//! but at most `account_max_delay` seconds. Usernames that do not exist are counted in the same way, so that the wait does not
//! reveal which exist.
//!
//! A stranger must not be able to keep the owner of an account out. So attempts from a device on which the owner has signed in before,
//! and those of a confidential client that authenticates, have counters of their own, with the same waits.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::audit::network;
use crate::clock::UnixSeconds;
use crate::config::Settings;
use crate::store::attempts::Limits;
use crate::store::{ConnectionTrait, Store, StoreError, attempts, devices};

/// The sender of an attempt, as far as it is known before the password is compared.
#[derive(Debug, Clone)]
pub struct Guesser {
    /// The address from which the attempt comes.
    pub address: IpAddr,
    /// The device or client that sends the attempt; `None` for a stranger.
    pub known: Option<Known>,
}

/// A sender that is counted apart from strangers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// A browser that has the device cookie with this hash. It counts only for users who have signed in there before.
    Device(String),
    /// A confidential client that has authenticated, by its id.
    Client(String),
}

impl Guesser {
    /// Returns this sender as the user with this username (in normal form) knows it: a device on which that user has never signed in is a
    /// stranger.
    pub(super) async fn for_user(self, store: &Store, username: &str) -> Result<Self, StoreError> {
        match self {
            Self { address, known: Some(Known::Device(hash)) } if !devices::is_known(store.reader(), &hash, username).await? => {
                Ok(Self { address, known: None })
            }
            other => Ok(other),
        }
    }
}

/// The two counters of an attempt, one for the account and one for the address.
#[derive(Debug, Clone)]
pub struct Counters {
    /// The name of the account, as [`account_name`] returns it.
    name: String,
    account: String,
    address: String,
}

/// The decision whether an attempt may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The attempt was counted; the caller may hash and compare the password.
    Proceed,
    /// The attempt was refused; the next may be made after this many seconds.
    Wait(u64),
}

/// Returns the name by which the counters of `username` (in normal form) are stored. It is a hash, because the text that was typed may be
/// very long, or a password that was typed into the wrong field.
pub fn account_name(username: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, username.as_bytes()))
}

impl Counters {
    /// Returns the counters of `username` (in normal form) for `guesser`.
    pub fn new(username: &str, Guesser { address, known }: &Guesser) -> Self {
        let name = account_name(username);
        let account = match known {
            None => format!("account:{name}"),
            Some(Known::Device(hash)) => format!("device:{hash}:{name}"),
            Some(Known::Client(id)) => format!("client:{id}:{name}"),
        };
        Self { name, account, address: format!("address:{}", network(*address)) }
    }

    /// Counts an attempt, as a transaction of its own.
    pub async fn count(&self, store: &Store, settings: &Settings, now: UnixSeconds) -> Result<Verdict, StoreError> {
        let limits = Limits {
            account_attempts: settings.account_attempts,
            account_max_delay: settings.account_max_delay,
            address_attempts: settings.address_attempts,
            address_window: settings.address_window,
        };
        if attempts::count(store.writer(), (&self.account, &self.name), &self.address, limits, now).await? {
            return Ok(Verdict::Proceed);
        }
        let until = attempts::waits_until(store.reader(), &self.account, &self.address, limits, now).await?;
        Ok(Verdict::Wait((until.unwrap_or(now) - now).max(1).unsigned_abs()))
    }

    /// Takes the attempt off the counters because no password was compared, as a transaction of its own.
    pub async fn withdraw(&self, store: &Store) -> Result<(), StoreError> {
        attempts::give_back(store.writer(), &self.account, &self.address).await
    }

    /// Resets the counter of the account after the right password, and takes the attempt off the counter of the address, in the
    /// caller's transaction.
    pub async fn succeed(&self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        attempts::succeed(db, &self.account, &self.address).await
    }
}
