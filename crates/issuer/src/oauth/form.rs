//! Parses request parameters in `application/x-www-form-urlencoded` form (RFC 6749 §3.2 and appendix B). Bad encoding is an error.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use crate::oauth::plain_text::as_found;

/// Parameters by name. An empty parameter counts as absent, and an unknown one is ignored (RFC 6749 §3.2).
#[derive(Default)]
pub struct Form(HashMap<String, Vec<String>>);

/// The reason why a form cannot be parsed. The issuer sends the message to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The parameter of this name appears more than once (RFC 6749 §3.2).
    #[error("{0}: expected once; found several")]
    Repeated(String),
    /// A parameter is not UTF-8 after percent-decoding, or has a stray `%` or a NUL.
    #[error(
        "the form: expected percent-encoded UTF-8 text, such as scope=openid%20email; found other bytes, a NUL or a stray percent sign"
    )]
    NotText,
}

impl Form {
    /// Parses an encoded body. A repeated parameter is an error.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let form = Self::collect(body)?;
        form.refuse_repeated(&[])?;
        Ok(form)
    }

    /// Parses an encoded body or query and keeps repeated parameters. The caller must call [`Form::refuse_repeated`].
    pub fn collect(encoded: &[u8]) -> Result<Self, FormError> {
        let encoded = std::str::from_utf8(encoded).map_err(|_| FormError::NotText)?;
        let mut parameters: HashMap<String, Vec<String>> = HashMap::new();
        for pair in encoded.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.entry(decode(name)?).or_default().push(decode(value)?);
        }
        Ok(Self(parameters))
    }

    /// Fails if any parameter that is not in `repeatable` appears more than once.
    pub fn refuse_repeated(&self, repeatable: &[&str]) -> Result<(), FormError> {
        self.repeated(repeatable).map_or(Ok(()), |name| Err(FormError::Repeated(as_found(name))))
    }

    /// Returns the name of a parameter that is not in `repeatable` and appears more than once; of several, the first in the alphabet.
    fn repeated(&self, repeatable: &[&str]) -> Option<&str> {
        let several = self.0.iter().filter(|(name, values)| values.len() > 1 && !repeatable.contains(&name.as_str()));
        several.map(|(name, _)| name.as_str()).min()
    }

    /// The value of `name`. `None` if the parameter is absent, empty or repeated.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.0.get(name)?.as_slice() {
            [only] if !only.is_empty() => Some(only),
            _ => None,
        }
    }

    /// Says in one word why [`Form::get`] has no value of `name`: none was sent, or several were.
    pub fn number(&self, name: &str) -> &'static str {
        if self.0.get(name).is_some_and(|values| values.len() > 1) { "several" } else { "none" }
    }

    /// The names of all parameters that are present.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All values of `name` that are not empty.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All parameters that are not empty and not repeated, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.keys().filter_map(|name| Some((name.as_str(), self.get(name)?)))
    }

    /// The value of `name` as a secret. `None` in the same cases as [`Form::get`].
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.get(name).map(SecretString::from)
    }
}

/// Decodes one name or value of a form, or the id or secret of HTTP Basic credentials (RFC 6749 §2.3.1).
pub fn decode(encoded: &str) -> Result<String, FormError> {
    let spaced = encoded.replace('+', " ");
    let stray = spaced.split('%').skip(1).any(|after| !after.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)));
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| FormError::NotText)?;
    if stray || decoded.contains('\0') {
        return Err(FormError::NotText);
    }
    Ok(decoded.into_owned())
}
