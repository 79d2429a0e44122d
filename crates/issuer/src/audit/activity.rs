//! Counts sign-ins and tokens in memory, for charts. A job adds the counts to hourly rows each minute and when the server stops, so that
//! requests write nothing for them. A crash loses the counts of one minute at most.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use tokio::sync::Mutex;

use crate::clock::{HOUR, UnixSeconds};
use crate::store::activity::{self, ActivityRow};
use crate::store::{Store, StoreError};

/// What is counted. Tokens are counted by grant.
pub const KINDS: [&str; 6] =
    ["sign_ins", "failed_sign_ins", "tokens_password", "tokens_authorization_code", "tokens_refresh_token", "tokens_client_credentials"];
const SIGN_INS: usize = 0;
const FAILED_SIGN_INS: usize = 1;
/// The clients are spread over this many maps, so that a client that is counted for the first time makes few requests wait.
const SHARDS: usize = 16;

type Counts = [AtomicU64; KINDS.len()];

/// The counts of this node since they were last added to the database. It holds only clients that were active since then or in the
/// minute before.
#[derive(Debug)]
pub struct Activity {
    shards: [RwLock<HashMap<String, Counts>>; SHARDS],
    /// The time of the last flush. The counts belong to its hour.
    since: Mutex<UnixSeconds>,
}

impl Activity {
    /// Makes counters that begin at `now`.
    pub fn new(now: UnixSeconds) -> Self {
        Self { shards: Default::default(), since: Mutex::new(now) }
    }

    /// Counts a sign-in in a browser.
    pub fn signed_in(&self) {
        self.add(SIGN_INS, "", 1);
    }

    /// Counts a failed sign-in. `client` is the client that sent the password; empty if a browser did.
    pub fn sign_in_failed(&self, client: &str) {
        self.add(FAILED_SIGN_INS, client, 1);
    }

    /// Counts an answer with tokens, which the registered client `client` got by `grant`.
    pub fn tokens_given(&self, grant: &str, client: &str) {
        if let Some(kind) = KINDS.iter().position(|kind| kind.strip_prefix("tokens_") == Some(grant)) {
            self.add(kind, client, 1);
        }
    }

    fn add(&self, kind: usize, client: &str, count: u64) {
        let shard = &self.shards[client.bytes().map(usize::from).sum::<usize>() % SHARDS];
        // Requests share the read lock, so they do not wait for each other.
        if let Some(counts) = shard.read().unwrap_or_else(PoisonError::into_inner).get(client) {
            counts[kind].fetch_add(count, Ordering::Relaxed);
            return;
        }
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        shard.entry(client.to_owned()).or_default()[kind].fetch_add(count, Ordering::Relaxed);
    }

    /// Returns all counts and resets them. Forgets the clients of which nothing was counted.
    fn take(&self) -> Vec<(String, [u64; KINDS.len()])> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).retain(|client, counts| {
                let counts = std::array::from_fn(|kind| std::mem::take(counts[kind].get_mut()));
                let is_active = counts.iter().any(|count| *count > 0);
                if is_active {
                    taken.push((client.clone(), counts));
                }
                is_active
            });
        }
        taken
    }

    /// Adds the counts to the rows of the hour in which they began. If the database fails, they are kept for the next time.
    pub async fn flush(&self, store: &Store, now: UnixSeconds) -> Result<(), StoreError> {
        let mut since = self.since.lock().await;
        let hour = *since - since.rem_euclid(HOUR);
        let taken = self.take();
        let mut sums = BTreeMap::<(&str, &str), i64>::new();
        for (client, counts) in &taken {
            for (kind, count) in KINDS.iter().zip(counts).filter(|(_, count)| **count > 0) {
                let count = i64::try_from(*count).unwrap_or(i64::MAX);
                // The empty id stands for all clients.
                for id in ["", client.as_str()].into_iter().take(if client.is_empty() { 1 } else { 2 }) {
                    *sums.entry((id, kind)).or_default() += count;
                }
            }
        }
        let row =
            |((client, kind), count): ((&str, &str), i64)| ActivityRow { client_id: client.to_owned(), hour, kind: kind.to_owned(), count };
        let rows: Vec<ActivityRow> = sums.into_iter().map(row).collect();
        if !rows.is_empty()
            && let Err(error) = activity::add(store, rows).await
        {
            for (client, counts) in taken {
                for (kind, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                    self.add(kind, &client, count);
                }
            }
            return Err(error);
        }
        *since = now;
        Ok(())
    }
}
