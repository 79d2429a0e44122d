//! The `prompt` parameter (OpenID Connect Core §3.1.2.1): what the user must be asked again, or that no page may be shown.

use serde::{Deserialize, Serialize};

use crate::oauth::plain_text::as_found;
use crate::oauth::scope::words;

/// One field for each value of the parameter; `true` if the client sent that value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each field is one value of the parameter, and the client may send several")]
pub struct Prompt {
    /// Show no page; answer with an error if a page would be needed.
    pub none: bool,
    /// Ask the user to sign in again.
    pub login: bool,
    /// Ask the user for consent again.
    pub consent: bool,
    /// Ask the user which account to use.
    pub select_account: bool,
}

/// The values of `prompt_values_supported` in the discovery document.
pub const VALUES: [&str; 4] = ["none", "login", "consent", "select_account"];

/// The value is unknown, or `none` is combined with another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("prompt: expected none alone, or any of login, consent and select_account; found {}", as_found(.0))]
pub struct PromptError(String);

impl Prompt {
    /// Parses the space-separated values of the parameter.
    pub fn parse(value: &str) -> Result<Self, PromptError> {
        let mut prompt = Self::default();
        let wrong = || PromptError(value.to_owned());
        for word in words(value) {
            match word {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => return Err(wrong()),
            }
        }
        let asks = prompt.login || prompt.consent || prompt.select_account;
        if prompt.none && asks { Err(wrong()) } else { Ok(prompt) }
    }
}
