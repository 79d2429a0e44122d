//! The reasons why the program cannot start with the given settings.

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

/// Makes the error that the setting `name` is not allowed.
pub(super) fn invalid(name: &'static str, expected: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { name, expected: expected.into() }
}
