//! Logout tokens, by which the issuer tells a client that a session has ended (OpenID Connect Back-Channel Logout 1.0 §2.4).

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::clock::UnixSeconds;
use crate::keys::signer::TokenType;
use crate::oauth::error::OAuthError;

/// The time for which a logout token is valid, in seconds. The specification recommends two minutes at most.
const LIFETIME: UnixSeconds = 120;

/// The name of the only event of a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a logout token. It never has a `nonce`, so that no client takes it for an ID token.
#[derive(Debug, Serialize)]
struct LogoutClaims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    iat: UnixSeconds,
    exp: UnixSeconds,
    jti: String,
    sid: &'a str,
    events: Value,
}

/// Signs a token which tells the client `client` that the session `sid` of `user` has ended. `sub` and `sid` are those of the ID tokens that
/// the client got in that session.
pub async fn sign(app: &App, client: &str, user: Uuid, sid: &str) -> Result<String, OAuthError> {
    let ring = app.ring().await?;
    let now = app.now();
    let claims = LogoutClaims {
        iss: app.settings.issuer.as_str(),
        sub: user.to_string(),
        aud: client,
        iat: now,
        exp: now + LIFETIME,
        jti: app.clock.random_id::<16>(),
        sid,
        events: json!({ EVENT: {} }),
    };
    ring.signer(now)?.sign(TokenType::Logout, &claims).map_err(OAuthError::server_error)
}
