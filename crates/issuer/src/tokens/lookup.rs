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
use crate::tokens::refresh::RefreshToken;
use crate::tokens::{is_alive, why_dead};

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

/// Why a token is not valid now. Only the log says so; its holder learns no more than that the token is not valid.
#[derive(Debug, Clone)]
pub struct Invalid {
    /// The id of the client that the token was given to; empty if the token is not one that this issuer gave.
    pub client: String,
    /// The text that tells the operator why the token is not valid.
    pub reason: &'static str,
}

/// The parts of a live access token: its claims, its client, and the user with the authorization, if there is one.
pub type LiveAccess = (OwnClaims, Client, Option<(User, AuthorizationRow)>);

impl LiveToken {
    /// Returns the claims of an access token with the other parts; an error for a refresh token.
    pub fn into_access(self) -> Result<LiveAccess, Invalid> {
        let Self { access, client, user } = self;
        match access {
            Some(own) => Ok((own, client, user)),
            None => Err(Invalid { client: client.id, reason: "a refresh token was sent in place of an access token" }),
        }
    }
}

impl Invalid {
    /// Describes an access token of the client `client` that was made for another resource than the one that it was sent to.
    pub fn of_other_resource(client: &str) -> Self {
        Self { client: client.to_owned(), reason: "the access token was made for another resource; its aud does not name this one" }
    }

    /// Describes a token whose client is not known, for example because this issuer never gave it.
    pub fn foreign(reason: &'static str) -> Self {
        Self { client: String::new(), reason }
    }
}

/// Looks up an access token or a refresh token, and says why it is not valid if it is not, for example because it has expired or was
/// revoked. Fails if the keys or the database cannot be read.
pub async fn look_up(app: &App, token: &str) -> Result<Result<LiveToken, Invalid>, KeyError> {
    match RefreshToken::parse(token) {
        Some(refresh) => look_up_refresh(app, &refresh).await,
        None => look_up_access(app, token).await,
    }
}

async fn look_up_access(app: &App, token: &str) -> Result<Result<LiveToken, Invalid>, KeyError> {
    let (claims, handle) = match check(app, token).await? {
        Ok(checked) => checked,
        Err(invalid) => return Ok(Err(invalid)),
    };
    let dead = |reason| Ok(Err(Invalid { client: claims.client_id.clone(), reason }));
    if claims.sub == claims.client_id {
        let client = app.store.client(&claims.client_id).await?;
        let Some(client) = client.filter(|client| client.enabled && client.grant_id == handle) else {
            return dead("the client is deleted or disabled, or the access tokens that it got for itself were revoked");
        };
        return Ok(Ok(LiveToken { access: Some(claims), client, user: None }));
    }
    let Some((row, user, client)) = authorizations::of_grant(app.store.reader(), handle).await? else {
        return dead("the access token was revoked, since its authorization allows less than before or is gone");
    };
    if let Some(reason) = why_dead(&row, &user, &client, app.clock.now()) {
        return dead(reason);
    }
    if client.id != claims.client_id || user.id.to_string() != claims.sub {
        return dead("the access token names another user or client than its authorization");
    }
    Ok(Ok(LiveToken { access: Some(claims), client, user: Some((user, row)) }))
}

async fn look_up_refresh(app: &App, token: &RefreshToken) -> Result<Result<LiveToken, Invalid>, KeyError> {
    let parties = authorizations::with_parties(app.store.reader(), token.authorization).await?;
    let Some((row, user, client)) = parties else { return Ok(Err(Invalid::foreign("the refresh token belongs to no authorization"))) };
    // Accept a spent generation too, because it still identifies its authorization, and its holder may end that.
    let now = app.clock.now();
    let alive = is_alive(&row, &user, &client, now) && !row.is_idle(now, app.settings.refresh_idle_lifetime);
    let genuine = token.is_genuine(&row, alive, &app.master)? && token.generation <= row.generation;
    if !genuine || !alive {
        return Ok(Err(Invalid::foreign("the refresh token is forged, or its authorization has ended")));
    }
    Ok(Ok(LiveToken { access: None, client, user: Some((user, row)) }))
}

/// Returns whether a token of the type `JWT` has a claim that only other tokens of this issuer have, such as ID tokens (RFC 8725 §3.12).
/// The claims `client_id`, `jti` and `scope`, which those lack, are required of every access token.
fn is_other_token(payload: &[u8]) -> bool {
    let claims = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(payload);
    claims.map_or(true, |claims| CLAIMS_OF_OTHER_TOKENS.iter().any(|claim| claims.contains_key(*claim)))
}

/// Checks the signature, type, issuer and expiry of an access token of this issuer. Returns its claims with its handle.
async fn check(app: &App, token: &str) -> Result<Result<(OwnClaims, Vec<u8>), Invalid>, KeyError> {
    let foreign = |reason| Ok(Err(Invalid::foreign(reason)));
    let Ok(signed) = SignedToken::parse(token) else { return foreign("the token is no signed JWT") };
    let ring = app.ring().await?;
    let is_typed = signed.has_type(AccessTokenTyp::AtJwt.as_str());
    if !is_typed && !signed.has_type(AccessTokenTyp::Jwt.as_str()) {
        return foreign("the token is no access token: its typ is neither at+jwt nor JWT");
    }
    let Ok(payload) = signed.check_signature(&ring.key_set) else {
        return foreign("none of the keys of this issuer made the signature of the token");
    };
    if !is_typed && is_other_token(payload) {
        return foreign("the token is no access token, but an ID token or another token of this issuer");
    }
    let claims = serde_json::from_slice::<OwnClaims>(payload).ok();
    let claims = claims.and_then(|claims| handle(&claims.grant_id).map(|handle| (claims, handle)));
    let Some((claims, handle)) = claims else { return foreign("the token lacks claims that every access token of this issuer has") };
    if claims.iss != app.settings.issuer.as_str() {
        return foreign("the token is of the time when this issuer had another URL");
    }
    if claims.exp <= app.clock.now() {
        return Ok(Err(Invalid { client: claims.client_id, reason: "the access token has expired" }));
    }
    Ok(Ok((claims, handle)))
}
