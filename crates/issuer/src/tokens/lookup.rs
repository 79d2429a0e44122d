//! What a presented token stands for right now. UserInfo, introspection and revocation all ask here, so that a token is
//! dead at each of them the moment its authorization ends.

use serde::Deserialize;
use signet_verifier::SignedToken;

use crate::app::App;
use crate::clock::UnixSeconds;
use crate::keys::KeyError;
use crate::oauth::scope::{ScopeSet, words};
use crate::store::authorizations::{self, AuthorizationRow};
use crate::store::clients::Client;
use crate::store::users::User;
use crate::tokens::claims::{Audience, authorization_of};
use crate::tokens::is_alive;
use crate::tokens::refresh::RefreshToken;

/// The claims of an access token of ours.
#[derive(Debug, Clone, Deserialize)]
pub struct OwnClaims {
    iss: String,
    /// Whose it is.
    pub sub: String,
    /// Which resources it is for.
    pub aud: Audience,
    /// End of life, in Unix seconds.
    pub exp: UnixSeconds,
    /// When it was signed, in Unix seconds.
    pub iat: UnixSeconds,
    /// Its own id.
    pub jti: String,
    client_id: String,
    /// What it permits.
    pub scope: String,
}

impl OwnClaims {
    /// The scopes.
    pub fn scopes(&self) -> ScopeSet {
        words(&self.scope).collect()
    }
}

/// A token that is good now.
#[derive(Debug)]
pub struct LiveToken {
    /// The claims, unless it is a refresh token.
    pub access: Option<OwnClaims>,
    /// The client that holds it.
    pub client: Client,
    /// The user and the authorization behind it, unless it is the client's own.
    pub user: Option<(User, AuthorizationRow)>,
}

/// Looks `token` up, an access or a refresh token. None if it is not good (any more).
pub async fn look_up(app: &App, token: &str) -> Result<Option<LiveToken>, KeyError> {
    match RefreshToken::parse(token) {
        Some(refresh) => look_up_refresh(app, &refresh).await,
        None => look_up_access(app, token).await,
    }
}

async fn look_up_access(app: &App, token: &str) -> Result<Option<LiveToken>, KeyError> {
    let Some(claims) = check(app, token).await? else { return Ok(None) };
    let Some(authorization) = authorization_of(&claims.jti) else {
        let client = app.store.client(&claims.client_id).await?;
        return Ok(client.filter(|client| client.enabled && client.id == claims.sub).map(|client| LiveToken {
            access: Some(claims),
            client,
            user: None,
        }));
    };
    let Some((row, user, client)) = authorizations::with_parties(app.store.reader(), authorization).await? else { return Ok(None) };
    let alive = is_alive(&row, &user, &client, app.clock.now());
    let belongs = client.id == claims.client_id && user.id.to_string() == claims.sub;
    Ok((alive && belongs).then_some(LiveToken { access: Some(claims), client, user: Some((user, row)) }))
}

async fn look_up_refresh(app: &App, token: &RefreshToken) -> Result<Option<LiveToken>, KeyError> {
    let Some((row, user, client)) = authorizations::with_parties(app.store.reader(), token.authorization).await? else { return Ok(None) };
    // A spent generation still names its authorization: who holds one may end it.
    let now = app.clock.now();
    let alive = is_alive(&row, &user, &client, now) && !row.is_idle(now, app.settings.refresh_idle_lifetime);
    let genuine = token.is_genuine(&row, alive, &app.master)? && token.generation <= row.generation;
    Ok((genuine && alive).then_some(LiveToken { access: None, client, user: Some((user, row)) }))
}

/// Signature, type, issuer and dates of an access token of ours.
async fn check(app: &App, token: &str) -> Result<Option<OwnClaims>, KeyError> {
    let Ok(signed) = SignedToken::parse(token) else { return Ok(None) };
    let ring = app.ring().await?;
    if !signed.has_type("at+jwt") {
        return Ok(None);
    }
    let Ok(payload) = signed.check_signature(&ring.key_set) else { return Ok(None) };
    let claims = serde_json::from_slice::<OwnClaims>(payload).ok();
    Ok(claims.filter(|claims| claims.iss == app.settings.issuer.as_str() && claims.exp > app.clock.now()))
}
