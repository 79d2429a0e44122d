//! The rules for new passwords (NIST SP 800-63B §5.1.1): they must be long enough and hard to guess; there are no composition
//! rules.

use secrecy::{ExposeSecret, SecretString};
use zxcvbn::{Score, zxcvbn};

use crate::accounts::opaque_string;
use crate::app::App;
use crate::pool::Overloaded;

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

/// Returns whether `password` is longer than any password that may be set. Its length is counted after it was prepared
/// ([`opaque_string`]), which decomposed characters survive only up to four times that length.
pub fn is_too_long(password: &str) -> bool {
    let longest = *LENGTH.end();
    password.chars().nth(4 * longest).is_some() || opaque_string::prepare(password).chars().nth(longest).is_some()
}

/// Returns whether two typed passwords are the same. One that is too long is the same as no other, so that no long text is normalized.
pub fn are_same(one: &str, other: &str) -> bool {
    !is_too_long(one) && !is_too_long(other) && opaque_string::prepare(one) == opaque_string::prepare(other)
}

/// Returns what is known about a user and must not make up their password: the username, email address and full name.
pub fn about<'u>(username: &'u str, email: Option<&'u str>, name: Option<&'u str>) -> Vec<&'u str> {
    [Some(username), email, name].into_iter().flatten().collect()
}

/// Makes the checks of a new password that cost next to nothing.
pub fn check_form(password: &str) -> Result<(), PolicyError> {
    if is_too_long(password) || opaque_string::prepare(password).chars().count() < *LENGTH.start() {
        return Err(PolicyError::Length);
    }
    if password.contains('\0') {
        return Err(PolicyError::Nul);
    }
    Ok(())
}

/// Checks on the bounded pool that a new password of a user about whom `about` is known (see [`about`]) is hard to guess. That takes
/// milliseconds, so the caller makes all other checks first. Waits while the pool is busy.
pub async fn check_score(app: &App, password: &SecretString, about: &[&str]) -> Result<Result<(), PolicyError>, Overloaded> {
    let password = password.clone();
    let about: Vec<String> = about.iter().map(|text| head(text)).collect();
    app.pool.run(move |_| score(password.expose_secret(), &about)).await
}

/// zxcvbn contains lists of common passwords. A score of 2 means that guessing takes more than a million attempts.
fn score(password: &str, about: &[String]) -> Result<(), PolicyError> {
    let about: Vec<&str> = about.iter().map(String::as_str).collect();
    if zxcvbn(&head(password), &about).score() < Score::Two { Err(PolicyError::Guessable) } else { Ok(()) }
}

/// Returns the first 72 characters of `text`. The work of zxcvbn grows faster than the length, and further characters cannot make a password
/// weaker.
fn head(text: &str) -> String {
    text.chars().take(72).collect()
}
