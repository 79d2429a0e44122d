//! The cursor of the feed (docs/revocation-feed.md): the newest entry that the verifier knows, an older one, the mark, and the exclusive-or of
//! the random ids of the entries between the two.
//!
//! A node that knows the same ones goes on after the newest entry. A node that knows others, such as one of a database that was restored or that
//! failed over, goes on after the mark, or begins again if it does not know that either.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// The place from which a verifier goes on. The ids are 0 where there is no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The id of an entry that was older than `MARK_AGE`, as all before it.
    pub(super) mark: u128,
    /// The id of the newest entry that the verifier knows.
    pub(super) newest: u128,
    /// The exclusive-or of the ids of the entries from the one after the mark to the newest.
    pub(super) sum: u128,
}

impl Cursor {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 48] = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let part = |number: usize| Some(u128::from_be_bytes(bytes[number * 16..][..16].try_into().ok()?));
        Some(Self { mark: part(0)?, newest: part(1)?, sum: part(2)? })
    }

    pub(super) fn text(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([self.mark, self.newest, self.sum].map(u128::to_be_bytes).concat())
    }
}
