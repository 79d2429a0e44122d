//! The checks of the settings about clients and the people who use them.

use crate::config::error::invalid;
use crate::config::{ConfigError, Settings};
use crate::oauth::plain_text::is_plain_text;

/// The most characters of `support_contact`.
const MAX_CONTACT: usize = 200;

/// Checks the settings about clients.
pub(super) fn check(settings: &Settings) -> Result<(), ConfigError> {
    let is_contact = |text: &String| text.chars().count() <= MAX_CONTACT && is_plain_text(text);
    if let Some(text) = settings.support_contact.as_ref().filter(|text| !is_contact(text)) {
        let expected = format!("expected at most {MAX_CONTACT} characters in one line, such as it-help@example.com");
        return Err(invalid("support_contact", format!("{expected}; found {text:?}")));
    }
    Ok(())
}
