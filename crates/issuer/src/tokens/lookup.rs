//! Looks up a token that was presented to the issuer. UserInfo, introspection and revocation all use this, so that each of them
//! refuses a token as soon as its authorization ends.

use serde::Deserialize;
use signet_verifier::{CLAIMS_OF_OTHER_TOKENS, SignedToken};

use crate::app::App;
use crate::clock::UnixSeconds;
use crate::keys::KeyError;
use crate::oauth::access_token_typ::AccessTokenTyp;
use crate::oauth::scope::{ScopeSet, words};
use crate::store::authorizations::{self, AuthorizationRow};
use crate::store::clients::Client;
use crate::store::users::User;
use crate::tokens::claims::{Audience, handle};
use crate::tokens::is_alive;
use crate::tokens::refresh::RefreshToken;

/// The claims of an access token of this issuer.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the specification")]
pub struct OwnClaims {
    iss: String,
    /// The UUID of the user, or the id of the client if it acts for itself.
    pub sub: String,
    /// The identifiers of the resources that accept the token.
    pub aud: Audience,
    pub exp: UnixSeconds,
    pub iat: UnixSeconds,
    pub jti: String,
    grant_id: String,
    client_id: String,
    /// The granted scopes, separated by spaces.
    pub scope: String,
}

impl OwnClaims {
    /// Returns the granted scopes as a set.
    pub fn scopes(&self) -> ScopeSet {
        words(&self.scope).collect()
    }
}

/// A token that is valid now.
#[derive(Debug)]
pub struct LiveToken {
    /// The claims of an access token. `None` for a refresh token.
    pub access: Option<OwnClaims>,
    /// The client that the token was given to.
    pub client: Client,
    /// The user and the authorization. `None` if the client acts for itself.
    pub user: Option<(User, AuthorizationRow)>,
}

/// Looks up an access token or a refresh token. Returns `None` if it is not valid, for example because it has expired or was
/// revoked. Fails if the keys or the database cannot be read.
pub async fn look_up(app: &App, token: &str) -> Result<Option<LiveToken>, KeyError> {
    match RefreshToken::parse(token) {
        Some(refresh) => look_up_refresh(app, &refresh).await,
        None => look_up_access(app, token).await,
    }
}

async fn look_up_access(app: &App, token: &str) -> Result<Option<LiveToken>, KeyError> {
    let Some(claims) = check(app, token).await? else { return Ok(None) };
    let Some(handle) = handle(&claims.grant_id) else { return Ok(None) };
    if claims.sub == claims.client_id {
        let client = app.store.client(&claims.client_id).await?;
        return Ok(client.filter(|client| client.enabled && client.grant_id == handle).map(|client| LiveToken {
            access: Some(claims),
            client,
            user: None,
        }));
    }
    let Some((row, user, client)) = authorizations::of_grant(app.store.reader(), handle).await? else { return Ok(None) };
    let alive = is_alive(&row, &user, &client, app.clock.now());
    let belongs = client.id == claims.client_id && user.id.to_string() == claims.sub;
    Ok((alive && belongs).then_some(LiveToken { access: Some(claims), client, user: Some((user, row)) }))
}

async fn look_up_refresh(app: &App, token: &RefreshToken) -> Result<Option<LiveToken>, KeyError> {
    let Some((row, user, client)) = authorizations::with_parties(app.store.reader(), token.authorization).await? else { return Ok(None) };
    // Accept a spent generation too, because it still identifies its authorization, and its holder may end that.
    let now = app.clock.now();
    let alive = is_alive(&row, &user, &client, now) && !row.is_idle(now, app.settings.refresh_idle_lifetime);
    let genuine = token.is_genuine(&row, alive, &app.master)? && token.generation <= row.generation;
    Ok((genuine && alive).then_some(LiveToken { access: None, client, user: Some((user, row)) }))
}

/// Returns whether a token of the type `JWT` has a claim that only other tokens of this issuer have, such as ID tokens (RFC 8725 §3.12).
/// The claims `client_id`, `jti` and `scope`, which those lack, are required of every access token.
fn is_other_token(payload: &[u8]) -> bool {
    let claims = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(payload);
    claims.map_or(true, |claims| CLAIMS_OF_OTHER_TOKENS.iter().any(|claim| claims.contains_key(*claim)))
}

/// Checks the signature, type, issuer and expiry of an access token of this issuer. Returns `None` if one of them is wrong.
async fn check(app: &App, token: &str) -> Result<Option<OwnClaims>, KeyError> {
    let Ok(signed) = SignedToken::parse(token) else { return Ok(None) };
    let ring = app.ring().await?;
    let is_typed = signed.has_type(AccessTokenTyp::AtJwt.as_str());
    if !is_typed && !signed.has_type(AccessTokenTyp::Jwt.as_str()) {
        return Ok(None);
    }
    let Ok(payload) = signed.check_signature(&ring.key_set) else { return Ok(None) };
    if !is_typed && is_other_token(payload) {
        return Ok(None);
    }
    let claims = serde_json::from_slice::<OwnClaims>(payload).ok();
    Ok(claims.filter(|claims| claims.iss == app.settings.issuer.as_str() && claims.exp > app.clock.now()))
}
