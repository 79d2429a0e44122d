//! The `Authorization` header of requests that carry no credentials in it. Such a header does not count as a way to authenticate, so that
//! it does not contradict the credentials in the body.

use base64::{Engine, prelude::BASE64_STANDARD};

/// The words that scripts send in place of a token or secret that they do not have.
const NOTHING: [&str; 3] = ["", "undefined", "null"];

/// Returns whether the header's `value` carries credentials: `false` if it is empty, if it is `Basic` without an id and a secret, as Swagger
/// UI sends it, or if it is `Bearer` with one of the words that scripts write for no value.
pub fn has_credentials(value: &[u8]) -> bool {
    // A value that is no text is malformed, which its reader reports.
    let Ok(text) = std::str::from_utf8(value) else { return true };
    let (scheme, credentials) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let credentials = credentials.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "" => false,
        "bearer" => !NOTHING.contains(&credentials),
        "basic" => !NOTHING.contains(&credentials) && BASE64_STANDARD.decode(credentials).ok().is_none_or(|pair| pair != b":"),
        _ => true,
    }
}
