//! The states of signing keys, as functions of the stored dates and the time. No state is stored, so nodes can disagree only if
//! their clocks differ or if they read the ring at different times. Nothing here does I/O.
//!
//! A key is `published` (in the JWKS) until it signs, `active` until the next key signs, `retired` (in the JWKS) until all its
//! tokens have expired, and then `gone`. A `revoked` key leaves the JWKS at once.

use crate::clock::{DAY, UnixSeconds};
use crate::store::signing_keys::SigningKeyRow;

/// The time for which the public part of a key is kept after the key has stopped signing, in seconds. It verifies old
/// `id_token_hint`s.
const KEPT_FOR_HINTS: UnixSeconds = 90 * DAY;

/// The state of a key at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In the JWKS, but not signing yet.
    Published,
    /// In the JWKS, and signing new tokens.
    Active,
    /// In the JWKS, for verification only.
    Retired,
    /// Out of the JWKS; its private part is erased.
    Gone,
    /// Out of the JWKS because it was revoked.
    Revoked,
}

impl State {
    /// The name of the state in lower case, as operators see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Gone => "gone",
            Self::Revoked => "revoked",
        }
    }
}

/// A key's place in the ring, and the dates that its state follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Entry {
    /// The key id, which is the RFC 7638 thumbprint of the key.
    pub kid: String,
    /// The place in the order in which keys sign; no two keys share one.
    pub sequence: i32,
    pub published_at: UnixSeconds,
    /// The time from which the key signs.
    pub activates_at: UnixSeconds,
    pub revoked_at: Option<UnixSeconds>,
}

impl From<&SigningKeyRow> for Entry {
    fn from(row: &SigningKeyRow) -> Self {
        Self {
            kid: row.kid.clone(),
            sequence: row.sequence,
            published_at: row.published_at,
            activates_at: row.activates_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// The keys in the order in which they sign.
#[derive(Debug, Clone, Default)]
pub struct Ring(Vec<Entry>);

impl FromIterator<Entry> for Ring {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|entry| entry.sequence);
        Self(entries)
    }
}

impl Ring {
    /// The keys in the order in which they sign.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The key that signs at `now`: the latest whose time has come. A key that was superseded never signs again. So if the latest key
    /// is revoked, the next key signs before its time, even on a node whose clock is behind that of the node that revoked.
    pub fn active(&self, now: UnixSeconds) -> Option<&Entry> {
        self.in_time(now).or_else(|| self.next(now))
    }

    /// The latest key whose time to sign has come. `None` if it is revoked, or if there is none.
    pub fn in_time(&self, now: UnixSeconds) -> Option<&Entry> {
        let latest = self.0.iter().rev().find(|entry| entry.activates_at <= now && !entry.revoked_before_use())?;
        latest.revoked_at.is_none().then_some(latest)
    }

    /// The next key that will sign. `None` if no key waits for its time.
    pub fn next(&self, now: UnixSeconds) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.activates_at > now && entry.revoked_at.is_none())
    }

    /// Returns whether one of `kids` is a key of this ring that was not revoked.
    pub fn holds_usable(&self, kids: &[&str]) -> bool {
        self.0.iter().any(|entry| entry.revoked_at.is_none() && kids.contains(&entry.kid.as_str()))
    }

    /// The state of `entry` at `now`. A retired key stays in the JWKS for `retired_lifetime` seconds.
    pub fn state(&self, entry: &Entry, now: UnixSeconds, retired_lifetime: UnixSeconds) -> State {
        if entry.revoked_at.is_some() {
            return State::Revoked;
        }
        match self.superseded_at(entry) {
            Some(at) if at <= now => {
                if now < at + retired_lifetime {
                    State::Retired
                } else {
                    State::Gone
                }
            }
            _ if entry.activates_at <= now => State::Active,
            _ => State::Published,
        }
    }

    /// The time from which a later key signs. `None` if there is no later key.
    pub fn superseded_at(&self, entry: &Entry) -> Option<UnixSeconds> {
        let later = self.0.iter().filter(|other| other.sequence > entry.sequence && !other.revoked_before_use());
        later.map(|other| other.activates_at).min()
    }

    /// The `sequence` of a key that is added now.
    pub fn next_sequence(&self) -> i32 {
        self.0.last().map_or(1, |entry| entry.sequence + 1)
    }

    /// The time from which a key that is published at `now` may sign: `lead` seconds later, and not before the keys published
    /// earlier. It is `now` if no key signs.
    pub fn next_activation(&self, now: UnixSeconds, lead: UnixSeconds) -> UnixSeconds {
        if self.active(now).is_none() {
            return now;
        }
        let last = self.0.iter().filter(|entry| entry.revoked_at.is_none()).map(|entry| entry.activates_at).max();
        last.unwrap_or(now).max(now + lead)
    }

    /// Returns whether the next key should be published now, so that it can take over once the active one has signed for
    /// `period` seconds.
    pub fn rotation_due(&self, now: UnixSeconds, period: UnixSeconds, lead: UnixSeconds) -> bool {
        match (self.next(now), self.in_time(now)) {
            (Some(_), _) => false,
            (None, Some(active)) => active.activates_at + period - lead <= now,
            (None, None) => true,
        }
    }

    /// Keys that were superseded at least `grace` seconds ago, so that no node signs with them any more.
    pub fn erasable(&self, now: UnixSeconds, grace: UnixSeconds) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| self.superseded_at(entry).is_some_and(|at| at + grace <= now))
    }

    /// Keys that stopped signing or were revoked so long ago that their public part is not needed either. The newest key is always kept,
    /// so that no `sequence` is used again.
    pub fn removable(&self, now: UnixSeconds) -> impl Iterator<Item = &Entry> {
        let newest = self.0.last().map(|entry| entry.sequence);
        self.0.iter().filter(move |entry| {
            let ended = self.superseded_at(entry).into_iter().chain(entry.revoked_at).min();
            Some(entry.sequence) != newest && ended.is_some_and(|at| at + KEPT_FOR_HINTS <= now)
        })
    }
}

impl Entry {
    /// Returns whether the key was revoked before its time to sign came, so that it never superseded another key.
    fn revoked_before_use(&self) -> bool {
        self.revoked_at.is_some_and(|at| at <= self.activates_at)
    }
}
