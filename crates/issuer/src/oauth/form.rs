//! Request parameters in `application/x-www-form-urlencoded` form (RFC 6749 §3.2 and appendix B), read strictly.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

/// Parameters by name. An empty parameter counts as absent, an unknown one stays unread.
#[derive(Default)]
pub struct Form(HashMap<String, String>);

/// Why a body is no form. The text goes to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A parameter stands twice (RFC 6749 §3.2).
    #[error("a parameter is repeated")]
    Repeated,
    /// Not UTF-8 after percent-decoding, a stray `%`, or a NUL.
    #[error("a parameter is not valid UTF-8 text")]
    NotText,
}

impl Form {
    /// Reads an encoded body.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let body = std::str::from_utf8(body).map_err(|_| FormError::NotText)?;
        let mut parameters = HashMap::new();
        for pair in body.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if parameters.insert(decode(name)?, decode(value)?).is_some() {
                return Err(FormError::Repeated);
            }
        }
        Ok(Self(parameters))
    }

    /// The parameter `name`, unless it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The parameter `name` as a secret.
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.get(name).map(SecretString::from)
    }
}

/// Decodes one name or value of a form, or of the parts of HTTP Basic credentials (RFC 6749 §2.3.1).
pub fn decode(encoded: &str) -> Result<String, FormError> {
    let spaced = encoded.replace('+', " ");
    let stray = spaced.split('%').skip(1).any(|after| !after.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)));
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| FormError::NotText)?;
    if stray || decoded.contains('\0') {
        return Err(FormError::NotText);
    }
    Ok(decoded.into_owned())
}
