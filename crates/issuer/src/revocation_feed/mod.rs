//! What this node knows of the revocations: the entries of the feed that verifiers read (docs/revocation-feed.md), in memory.
//!
//! A job reads the new entries five times a second, however many verifiers wait. An entry can be read only together with all before it
//! (`store/revocation_entries.rs`), so a node goes on from the last entry that it has read, however long ago that was. `cursor.rs` says how a verifier names
//! what it has read.

mod cursor;

use std::collections::HashMap;
use std::collections::hash_map::Entry::Vacant;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use tokio::sync::watch;

use crate::clock::{Clock, UnixSeconds};
use crate::config::Settings;
use crate::revocation_feed::cursor::Cursor;
use crate::store::revocation_entries::{self, RevocationRow};
use crate::store::{Store, StoreError};

/// The mark of a cursor is older than this. Each node that answers has read it, because a node is blind after [`BLIND_AFTER`].
const MARK_AGE: Duration = Duration::from_secs(30);

/// Entries that nobody needs any more are dropped this often.
const DROPS: Duration = Duration::from_secs(10);

/// An answer with more entries than this lies in a buffer that all share who lack the same entries.
const MOST_NEWS: usize = 1000;
/// A verifier that lacks more entries than this gets everything.
const MOST_SHARED_NEWS: usize = 10_000;
/// The largest number of answers in shared buffers. They are made again whenever an entry is added, so that requests with ever other cursors
/// must not have ever other answers made. A verifier for which there is no room gets everything.
const SHARED_NEWS: usize = 8;

/// After this long without a successful read, the node no longer knows whether there is news.
pub const BLIND_AFTER: Duration = Duration::from_secs(2);

/// How long the entries are kept, in seconds.
#[derive(Debug, Clone, Copy)]
struct Lifetimes {
    handles: UnixSeconds,
    /// This is longer, because verifiers that do not reach the issuer go on with the keys that they have.
    keys: UnixSeconds,
}

/// An answer of the feed.
#[derive(Debug, Serialize)]
pub struct News {
    /// The place from which the next request goes on. Opaque to verifiers, and valid at every node.
    pub cursor: String,
    /// The seconds for which a verifier must keep each entry.
    pub keep_for: UnixSeconds,
    /// The first 16 bytes of the SHA-256 of each `grant_id` that is refused, in base64url.
    pub revoked: Vec<Arc<str>>,
    /// The keys whose signatures are refused.
    pub revoked_kids: Vec<Arc<str>>,
}

/// The thing whose tokens an entry refuses.
#[derive(Debug, Clone)]
enum Refused {
    /// The tokens of a handle, as the feed writes it.
    Grant(Arc<str>),
    /// The tokens that a key has signed.
    Kid(Arc<str>),
}

#[derive(Debug, Clone)]
struct Entry {
    id: u128,
    refused: Refused,
    /// The monotonic time of this node at which the entry was written; negative if it was written before the node started.
    written_at: i128,
    /// The exclusive-or of the ids of this entry and of all before it.
    sum: u128,
}

impl Entry {
    fn new(row: RevocationRow, now: Duration) -> Option<Self> {
        let id = u128::from_be_bytes(row.id.try_into().ok()?);
        let refused = match (row.grant_id, row.kid) {
            (Some(handle), _) => Refused::Grant(hash(&BASE64_URL_SAFE_NO_PAD.encode(handle)).into()),
            (None, Some(kid)) => Refused::Kid(kid.into()),
            (None, None) => return None,
        };
        let written_at = now.as_millis().cast_signed() - i128::from(row.age) * 1000;
        Some(Self { id, refused, written_at, sum: 0 })
    }

    fn age(&self, now: Duration) -> i128 {
        now.as_millis().cast_signed() - self.written_at
    }

    fn is_needed(&self, lifetimes: Lifetimes, now: Duration) -> bool {
        let seconds = if let Refused::Kid(_) = self.refused { lifetimes.keys } else { lifetimes.handles };
        self.age(now) < i128::from(seconds) * 1000
    }
}

/// Returns the hash by which the feed names the handle in the claim `grant_id`.
pub fn hash(grant_id: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, grant_id.as_bytes()).as_ref()[..16])
}

/// The entries, in the order in which this node has read them. It is that of their places, and so the same for all nodes, but for nodes that
/// go on while the database fails over or is restored.
#[derive(Debug, Default)]
struct Known {
    entries: Vec<Entry>,
    /// For each id the number of entries up to its own.
    places: HashMap<u128, usize>,
    /// The place and the id of the last entry that was read from the database.
    last: Option<(i64, u128)>,
    /// The number of entries at the beginning that are older than [`MARK_AGE`].
    old: usize,
    /// The answers to those who know so many of the first entries, for as long as the entries stay the same. Those who know none get
    /// everything.
    shared: HashMap<usize, Arc<[u8]>>,
    /// The monotonic time of the last successful read.
    read_at: Option<Duration>,
    /// The monotonic time at which entries were dropped.
    dropped_at: Duration,
}

impl Known {
    /// Adds those of `rows` that are new; returns whether there are any.
    fn add(&mut self, rows: Vec<RevocationRow>, now: Duration) -> bool {
        let before = self.entries.len();
        for mut entry in rows.into_iter().filter_map(|row| Entry::new(row, now)) {
            if let Vacant(place) = self.places.entry(entry.id) {
                entry.sum = entry.id ^ self.entries.last().map_or(0, |last| last.sum);
                self.entries.push(entry);
                place.insert(self.entries.len());
            }
        }
        let is_new = self.entries.len() != before;
        if is_new {
            self.shared.clear();
        }
        is_new
    }

    /// Drops the entries that nobody needs any more.
    fn drop_old(&mut self, lifetimes: Lifetimes, now: Duration) {
        if now.saturating_sub(self.dropped_at) < DROPS {
            return;
        }
        self.dropped_at = now;
        let before = self.entries.len();
        self.entries.retain(|entry| entry.is_needed(lifetimes, now));
        if self.entries.len() != before {
            self.shared.clear();
            self.old = 0;
            let mut sum = 0;
            for entry in &mut self.entries {
                sum ^= entry.id;
                entry.sum = sum;
            }
            self.places = self.entries.iter().enumerate().map(|(place, entry)| (entry.id, place + 1)).collect();
        }
    }

    /// Counts the entries that have become old. Ends at the first one that is not, so that the mark is before all that are not.
    fn count_old(&mut self, now: Duration) {
        let is_old = |entry: &&Entry| entry.age(now) >= MARK_AGE.as_millis().cast_signed();
        self.old += self.entries[self.old..].iter().take_while(is_old).count();
    }

    /// The id of the last of the first `count` entries, and the exclusive-or of their ids. Both are 0 if `count` is.
    fn at(&self, count: usize) -> (u128, u128) {
        count.checked_sub(1).map_or((0, 0), |last| (self.entries[last].id, self.entries[last].sum))
    }

    /// The number of entries up to that of `id`; 0 for the beginning, which is 0.
    fn count_to(&self, id: u128) -> Option<usize> {
        if id == 0 { Some(0) } else { self.places.get(&id).copied() }
    }

    /// The cursor of a verifier that knows all entries.
    fn cursor(&self) -> Cursor {
        let ((mark, to_mark), (newest, all)) = (self.at(self.old), self.at(self.entries.len()));
        Cursor { mark, newest, sum: to_mark ^ all }
    }

    /// Returns whether this node no longer knows if there is news.
    fn is_blind(&self, now: Duration) -> bool {
        self.read_at.is_none_or(|read_at| now.saturating_sub(read_at) > BLIND_AFTER)
    }

    /// The number of entries at the beginning that a verifier with this cursor certainly knows, and whether these are those up to its newest
    /// one. `None` if the mark is unknown.
    fn known_to(&self, cursor: Cursor) -> Option<(usize, bool)> {
        let mark = self.count_to(cursor.mark)?;
        let newest = self.count_to(cursor.newest).filter(|newest| mark <= *newest && self.at(mark).1 ^ self.at(*newest).1 == cursor.sum);
        Some((newest.unwrap_or(mark), newest.is_some()))
    }
}

/// The answer to a cursor.
#[derive(Debug)]
pub enum Answer {
    /// The verifier knows nothing, its cursor is unknown, or it lacks more than [`MOST_NEWS`]. The answer is [`News`] in JSON, in one buffer for
    /// all who lack the same.
    Shared(Arc<[u8]>),
    /// There are entries that the verifier does not know.
    News(News),
    /// There is nothing new.
    Nothing(News),
    /// The node does not know, because the database has not answered for [`BLIND_AFTER`].
    Blind,
}

/// Holds what a read has found, before any verifier is told.
#[derive(Debug)]
pub struct Found {
    /// The entries that may be new.
    rows: Vec<RevocationRow>,
    /// The place and the id of the last entry of the database.
    last: Option<(i64, u128)>,
    /// The monotonic time before the read.
    now: Duration,
    /// The number of the read.
    read: u64,
}

impl Found {
    /// Returns the keys among what was found.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(|row| row.kid.as_deref())
    }
}

/// The revocations that this node knows.
#[derive(Debug)]
pub struct RevocationFeed {
    lifetimes: Lifetimes,
    known: Mutex<Known>,
    changed: watch::Sender<()>,
    /// The number of reads that have begun.
    begun: AtomicU64,
    /// The number of the last read that was published.
    published: watch::Sender<u64>,
}

impl RevocationFeed {
    /// Makes a feed that has read nothing yet.
    pub fn new(settings: &Settings) -> Self {
        let lifetimes = Lifetimes { handles: settings.revocation_lifetime(), keys: settings.key_revocation_lifetime() };
        let (begun, published) = (AtomicU64::new(0), watch::Sender::new(0));
        Self { lifetimes, known: Mutex::default(), changed: watch::Sender::new(()), begun, published }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what may be new; returns what was found, for [`RevocationFeed::publish`]. Only one call may be under way at a time.
    pub async fn read(&self, store: &Store, clock: &dyn Clock) -> Result<Found, StoreError> {
        let read = || self.read_once(store, clock);
        // The first read, of everything, takes its time, and would take longer if it were begun again.
        let is_first = self.known().read_at.is_none();
        if is_first { store.within(read()).await } else { store.within_again(BLIND_AFTER, read).await }
    }

    async fn read_once(&self, store: &Store, clock: &dyn Clock) -> Result<Found, StoreError> {
        let read = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        // The time before the statement, so that no entry seems younger than it is.
        let now = clock.monotonic();
        let last = self.known().last;
        let mut rows = ordered(store, last.map_or(0, |(sequence, _)| sequence)).await?;
        let is_same_database = last.is_none_or(|last| rows.first().is_some_and(|first| place(first) == Some(last)));
        if !is_same_database {
            rows = ordered(store, 0).await?;
        }
        let newest = rows.last().and_then(place);
        if last.is_some() && is_same_database {
            rows.remove(0);
        }
        // The cleanup has not deleted these yet. Adding them again after they were dropped would look like news.
        rows.retain(|row| row.age < if row.kid.is_some() { self.lifetimes.keys } else { self.lifetimes.handles });
        Ok(Found { rows, last: newest, now, read })
    }

    /// Takes up what [`RevocationFeed::read`] found, and wakes those who wait if there is any news. If it `is_settled`, the next read goes on
    /// from there; otherwise it finds the same again.
    pub fn publish(&self, found: Found, is_settled: bool) {
        let Found { rows, last, now, read } = found;
        let mut known = self.known();
        if is_settled {
            known.last = last;
        }
        known.drop_old(self.lifetimes, now);
        let is_new = known.add(rows, now);
        known.count_old(now);
        let was_blind = known.read_at.replace(now).is_none();
        drop(known);
        self.published.send_replace(read);
        if is_new || was_blind {
            self.changed.send_replace(());
        }
    }

    /// Waits for a read that began after this call if the verifier with the cursor `after` knows a newer entry than this node, because it was
    /// answered by another node. A node that is blind waits for nothing.
    pub async fn catch_up(&self, after: &str, clock: &dyn Clock) {
        let is_behind = Cursor::parse(after).is_some_and(|theirs| {
            let known = self.known();
            !known.is_blind(clock.monotonic()) && known.count_to(theirs.mark).is_some() && known.count_to(theirs.newest).is_none()
        });
        if is_behind {
            let begun = self.begun.load(Ordering::Acquire);
            // Fails only if there is no feed any more.
            let _ = self.published.subscribe().wait_for(|published| *published > begun).await;
        }
    }

    /// Returns what a verifier with the cursor `after` does not know. `None` asks for everything. Fails if no JSON can be made of it.
    pub fn answer(&self, after: Option<&str>, clock: &dyn Clock) -> serde_json::Result<Answer> {
        let now = clock.monotonic();
        let mut known = self.known();
        if known.is_blind(now) {
            return Ok(Answer::Blind);
        }
        let cursor = known.cursor().text();
        let theirs = after.and_then(Cursor::parse).and_then(|theirs| known.known_to(theirs));
        let news = |from: usize| {
            let keep_for = self.lifetimes.handles;
            let mut news = News { cursor, keep_for, revoked: Vec::new(), revoked_kids: Vec::new() };
            for entry in &known.entries[from..] {
                match &entry.refused {
                    Refused::Grant(hash) => news.revoked.push(Arc::clone(hash)),
                    Refused::Kid(kid) => news.revoked_kids.push(Arc::clone(kid)),
                }
            }
            news
        };
        let count = known.entries.len();
        Ok(match theirs {
            Some((from, true)) if from == count => Answer::Nothing(news(from)),
            Some((from, _)) if count - from <= MOST_NEWS => Answer::News(news(from)),
            theirs => {
                let is_kept = |from: usize| known.shared.contains_key(&from) || known.shared.len() < SHARED_NEWS;
                let from = theirs.map(|(from, _)| from).filter(|from| count - from <= MOST_SHARED_NEWS && is_kept(*from)).unwrap_or(0);
                let answer = match known.shared.get(&from) {
                    Some(answer) => Arc::clone(answer),
                    None => serde_json::to_vec(&news(from))?.into(),
                };
                known.shared.insert(from, Arc::clone(&answer));
                Answer::Shared(answer)
            }
        })
    }

    /// Returns a receiver that is told when there may be news.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Lets all who wait look again, because the server is about to stop or the database does not answer.
    pub fn wake(&self) {
        self.changed.send_replace(());
    }
}

/// Returns the entries from the place `first` on, all of which have a place. Gives places to those that have none first, if there are any.
async fn ordered(store: &Store, first: i64) -> Result<Vec<RevocationRow>, StoreError> {
    let mut rows = revocation_entries::from(store.reader(), first).await?;
    if rows.iter().any(|row| row.sequence.is_none()) {
        revocation_entries::give_places(store).await?;
        rows = revocation_entries::from(store.reader(), first).await?;
        // An entry that was committed after the places were given gets its place at the next read.
        rows.retain(|row| row.sequence.is_some());
    }
    Ok(rows)
}

fn place(row: &RevocationRow) -> Option<(i64, u128)> {
    Some((row.sequence?, u128::from_be_bytes(row.id.as_slice().try_into().ok()?)))
}
