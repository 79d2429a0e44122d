//! Usernames have one normal form, so that no two users have names that look or type alike, and all guesses at one account share
//! one counter.

use unicode_normalization::UnicodeNormalization;

use crate::oauth::reserved_name::is_reserved;

/// The longest username, in characters.
const MAX_LENGTH: usize = 128;

/// The username is not allowed. The message says what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to {MAX_LENGTH} of the characters a-z 0-9 . _ + - @, beginning with a letter or digit, and not the word new")]
pub struct UsernameError;

/// Returns the normal form in which usernames are stored, looked up and counted: without surrounding spaces, NFKC, lower case. Only the
/// first 512 characters are read, so that a stranger cannot make the issuer normalise a long text; no user has a name of that length.
pub fn normalize(typed: &str) -> String {
    typed.trim().chars().take(4 * MAX_LENGTH).nfkc().flat_map(char::to_lowercase).collect()
}

/// Checks the username of a new user; returns its normal form.
pub fn validate(typed: &str) -> Result<String, UsernameError> {
    let name = normalize(typed);
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    let allowed = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-' | '@'));
    if begins_well && allowed && name.len() <= MAX_LENGTH && !is_reserved(&name) { Ok(name) } else { Err(UsernameError) }
}
