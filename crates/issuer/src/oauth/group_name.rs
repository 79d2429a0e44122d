//! Names of groups, as applications read them in the claim `groups`.

use unicode_normalization::UnicodeNormalization;

use crate::oauth::plain_text::is_plain_text;
use crate::oauth::reserved_name::is_reserved;

/// The greatest length of the name of a group, in characters.
pub const MAX_CHARS: usize = 128;

/// Returns the form in which the name of a group is stored and told to applications: NFC, so that one accented letter is always the same
/// characters. Only the first 512 characters are read; no group has a name of that length.
pub fn normalize(typed: &str) -> String {
    typed.chars().take(4 * MAX_CHARS).nfc().collect()
}

/// Returns the form in which two names are equal if they look alike but for upper and lower case: NFKC, lower case.
pub fn folded(name: &str) -> String {
    name.chars().take(4 * MAX_CHARS).nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// Returns whether `name` may be the name of a group. Claims may join names by commas, so a name with a comma could be read as two. A reserved
/// name would have no page.
pub fn is_allowed(name: &str) -> bool {
    let is_trimmed = name.trim() == name && !name.is_empty() && name.chars().count() <= MAX_CHARS;
    is_trimmed && !name.contains(',') && is_plain_text(name) && !is_reserved(name)
}
