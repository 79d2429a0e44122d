//! The words by which users, clients and groups are found. Each of them has a row for every word, which store/search.rs searches by its
//! beginning.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::store::entity::user_terms::{Column, Entity, Model};
use crate::store::{Inserts, StoreError};

/// The largest number of words of a user.
const MOST: usize = 32;
/// The largest number of words of a search. Further words are ignored.
const MOST_SEARCHED: usize = 8;
/// The longest word in bytes. A longer one is cut, in the table and in a search alike.
const LONGEST: usize = 48;
/// The largest number of characters of a text that is split into words.
const READ: usize = 1024;

/// Splits `text` into words: sequences of letters and digits, in lower case and in the normal form NFKC.
fn words_of(text: &str) -> impl Iterator<Item = String> {
    let normal: String = text.chars().take(READ).nfkc().flat_map(char::to_lowercase).collect();
    let words: Vec<String> = normal.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(cut).collect();
    words.into_iter()
}

fn cut(word: &str) -> String {
    let end = (0..=LONGEST.min(word.len())).rev().find(|end| word.is_char_boundary(*end)).unwrap_or(0);
    word[..end].to_owned()
}

/// Returns the words of a search, each once.
pub fn searched(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in words_of(text) {
        // A user who has a word that begins with `anna` has one that begins with `an` too.
        if !words.iter().any(|other| other.starts_with(&word)) {
            words.retain(|other| !word.starts_with(other));
            words.push(word);
        }
    }
    words.truncate(MOST_SEARCHED);
    words
}

/// Returns the words of a user, each once and in order.
pub fn of(username: &str, email: Option<&str>, name: Option<&str>) -> Vec<String> {
    // If there are too many words, those of the username and the address must be among the ones that stay.
    of_all([Some(username), email, name])
}

/// Returns the words of `texts`, each once and in order. If there are too many, those of the first texts stay.
pub(super) fn of_all<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in texts.into_iter().flatten().flat_map(words_of) {
        if words.len() < MOST && !words.contains(&word) {
            words.push(word);
        }
    }
    words.sort();
    words
}

/// Stores the words `terms` of `user`, who has none yet.
pub async fn insert(db: &impl ConnectionTrait, user: Uuid, terms: Vec<String>) -> Result<(), StoreError> {
    let mut inserts = Inserts::new(db);
    insert_all(&mut inserts, terms.into_iter().map(|term| (user, term)));
    inserts.run(db).await
}

/// Adds to `inserts` the insertion of a word for each pair of a user and a word. No pair may be stored yet.
pub fn insert_all(inserts: &mut Inserts, pairs: impl Iterator<Item = (Uuid, String)>) {
    let mut rows: Vec<Model> = pairs.map(|(user_id, term)| Model { term: term.into_bytes(), user_id }).collect();
    // Neighbours of an index stand beside each other, so that their page is looked for once.
    rows.sort_by(|one, other| (&one.term, one.user_id).cmp(&(&other.term, other.user_id)));
    inserts.add::<Entity>(&rows);
}

/// Stores the words `after` of `user` in place of the words `before`. Words that are in both stay as they are.
pub async fn replace(db: &impl ConnectionTrait, user: Uuid, before: &[String], after: &[String]) -> Result<(), StoreError> {
    let gone: Vec<Vec<u8>> = before.iter().filter(|term| !after.contains(term)).map(|term| term.clone().into_bytes()).collect();
    if !gone.is_empty() {
        Entity::delete_many().filter(Column::UserId.eq(user)).filter(Column::Term.is_in(gone)).exec(db).await?;
    }
    insert(db, user, after.iter().filter(|term| !before.contains(term)).cloned().collect()).await
}
