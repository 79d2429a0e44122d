//! Reads `id_token_hint`, an ID token of this issuer by which a client names a user or a session (OpenID Connect Core §3.1.2.1,
//! RP-Initiated Logout §2). The token may be expired, and its key may have been retired up to 90 days ago.

use serde::Deserialize;
use signet_verifier::SignedToken;
use uuid::Uuid;

use crate::app::App;
use crate::keys::KeyError;
use crate::tokens::claims::Audience;

/// The longest hint, in bytes. It is longer than any ID token that this issuer makes, whatever `nonce` and claims the ID token repeats. What
/// a request can carry is less.
const MAX_HINT_BYTES: usize = 64 * 1024;

/// The claims that are read from an ID token of this issuer.
#[derive(Debug, Clone, Deserialize)]
pub struct IdTokenHint {
    iss: String,
    /// Only ID tokens have this claim. It is required so that a signed answer of UserInfo is not taken for an ID token.
    #[serde(rename = "at_hash")]
    _at_hash: String,
    /// The user who was signed in.
    pub sub: Uuid,
    /// The client that the ID token was given to.
    pub aud: Audience,
    /// The session in which the user was signed in. `None` if the user signed in without a browser.
    pub sid: Option<String>,
}

/// Reads `token`. Returns `None` if it is not an ID token of this issuer. Fails if the key ring cannot be read.
pub async fn read(app: &App, token: &str) -> Result<Option<IdTokenHint>, KeyError> {
    let Ok(signed) = SignedToken::parse_within(token, None, MAX_HINT_BYTES) else { return Ok(None) };
    if !signed.has_type("JWT") {
        return Ok(None);
    }
    let ring = app.ring().await?;
    let Ok(payload) = signed.check_signature(&ring.hint_keys) else { return Ok(None) };
    let hint = serde_json::from_slice::<IdTokenHint>(payload).ok();
    Ok(hint.filter(|hint| hint.iss == app.settings.issuer.as_str()))
}
