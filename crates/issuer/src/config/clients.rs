//! The checks of the settings about clients and the people who use them.

use crate::config::error::{found, invalid};
use crate::config::{ConfigError, Settings};
use crate::oauth::client_auth::can_be_client_id;
use crate::oauth::plain_text::is_plain_text;
use crate::oauth::resource_identifier::{is_allowed, is_same};

/// The most characters of `support_contact`.
const MAX_CONTACT: usize = 200;

/// Checks the settings about clients.
pub(super) fn check(settings: &Settings) -> Result<(), ConfigError> {
    let issuer = &settings.issuer;
    if let Some(client) = settings.default_client.as_deref().filter(|client| !can_be_client_id(client)) {
        let expected = "expected the id of a public client, 1 to 128 of the characters a-z A-Z 0-9 - . _ ~, such as cli, or an empty text";
        return Err(invalid("default_client", format!("{expected}; found {}", found(client))));
    }
    if let Some(resource) = &settings.registration_default_resource {
        let is_own = [issuer.as_str(), &issuer.endpoint("/userinfo")].into_iter().any(|own| is_same(own, resource));
        if !is_allowed(resource) || is_own {
            let expected = "expected the identifier of a resource other than the issuer, such as https://orders.example";
            return Err(invalid("registration_default_resource", format!("{expected}; found {}", found(resource))));
        }
    }
    let is_contact = |text: &String| text.chars().count() <= MAX_CONTACT && is_plain_text(text);
    if let Some(text) = settings.support_contact.as_ref().filter(|text| !is_contact(text)) {
        let expected = format!("expected at most {MAX_CONTACT} characters in one line, such as it-help@example.com");
        return Err(invalid("support_contact", format!("{expected}; found {}", found(text))));
    }
    Ok(())
}
