//! The rules for new passwords (NIST SP 800-63B §5.1.1): they must be long enough and hard to guess; there are no composition
//! rules.

use zxcvbn::{Score, zxcvbn};

/// The smallest and the largest number of characters of a new password.
pub const LENGTH: std::ops::RangeInclusive<usize> = 8..=256;

/// The reason why a password may not be set. The message says what is expected instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The password is too short or too long.
    #[error("{} to {} characters", LENGTH.start(), LENGTH.end())]
    Length,
    /// The password contains a NUL, which forms cannot carry.
    #[error("characters that can be typed, without NUL")]
    Nul,
    /// The password is common, or made from the user's own data.
    #[error("one that is not too easy to guess: no common word, name, date or pattern")]
    Guessable,
}

/// Returns whether `password` is longer than any password that may be set. The sign-in refuses it then without hashing it.
pub fn is_too_long(password: &str) -> bool {
    password.chars().nth(*LENGTH.end()).is_some()
}

/// Returns what is known about a user and must not make up their password: the username, email address and full name.
pub fn about<'u>(username: &'u str, email: Option<&'u str>, name: Option<&'u str>) -> Vec<&'u str> {
    [Some(username), email, name].into_iter().flatten().collect()
}

/// Checks a new password of a user about whom `about` is known (see [`about`]).
///
/// zxcvbn contains lists of common passwords. A score of 2 means that guessing takes more than a million attempts.
pub fn check(password: &str, about: &[&str]) -> Result<(), PolicyError> {
    if !LENGTH.contains(&password.chars().take(LENGTH.end() + 1).count()) {
        return Err(PolicyError::Length);
    }
    if password.contains('\0') {
        return Err(PolicyError::Nul);
    }
    // Give zxcvbn only the first hundred characters, because its work grows with the length. Further characters cannot make a
    // password weaker.
    let head: String = password.chars().take(100).collect();
    if zxcvbn(&head, about).score() < Score::Two { Err(PolicyError::Guessable) } else { Ok(()) }
}
