//! The states of signing keys, as functions of the stored dates and the time. Nothing here does I/O, and no state is
//! stored, so that nodes cannot disagree but by their clocks and by how lately they read the ring.
//!
//! A key is `published` (in the JWKS) until it signs, `active` until the next key signs, `retired` (in the JWKS) until
//! no token of it can be alive, then `gone`. A `revoked` key leaves the JWKS at once.

use crate::clock::{DAY, UnixSeconds};
use crate::store::signing_keys::SigningKeyRow;

/// How long the public part of a key that signs no more is kept, for old `id_token_hint`s.
const KEPT_FOR_HINTS: UnixSeconds = 90 * DAY;

/// The state of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In the JWKS, not signing yet.
    Published,
    /// In the JWKS, signing.
    Active,
    /// In the JWKS, for verification only.
    Retired,
    /// Out of the JWKS; its private part is erased.
    Gone,
    /// Out of the JWKS because it was revoked.
    Revoked,
}

impl State {
    /// The word for it.
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

/// A key's place in the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Key id: the RFC 7638 thumbprint.
    pub kid: String,
    /// Unique place in the order of signing.
    pub sequence: i32,
    /// When it came into the JWKS.
    pub published_at: UnixSeconds,
    /// From when on it signs.
    pub activates_at: UnixSeconds,
    /// When it was revoked.
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
    /// The keys, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The key that signs at `now`: the latest whose time has come. A key that was followed never signs again, even
    /// when its follower is revoked: then the next one signs, before its time. That is so as well on a node whose clock
    /// is behind the one by which that next key was put to work.
    pub fn active(&self, now: UnixSeconds) -> Option<&Entry> {
        self.in_time(now).or_else(|| self.next(now))
    }

    /// The key whose time to sign it is, unless that is revoked.
    pub fn in_time(&self, now: UnixSeconds) -> Option<&Entry> {
        let latest = self.0.iter().rev().find(|entry| entry.activates_at <= now && !entry.revoked_before_use())?;
        latest.revoked_at.is_none().then_some(latest)
    }

    /// The next key that will sign.
    pub fn next(&self, now: UnixSeconds) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.activates_at > now && entry.revoked_at.is_none())
    }

    /// The state of `entry` at `now`; a retired key stays in the JWKS for `retired_lifetime` seconds.
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

    /// When a later key begins to sign.
    pub fn superseded_at(&self, entry: &Entry) -> Option<UnixSeconds> {
        let later = self.0.iter().filter(|other| other.sequence > entry.sequence && !other.revoked_before_use());
        later.map(|other| other.activates_at).min()
    }

    /// The place of a key that is added now.
    pub fn next_sequence(&self) -> i32 {
        self.0.last().map_or(1, |entry| entry.sequence + 1)
    }

    /// When a key that is published at `now` may sign: after `lead` seconds and after those before it; at once where
    /// no key signs.
    pub fn next_activation(&self, now: UnixSeconds, lead: UnixSeconds) -> UnixSeconds {
        if self.active(now).is_none() {
            return now;
        }
        let last = self.0.iter().filter(|entry| entry.revoked_at.is_none()).map(|entry| entry.activates_at).max();
        last.unwrap_or(now).max(now + lead)
    }

    /// Whether the next key should be published now, so that it can take over once the active one has signed for
    /// `period` seconds.
    pub fn rotation_due(&self, now: UnixSeconds, period: UnixSeconds, lead: UnixSeconds) -> bool {
        match (self.next(now), self.in_time(now)) {
            (Some(_), _) => false,
            (None, Some(active)) => active.activates_at + period - lead <= now,
            (None, None) => true,
        }
    }

    /// Keys that no node signs with any more, `grace` seconds after they were followed.
    pub fn erasable(&self, now: UnixSeconds, grace: UnixSeconds) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| self.superseded_at(entry).is_some_and(|at| at + grace <= now))
    }

    /// Keys whose public part is of no more use either. The newest is always kept, so that the sequence goes on.
    pub fn removable(&self, now: UnixSeconds) -> impl Iterator<Item = &Entry> {
        let newest = self.0.last().map(|entry| entry.sequence);
        self.0.iter().filter(move |entry| {
            let ended = self.superseded_at(entry).into_iter().chain(entry.revoked_at).min();
            Some(entry.sequence) != newest && ended.is_some_and(|at| at + KEPT_FOR_HINTS <= now)
        })
    }
}

impl Entry {
    /// Whether it was revoked before its time to sign came: then it never followed anyone.
    fn revoked_before_use(&self) -> bool {
        self.revoked_at.is_some_and(|at| at <= self.activates_at)
    }
}
