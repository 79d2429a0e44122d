//! `id_token_hint`: an ID token of ours that says who is, or was, meant (OpenID Connect Core §3.1.2.1, RP-Initiated
//! Logout §2). It may be expired, and its key retired within 90 days.

use serde::Deserialize;
use signet_verifier::SignedToken;
use uuid::Uuid;

use crate::app::App;
use crate::keys::KeyError;
use crate::tokens::claims::Audience;

/// What an ID token of ours says.
#[derive(Debug, Clone, Deserialize)]
pub struct IdTokenHint {
    iss: String,
    /// Only ID tokens have it: a signed answer of UserInfo is none.
    #[serde(rename = "at_hash")]
    _at_hash: String,
    /// Who was signed in.
    pub sub: Uuid,
    /// To which client.
    pub aud: Audience,
    /// In which session.
    pub sid: Option<String>,
}

/// Reads `token`. None if it is no ID token of this issuer.
pub async fn read(app: &App, token: &str) -> Result<Option<IdTokenHint>, KeyError> {
    let Ok(signed) = SignedToken::parse(token) else { return Ok(None) };
    if !signed.has_type("JWT") {
        return Ok(None);
    }
    let ring = app.ring().await?;
    let Ok(payload) = signed.check_signature(&ring.hint_keys) else { return Ok(None) };
    let hint = serde_json::from_slice::<IdTokenHint>(payload).ok();
    Ok(hint.filter(|hint| hint.iss == app.settings.issuer.as_str()))
}
