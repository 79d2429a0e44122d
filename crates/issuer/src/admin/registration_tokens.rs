//! Initial access tokens (RFC 7591 §3), by which clients may register themselves.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

use crate::admin::{Change, Refused};
use crate::app::App;
use crate::audit::{Action, Object};
use crate::clock::{UnixSeconds, rfc3339};
use crate::oauth::secret;
use crate::store::registration_tokens;

/// A new token, which is shown only once.
#[derive(Debug)]
pub struct IssuedToken {
    /// 256 random bits in base64url.
    pub token: String,
    /// The uses and the expiry of the token.
    pub view: RegistrationTokenView,
}

/// The uses and the expiry of a token.
#[derive(Debug, Clone, Serialize)]
pub struct RegistrationTokenView {
    /// The number of registrations that are left.
    pub uses: i32,
    /// Unix seconds, serialized as RFC 3339.
    #[serde(serialize_with = "rfc3339")]
    pub expires_at: UnixSeconds,
}

/// Makes a token that is good for `uses` registrations within `lifetime` seconds.
pub async fn issue(change: &mut Change<'_>, uses: i32, lifetime: UnixSeconds) -> Result<IssuedToken, Refused> {
    let token = BASE64_URL_SAFE_NO_PAD.encode(change.app.clock.random_bytes::<32>());
    let view = RegistrationTokenView { uses, expires_at: change.now + lifetime };
    registration_tokens::insert(&change.transaction, &secret::key(&token), uses, view.expires_at).await?;
    change.record(Action::RegistrationTokenIssued, Object::Named("initial access token"), None, Some(&view)).await?;
    Ok(IssuedToken { token, view })
}

/// Uses a token once, in the transaction of the registration that it permits. Fails with [`Refused::Forbidden`] if the token is
/// unknown, expired or used up.
pub async fn spend(change: &mut Change<'_>, token: &str) -> Result<(), Refused> {
    let spent = registration_tokens::spend(&change.transaction, &secret::key(token), change.now).await?;
    if spent { Ok(()) } else { Err(Refused::Forbidden) }
}

/// Returns whether a token is known, not expired and not used up. Does not use it.
pub async fn is_good(app: &App, token: &str) -> Result<bool, Refused> {
    Ok(registration_tokens::is_good(app.store.reader(), &secret::key(token), app.now()).await?)
}
