//! The `session_state` of an authorization response (OpenID Connect Session Management 1.0 §2 and §3.2).

use std::fmt::Write;

use crate::oauth::secret;

/// Returns the `session_state` for a page of `client` at `origin`, in a browser whose state is `state`: the SHA-256 of all four in lowercase
/// hexadecimal, a dot, and `salt`. The script of `/check_session` computes the same, so both must be changed together.
pub fn of(client: &str, origin: &str, state: &str, salt: &str) -> String {
    let mut text = String::new();
    for byte in secret::hash(&format!("{client} {origin} {state} {salt}")) {
        let _ = write!(text, "{byte:02x}");
    }
    format!("{text}.{salt}")
}
