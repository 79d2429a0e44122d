//! What this node knows of the revocations: the entries of the feed that verifiers read (docs/revocation-feed.md), in memory.
//!
//! A job reads the new entries five times a second, however many verifiers wait. PostgreSQL may commit entries in another order than that
//! of their places, so each round reads again what is younger than [`SETTLED`].
//!
//! A cursor names the entry up to which all is settled, and the exclusive-or of the random ids of the entries from there on. Two nodes that
//! know the same entries therefore make the same cursor, and a node that knows others, such as one of a database that was restored, finds
//! another sum or does not find the entry at all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use tokio::sync::watch;

use crate::clock::{Clock, UnixSeconds};
use crate::config::Settings;
use crate::store::revocations::{self, RevocationRow};
use crate::store::{Store, StoreError};

/// A transaction that wrote an entry has ended after this time: a trigger of PostgreSQL undoes it if it has lasted for 30 s when it commits.
const SETTLED: Duration = Duration::from_secs(40);

/// A verifier that lacks more entries than this gets everything, from the buffer that all share.
const MOST_NEWS: usize = 1000;

/// After this long without a successful read, the node no longer knows whether there is news.
const BLIND_AFTER: Duration = Duration::from_secs(2);

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

/// The place of an entry that is not in the database any more, because the database was restored. It comes before all others.
const ELSEWHERE: i64 = -1;

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
    sequence: i64,
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
        Some(Self { sequence: row.sequence, id, refused, written_at, sum: 0 })
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

/// The entries in the order of their places.
#[derive(Debug, Default)]
struct Known {
    entries: Vec<Entry>,
    places: HashMap<u128, usize>,
    /// The answer to those who know nothing, for as long as the entries stay the same.
    everything: Option<Arc<[u8]>>,
    /// The monotonic time of the last successful read.
    read_at: Option<Duration>,
}

impl Known {
    /// The number of entries at the beginning that no other transaction can precede any more.
    fn settled(&self, now: Duration) -> usize {
        self.entries.iter().rposition(|entry| entry.age(now) >= SETTLED.as_millis().cast_signed()).map_or(0, |last| last + 1)
    }

    /// The place and the id of the last settled entry of the database, from which the next read goes on.
    fn mark(&self, now: Duration) -> Option<(i64, u128)> {
        let settled = &self.entries[..self.settled(now)];
        settled.iter().rev().find(|entry| entry.sequence != ELSEWHERE).map(|entry| (entry.sequence, entry.id))
    }

    /// Takes the places of `rows`, which are all of the database, in place of those of the database before. Entries that are gone stay
    /// known, because verifiers keep them too.
    fn renumber(&mut self, rows: &[RevocationRow]) {
        let places: HashMap<&[u8], i64> = rows.iter().map(|row| (row.id.as_slice(), row.sequence)).collect();
        for entry in &mut self.entries {
            entry.sequence = places.get(entry.id.to_be_bytes().as_slice()).copied().unwrap_or(ELSEWHERE);
        }
        self.sort();
    }

    /// Adds those of `rows` that are new; returns whether there are any.
    fn add(&mut self, rows: Vec<RevocationRow>, now: Duration) -> bool {
        let new: Vec<Entry> = rows.into_iter().filter_map(|row| Entry::new(row, now)).collect();
        let new: Vec<Entry> = new.into_iter().filter(|entry| !self.places.contains_key(&entry.id)).collect();
        if new.is_empty() {
            return false;
        }
        self.entries.extend(new);
        self.sort();
        true
    }

    fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.sequence);
        self.sum_up();
    }

    fn sum_up(&mut self) {
        self.everything = None;
        let mut sum = 0;
        for entry in &mut self.entries {
            sum ^= entry.id;
            entry.sum = sum;
        }
        self.places = self.entries.iter().enumerate().map(|(place, entry)| (entry.id, place)).collect();
    }

    /// Drops the entries that nobody needs any more.
    fn drop_old(&mut self, lifetimes: Lifetimes, now: Duration) {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.is_needed(lifetimes, now));
        if self.entries.len() != before {
            self.sum_up();
        }
    }

    /// The exclusive-or of the ids of the entries from `place` on.
    fn sum_from(&self, place: usize) -> u128 {
        let all = self.entries.last().map_or(0, |last| last.sum);
        let before = place.checked_sub(1).map_or(0, |before| self.entries[before].sum);
        all ^ before
    }
}

/// The place from which a verifier goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    /// The id of the last settled entry; 0 if there was none.
    mark: u128,
    /// The exclusive-or of the ids from that entry on.
    sum: u128,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (mark, sum) = bytes.split_at(16);
        Some(Self { mark: u128::from_be_bytes(mark.try_into().ok()?), sum: u128::from_be_bytes(sum.try_into().ok()?) })
    }

    fn text(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([self.mark.to_be_bytes(), self.sum.to_be_bytes()].concat())
    }
}

/// The answer to a cursor.
#[derive(Debug)]
pub enum Answer {
    /// The verifier knows nothing, its cursor is unknown, or it lacks more than [`MOST_NEWS`]. The answer is [`News`] in JSON, in one buffer for all who ask.
    Everything(Arc<[u8]>),
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
    rows: Vec<RevocationRow>,
    /// The monotonic time before the read.
    now: Duration,
    is_same_database: bool,
}

impl Found {
    /// Returns the keys among what was found. A key is found in each round at least until its entry is settled.
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
}

impl RevocationFeed {
    /// Makes a feed that has read nothing yet.
    pub fn new(settings: &Settings) -> Self {
        let lifetimes = Lifetimes { handles: settings.revocation_lifetime(), keys: settings.key_revocation_lifetime() };
        Self { lifetimes, known: Mutex::default(), changed: watch::Sender::new(()) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what may be new; returns what was found, for [`RevocationFeed::publish`].
    pub async fn read(&self, store: &Store, clock: &dyn Clock) -> Result<Found, StoreError> {
        // The time before the statement, so that no entry seems younger than it is.
        let now = clock.monotonic();
        let mark = self.known().mark(now);
        let mut rows = revocations::from(store.reader(), mark.map_or(0, |(sequence, _)| sequence)).await?;
        let is_same_database = mark.is_none_or(|(_, id)| rows.first().is_some_and(|first| first.id == id.to_be_bytes()));
        if !is_same_database {
            rows = revocations::from(store.reader(), 0).await?;
        }
        // The cleanup has not deleted these yet. Adding them again after they were dropped would look like news.
        rows.retain(|row| row.age < if row.kid.is_some() { self.lifetimes.keys } else { self.lifetimes.handles });
        Ok(Found { rows, now, is_same_database })
    }

    /// Takes up what [`RevocationFeed::read`] found, and wakes those who wait if there is any news.
    pub fn publish(&self, found: Found) {
        let Found { rows, now, is_same_database } = found;
        let mut known = self.known();
        if !is_same_database {
            known.renumber(&rows);
        }
        known.drop_old(self.lifetimes, now);
        let is_new = known.add(rows, now);
        let was_blind = known.read_at.replace(now).is_none();
        drop(known);
        if is_new || was_blind {
            self.changed.send_replace(());
        }
    }

    /// Returns what a verifier with the cursor `after` does not know. `None` asks for everything. Fails if no JSON can be made of it.
    pub fn answer(&self, after: Option<&str>, clock: &dyn Clock) -> serde_json::Result<Answer> {
        let now = clock.monotonic();
        let mut known = self.known();
        if known.read_at.is_none_or(|read_at| now.saturating_sub(read_at) > BLIND_AFTER) {
            return Ok(Answer::Blind);
        }
        let settled = known.settled(now);
        let mark = settled.checked_sub(1);
        let cursor = Cursor { mark: mark.map_or(0, |place| known.entries[place].id), sum: known.sum_from(mark.unwrap_or(0)) };
        let theirs = after.and_then(Cursor::parse);
        let place = theirs.and_then(|theirs| if theirs.mark == 0 { Some(0) } else { known.places.get(&theirs.mark).copied() });
        let news = |from: usize| {
            let keep_for = self.lifetimes.handles;
            let mut news = News { cursor: cursor.text(), keep_for, revoked: Vec::new(), revoked_kids: Vec::new() };
            for entry in &known.entries[from..] {
                match &entry.refused {
                    Refused::Grant(hash) => news.revoked.push(Arc::clone(hash)),
                    Refused::Kid(kid) => news.revoked_kids.push(Arc::clone(kid)),
                }
            }
            news
        };
        Ok(match (theirs, place) {
            (Some(theirs), Some(place)) if known.sum_from(place) == theirs.sum => Answer::Nothing(news(known.entries.len())),
            (_, Some(place)) if known.entries.len() - place <= MOST_NEWS => Answer::News(news(place)),
            _ => {
                let everything = match &known.everything {
                    Some(everything) => Arc::clone(everything),
                    None => serde_json::to_vec(&news(0))?.into(),
                };
                known.everything = Some(Arc::clone(&everything));
                Answer::Everything(everything)
            }
        })
    }

    /// Returns a receiver that is told when there may be news.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Wakes all who wait, because the server is about to stop.
    pub fn wake(&self) {
        self.changed.send_replace(());
    }
}
