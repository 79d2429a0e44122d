//! Splits texts into the words by which users, clients and groups are found. Each of them has a row for every word, which
//! store/search.rs searches by its beginning.

use unicode_normalization::UnicodeNormalization;

/// The largest number of words of a user, client or group.
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
