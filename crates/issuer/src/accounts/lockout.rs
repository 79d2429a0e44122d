//! Guessing is counted per account and per address, in the database and before anything is hashed.
//!
//! An account is never locked for good: after `account_attempts` wrong passwords each further attempt waits, twice as
//! long each time, `account_max_delay` at most. Names that belong to nobody are counted alike.

use std::net::IpAddr;

use crate::store::ConnectionTrait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::clock::UnixSeconds;
use crate::config::Settings;
use crate::store::attempts::Limits;
use crate::store::{Store, StoreError, attempts};

/// What an attempt is counted under.
#[derive(Debug, Clone)]
pub struct Counters {
    account: String,
    address: String,
}

/// Whether an attempt may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was counted; hash and compare.
    Proceed,
    /// It must wait this many seconds; nothing is hashed.
    Wait(u64),
}

impl Counters {
    /// The counters of `username` (in normal form) and `address`; IPv6 addresses count by their /64 network.
    pub fn new(username: &str, address: IpAddr) -> Self {
        // Hashed, because what is typed as a name may be of any length, or a password by mistake.
        let name = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, username.as_bytes()));
        let network = match address.to_canonical() {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("{:x}:{:x}:{:x}:{:x}::/64", v6.segments()[0], v6.segments()[1], v6.segments()[2], v6.segments()[3]),
        };
        Self { account: format!("account:{name}"), address: format!("address:{network}") }
    }

    /// Counts an attempt, as a transaction of its own.
    pub async fn count(&self, store: &Store, settings: &Settings, now: UnixSeconds) -> Result<Verdict, StoreError> {
        let limits = Limits {
            account_attempts: settings.account_attempts,
            account_max_delay: settings.account_max_delay,
            address_attempts: settings.address_attempts,
            address_window: settings.address_window,
        };
        if attempts::count(store.writer(), &self.account, &self.address, limits, now).await? {
            return Ok(Verdict::Proceed);
        }
        let until = attempts::waits_until(store.reader(), &self.account, &self.address, limits, now).await?;
        Ok(Verdict::Wait((until.unwrap_or(now) - now).max(1).unsigned_abs()))
    }

    /// Takes the attempt back when no password was compared, as a transaction of its own.
    pub async fn withdraw(&self, store: &Store) -> Result<(), StoreError> {
        attempts::give_back(store.writer(), &self.account, &self.address).await
    }

    /// Takes the attempt back after the right password, in the caller's transaction.
    pub async fn succeed(&self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        attempts::succeed(db, &self.account, &self.address).await
    }
}
