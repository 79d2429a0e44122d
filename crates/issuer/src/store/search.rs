//! Finds users, clients and groups by the beginnings of their words, which the tables `user_terms`, `client_terms` and `group_terms` hold.
//!
//! A search has one or several words, and each of them must begin a term of what is found. The rarest word leads: its terms are read in
//! their order, and for each of them an index tells whether the other words fit too. A page reads at most [`READ`] terms, so that two
//! frequent words that fit nobody together cost no more than a page; it may then be short and still have a next page.

use sea_orm::{ConnectionTrait, TryGetable, Value};

use crate::store::StoreError;
use crate::store::query::text;

pub use crate::store::terms::searched;

/// The largest number of terms that one page reads.
const READ: u64 = 2_500;

/// A table of terms, and the column that refers to what has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub table: &'static str,
    pub key: &'static str,
}

/// The key of what is found: the id of a user or group, or that of a client.
pub trait Key: Clone + Into<Value> + TryGetable {}
impl<K: Clone + Into<Value> + TryGetable> Key for K {}

/// A place in the list of what a search finds: the term that fits, and the key of what has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Place<K> {
    pub term: String,
    pub key: K,
}

/// A page of what a search finds.
#[derive(Debug, Clone)]
pub struct Found<K> {
    /// The keys, in the order of the terms that fit.
    pub keys: Vec<K>,
    /// The place after which the next page begins; `None` at the end.
    pub next: Option<Place<K>>,
}

/// A statement whose values are collected while its text is written.
#[derive(Default)]
struct Builder {
    values: Vec<Value>,
}

impl Builder {
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Returns the condition that the term of `alias` begins with `word`.
    fn begins(&mut self, alias: &str, word: &str) -> String {
        let (from, until) = (self.bind(word.as_bytes().to_vec()), self.bind(after(word)));
        format!("{alias}.term >= {from} AND {alias}.term < {until}")
    }

    /// Returns the condition that the row `t` stands after the place `from`, or is the first that begins with `word`, and stands no later
    /// than the place `until`, or begins with `word`.
    fn range<K: Key>(&mut self, terms: Terms, word: &str, from: Option<&Place<K>>, until: Option<&Place<K>>) -> String {
        let from = match from {
            Some(place) => self.compared(terms, ">", place),
            None => format!("t.term >= {}", self.bind(word.as_bytes().to_vec())),
        };
        let until = match until {
            Some(place) => self.compared(terms, "<=", place),
            None => format!("t.term < {}", self.bind(after(word))),
        };
        format!("{from} AND {until}")
    }

    fn compared<K: Key>(&mut self, terms: Terms, sign: &str, place: &Place<K>) -> String {
        let (term, key) = (self.bind(place.term.as_bytes().to_vec()), self.bind(place.key.clone()));
        format!("(t.term, t.{}) {sign} ({term}, {key})", terms.key)
    }
}

/// Returns the first bytes after all terms that begin with `word`. No byte of UTF-8 is 255.
fn after(word: &str) -> Vec<u8> {
    let mut bytes = word.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    bytes
}

/// Returns up to `limit` keys that have a term for each of `words`, and that meet `condition`, an SQL expression over the row `t`. `after`
/// is the place that the page before gave.
pub(super) async fn find<K: Key>(
    db: &impl ConnectionTrait,
    terms: Terms,
    words: &[String],
    condition: Option<&str>,
    after: Option<Place<K>>,
    limit: u64,
) -> Result<Found<K>, StoreError> {
    let nothing = Found { keys: Vec::new(), next: None };
    // The leading word of the pages before is the one that begins the term at which they ended.
    let leading = match &after {
        Some(place) => words.iter().find(|word| place.term.starts_with(*word)),
        None => rarest(db, terms, words).await?,
    };
    let Some(word) = leading else { return Ok(nothing) };
    let others: Vec<&String> = words.iter().filter(|other| *other != word).collect();
    let Terms { table, key } = terms;
    let is_picky = condition.is_some() || !others.is_empty();
    let until = if is_picky { last_read(db, terms, word, after.as_ref()).await? } else { None };

    let mut builder = Builder::default();
    let mut sql = format!("SELECT t.term, t.{key} FROM {table} AS t WHERE {}", builder.range(terms, word, after.as_ref(), until.as_ref()));
    // What has several terms that begin with the word is found by the first of them. The planner cannot join a scalar subquery, so it
    // looks into the index for each row, however frequent it thinks the word is.
    let from = builder.bind(word.as_bytes().to_vec());
    sql += &format!(" AND (SELECT 1 FROM {table} AS o WHERE o.{key} = t.{key} AND o.term >= {from} AND o.term < t.term LIMIT 1) IS NULL");
    for other in others {
        let begins = builder.begins("o", other);
        sql += &format!(" AND (SELECT 1 FROM {table} AS o WHERE o.{key} = t.{key} AND {begins} LIMIT 1) IS NOT NULL");
    }
    if let Some(condition) = condition {
        sql += &format!(" AND {condition}");
    }
    sql += &format!(" ORDER BY t.term, t.{key} LIMIT {}", limit + 1);
    let mut places = places::<K>(db, terms, &sql, builder.values).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = if places.len() > limit {
        places.truncate(limit);
        places.last().cloned()
    } else {
        until
    };
    Ok(Found { keys: places.into_iter().map(|place| place.key).collect(), next })
}

/// Returns the last of the [`READ`] terms of a page; `None` if there are fewer.
async fn last_read<K: Key>(
    db: &impl ConnectionTrait,
    terms: Terms,
    word: &str,
    after: Option<&Place<K>>,
) -> Result<Option<Place<K>>, StoreError> {
    let Terms { table, key } = terms;
    let mut builder = Builder::default();
    let range = builder.range(terms, word, after, None);
    let sql = format!("SELECT t.term, t.{key} FROM {table} AS t WHERE {range} ORDER BY t.term, t.{key} LIMIT 1 OFFSET {READ}");
    Ok(places(db, terms, &sql, builder.values).await?.pop())
}

async fn places<K: Key>(db: &impl ConnectionTrait, terms: Terms, sql: &str, values: Vec<Value>) -> Result<Vec<Place<K>>, StoreError> {
    let mut places = Vec::new();
    for row in db.query_all_raw(text(db, sql, values)).await? {
        let term = String::from_utf8(row.try_get("", "term")?).map_err(|_| StoreError::Corrupt("a term is not UTF-8".to_owned()))?;
        places.push(Place { term, key: row.try_get("", terms.key)? });
    }
    Ok(places)
}

/// Returns the word with which the fewest terms begin, the longest of several; `None` if there are no words.
async fn rarest<'w>(db: &impl ConnectionTrait, terms: Terms, words: &'w [String]) -> Result<Option<&'w String>, StoreError> {
    if words.len() < 2 {
        return Ok(words.first());
    }
    let mut rarest: Option<((i64, isize), &String)> = None;
    for word in words {
        let mut builder = Builder::default();
        let begins = builder.begins("t", word);
        let sql = format!("SELECT count(*) AS n FROM (SELECT 1 FROM {} AS t WHERE {begins} LIMIT {READ}) AS counted", terms.table);
        let row = db.query_all_raw(text(db, sql, builder.values)).await?.pop();
        let count = row.map_or(Ok(0), |row| row.try_get::<i64>("", "n"))?;
        let weight = (count, -word.len().cast_signed());
        if rarest.is_none_or(|(least, _)| weight < least) {
            rarest = Some((weight, word));
        }
    }
    Ok(rarest.map(|(_, word)| word))
}
