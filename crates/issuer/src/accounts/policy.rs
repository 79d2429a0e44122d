//! Which passwords may be set (NIST SP 800-63B §5.1.1): long enough, not easily guessed, no composition rules.

use zxcvbn::{Score, zxcvbn};

/// Fewest and most characters of a password.
pub const LENGTH: std::ops::RangeInclusive<usize> = 8..=256;

/// A password that may not be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Too short or too long.
    #[error("{} to {} characters", LENGTH.start(), LENGTH.end())]
    Length,
    /// A character that forms cannot carry.
    #[error("characters that can be typed, so no NUL")]
    Nul,
    /// Common, or made from the person's own data.
    #[error("one that is not too easy to guess: no common word, name, date or pattern")]
    Guessable,
}

/// Whether `password` is longer than any that may be set: then it is refused before it is hashed.
pub fn is_too_long(password: &str) -> bool {
    password.chars().nth(*LENGTH.end()).is_some()
}

/// Checks a password that is to be set for someone who is known by `about` (user name, email, …).
///
/// zxcvbn's own lists hold the common passwords; a score of 2 means more than a million guesses.
pub fn check(password: &str, about: &[&str]) -> Result<(), PolicyError> {
    if !LENGTH.contains(&password.chars().take(LENGTH.end() + 1).count()) {
        return Err(PolicyError::Length);
    }
    if password.contains('\0') {
        return Err(PolicyError::Nul);
    }
    // zxcvbn's work grows with the length; what follows a hundred characters makes no password weaker.
    let head: String = password.chars().take(100).collect();
    if zxcvbn(&head, about).score() < Score::Two { Err(PolicyError::Guessable) } else { Ok(()) }
}
