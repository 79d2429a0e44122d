//! User names: one normal form, so that no two names look or type alike and guesses at one account share one counter.

use unicode_normalization::UnicodeNormalization;

/// The longest user name, in characters.
const MAX_LENGTH: usize = 128;

/// A user name that cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to {MAX_LENGTH} of the characters a-z 0-9 . _ + - @, beginning with a letter or digit")]
pub struct UsernameError;

/// The normal form in which names are stored, looked up and counted: NFKC, lower case.
pub fn normalize(typed: &str) -> String {
    typed.trim().nfkc().flat_map(char::to_lowercase).collect()
}

/// Checks a name that is to be given; returns its normal form.
pub fn validate(typed: &str) -> Result<String, UsernameError> {
    let name = normalize(typed);
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    let allowed = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-' | '@'));
    if begins_well && allowed && name.len() <= MAX_LENGTH { Ok(name) } else { Err(UsernameError) }
}
