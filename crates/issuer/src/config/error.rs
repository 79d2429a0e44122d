//! The reasons why the program cannot start with the given settings.

use crate::oauth::plain_text::as_found;

/// The reason why the program cannot start with the given settings.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ConfigError {
    /// A file, variable or flag cannot be read as settings.
    #[error("{0}")]
    Unreadable(String),
    /// A value, or a combination of values, is not allowed.
    #[error("setting {name}: {expected}")]
    Invalid {
        name: &'static str,
        /// A clause that says what was expected.
        expected: String,
    },
}

/// Returns the value that was found, for a message. Anything may have been pasted there, so all that could be the password or the token of a
/// URL is left out: what stands before the last `@`, and the query.
pub(super) fn found(value: &str) -> String {
    let mut safe = value.to_owned();
    if let Some(at) = value.rfind('@').filter(|at| value[..*at].contains(':')) {
        let scheme = value.find("://").filter(|end| *end < at).map_or("", |end| &value[..end + 3]);
        safe = format!("{scheme}...{}", &value[at..]);
    }
    if let Some(end) = safe.find(['?', '#']) {
        safe.truncate(end + 1);
        safe += "...";
    }
    as_found(&safe)
}

/// Makes the error that the setting `name` is not allowed.
pub(super) fn invalid(name: &'static str, expected: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { name, expected: expected.into() }
}
