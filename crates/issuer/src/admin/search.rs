//! Finds users, clients and groups by the beginnings of their words: each word of a search must begin a word of the name, and for users
//! also one of the username or email address.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::str::FromStr;

use crate::admin::{Listing, Refused, Window};
use crate::store::StoreError;
use crate::store::search::{Found, Place, searched};

/// The number up to which the results of a search are counted.
pub const COUNTED: u64 = 1000;

/// The number of what a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// The number that was counted.
    pub number: usize,
    /// `true` if there may be more.
    pub is_more: bool,
}

impl Total {
    /// Makes the number of what `found` holds.
    pub(super) fn of<K>(found: &Found<K>) -> Self {
        Self { number: found.keys.len(), is_more: found.next.is_some() }
    }
}

/// Returns the words of a search; `None` if nothing is searched.
pub(super) fn words(search: Option<&str>) -> Option<Vec<String>> {
    search.filter(|text| !text.trim().is_empty()).map(searched)
}

/// Returns the place after which a page begins.
pub(super) fn place<K: FromStr>(window: &Window) -> Result<Option<Place<K>>, Refused> {
    let Some(cursor) = &window.after else { return Ok(None) };
    let place = cursor.split_once(' ').and_then(|(term, key)| Some(Place { term: term.to_owned(), key: key.parse().ok()? }));
    place.map(Some).ok_or_else(|| Refused::invalid("after", "the cursor of a page of this search, as the page before gave it"))
}

/// Makes a page of `rows`, in the order of what was found.
pub(super) fn page<K: Eq + Hash + Display, R>(found: Found<K>, rows: Vec<R>, key: impl Fn(&R) -> K) -> Listing<R> {
    let mut rows: HashMap<K, R> = rows.into_iter().map(|row| (key(&row), row)).collect();
    let items = found.keys.iter().filter_map(|key| rows.remove(key)).collect();
    Listing { items, next: found.next.map(|place| format!("{} {}", place.term, place.key)) }
}

/// Counts what the words of `search` find; 0 if it has no words.
pub(super) async fn count<K>(
    search: &str,
    find: impl AsyncFnOnce(Vec<String>, u64) -> Result<Found<K>, StoreError>,
) -> Result<Total, Refused> {
    Ok(Total::of(&find(searched(search), COUNTED).await?))
}
