//! The bound on the claims about a user in one token.

use serde_json::{Map, Value};

use crate::oauth::error::{Code, OAuthError};

/// The greatest length of the claims about a user in one token, in bytes of JSON. Nothing is cut: the tokens are refused instead, so that
/// no application takes a part for the whole.
pub const MAX_CLAIMS_BYTES: usize = 6 * 1024;

/// Returns the length of `claims` as JSON, in bytes; 0 if there are none.
pub fn length(claims: &Map<String, Value>) -> usize {
    if claims.is_empty() { 0 } else { serde_json::to_string(claims).map_or(usize::MAX, |json| json.len()) }
}

/// A token that carries claims about the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// It has the claims of the scopes and of the client.
    IdToken,
    /// It has the claims of the resources that it is for.
    AccessToken,
}

/// Says why `claims` are too long for a token. Returns `None` if they fit.
pub fn too_long(claims: &Map<String, Value>, carrier: Carrier) -> Option<String> {
    let length = length(claims);
    let (name, remedy) = match carrier {
        Carrier::IdToken => {
            ("ID token", "ask for fewer scopes, or let the administrator give the client fewer claims, or filter its groups")
        }
        Carrier::AccessToken => (
            "access token",
            "ask for a token for one resource alone, or let the administrator take the claims groups or roles from the resource, or give it a \
             prefix of the groups that its tokens tell",
        ),
    };
    (length > MAX_CLAIMS_BYTES).then(|| {
        format!("the claims about this user in the {name} are {length} bytes long, and at most {MAX_CLAIMS_BYTES} are issued; {remedy}")
    })
}

/// Fails if `claims` are [`too_long`].
pub fn check_length(claims: &Map<String, Value>, carrier: Carrier) -> Result<(), OAuthError> {
    match too_long(claims, carrier) {
        Some(reason) => Err(OAuthError::new(Code::InvalidScope, format!("scope: {reason}"))),
        None => Ok(()),
    }
}
