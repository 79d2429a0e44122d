//! The `prompt` parameter (OpenID Connect Core §3.1.2.1): what the person must be asked anew, or that nothing may be.

use serde::{Deserialize, Serialize};

use crate::oauth::scope::words;

/// One value each: whether it was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the values of the parameter, of which several may stand together")]
pub struct Prompt {
    /// Show nothing; answer with an error where something would have to be shown.
    pub none: bool,
    /// Ask for the password again.
    pub login: bool,
    /// Ask for consent again.
    pub consent: bool,
    /// Ask which account.
    pub select_account: bool,
}

/// `prompt_values_supported`.
pub const VALUES: [&str; 4] = ["none", "login", "consent", "select_account"];

/// A `prompt` that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("prompt: expected none alone, or some of login, consent and select_account")]
pub struct PromptError;

impl Prompt {
    /// Reads the parameter.
    pub fn parse(value: &str) -> Result<Self, PromptError> {
        let mut prompt = Self::default();
        for word in words(value) {
            match word {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => return Err(PromptError),
            }
        }
        let asks = prompt.login || prompt.consent || prompt.select_account;
        if prompt.none && asks { Err(PromptError) } else { Ok(prompt) }
    }
}
