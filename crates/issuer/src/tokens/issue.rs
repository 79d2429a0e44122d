//! Turns an authorization into the answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3). No other code issues
//! tokens.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::Map;
use signet_verifier::MAX_TOKEN_BYTES;

use crate::app::App;
use crate::clock::UnixSeconds;
use crate::keys::signer::{Signer, TokenType};
use crate::oauth::access_token_typ::AccessTokenTyp;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::plain_text::as_found;
use crate::oauth::scope::ScopeSet;
use crate::store::clients::Client;
use crate::store::consents;
use crate::store::resources::Resource;
use crate::tokens::audience::{audience, is_granted, nothing_granted, owned};
use crate::tokens::claims::{AccessClaims, Audience, AuthenticationClaims, IdClaims, grant_id};
use crate::tokens::claims_length::{Carrier, check_length, too_long};
use crate::tokens::user_claims::{Facts, Limit, Place, Told, given, limit};
use crate::tokens::{Authorization, Party, is_alive, refresh};

/// The JSON answer of the token endpoint.
#[derive(Debug, Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: UnixSeconds,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// The claims of the tokens for an authorization, before they are signed.
#[derive(Debug)]
pub struct Draft<'a> {
    /// The claims of the access token.
    pub access: AccessClaims<'a>,
    /// The claims of the ID token, without `at_hash`. `None` if the client gets none.
    pub id: Option<IdClaims<'a>>,
    /// The claims about the user in the ID token, with their origins, and those that are missing.
    pub told_in_id_token: Vec<Told>,
    /// The same for the access token.
    pub told_in_access_token: Vec<Told>,
    typ: TokenType,
    lifetime: UnixSeconds,
}

/// Issues tokens to `client` for `authorization` at `now`. Every grant calls this function, so that all pass the same gate. Fails
/// with `invalid_scope` if none of the requested scopes may be in the token, and with `invalid_target` if nothing of a resource in the
/// audience was granted.
pub async fn issue(app: &App, client: &Client, authorization: &Authorization, now: UnixSeconds) -> Result<TokenResponse, OAuthError> {
    gate(client, &authorization.party, now)?;
    let limit = authorization.user().map_or(Limit::None, |(_, row)| limit(client, row));
    let draft = draft(app, client, authorization, limit, now).await?;
    draft.check_lengths()?;
    let Draft { access, id, typ, lifetime, .. } = draft;
    let ring = app.ring().await?;
    let signer = ring.signer(now)?;
    let access_token = signer.sign(typ, &access).map_err(OAuthError::server_error)?;
    if access_token.len() > MAX_TOKEN_BYTES {
        return Err(OAuthError::new(Code::InvalidScope, format!("scope: {}; ask for fewer", longer_than_read())));
    }
    let id_token = match id {
        Some(mut claims) => {
            claims.at_hash = Some(BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16]));
            Some(signer.sign(TokenType::Jwt, &claims).map_err(OAuthError::server_error)?)
        }
        None => None,
    };
    let refresh_token = match authorization.user().filter(|(_, row)| row.refreshable) {
        Some((_, row)) => Some(refresh::encode(row, &app.master).map_err(OAuthError::server_error)?),
        None => None,
    };
    Ok(TokenResponse { access_token, token_type: "Bearer", expires_in: lifetime, scope: access.scope, refresh_token, id_token })
}

/// Says that an access token is longer than the verifiers of services read.
fn longer_than_read() -> String {
    format!("these scopes make the token longer than {MAX_TOKEN_BYTES} bytes, which services refuse")
}

impl Draft<'_> {
    /// Fails if the claims about the user are too long for one of the tokens.
    fn check_lengths(&self) -> Result<(), OAuthError> {
        check_length(&self.access.added, Carrier::AccessToken)?;
        self.id.as_ref().map_or(Ok(()), |id| check_length(&id.user, Carrier::IdToken))
    }

    /// Returns the length that the access token has once `signer` has signed it, in bytes, and the reason why it would not be issued, if any.
    pub fn length_of_access_token(&self, signer: &Signer) -> Result<(usize, Option<String>), OAuthError> {
        let length = signer.length(self.typ, &self.access).map_err(OAuthError::server_error)?;
        let is_too_long = || (length > MAX_TOKEN_BYTES).then(longer_than_read);
        Ok((length, too_long(&self.access.added, Carrier::AccessToken).or_else(is_too_long)))
    }

    /// Returns the same for the ID token. `None` if the client gets none. The claim `at_hash` must have been set.
    pub fn length_of_id_token(&self, signer: &Signer) -> Result<Option<(usize, Option<String>)>, OAuthError> {
        let Some(id) = &self.id else { return Ok(None) };
        let length = signer.length(TokenType::Jwt, id).map_err(OAuthError::server_error)?;
        Ok(Some((length, too_long(&id.user, Carrier::IdToken))))
    }
}

/// Computes the claims of the tokens that [`issue`] would sign, without checking whether the authorization is alive, nor whether the tokens
/// become too long. The claims about the user are those that `limit` lets be told.
pub async fn draft<'a>(
    app: &'a App,
    client: &'a Client,
    authorization: &'a Authorization,
    limit: Limit,
    now: UnixSeconds,
) -> Result<Draft<'a>, OAuthError> {
    let Authorization { party, granted, requested_scope, resource, nonce } = authorization;
    let names_scope = requested_scope.is_some();
    let requested = match requested_scope {
        Some(requested) => granted.filtered(|name| requested.contains(name)),
        None => granted.clone(),
    };
    if names_scope && requested.is_empty() {
        let found = as_found(&requested_scope.as_ref().map(ToString::to_string).unwrap_or_default());
        let reason = format!(
            "scope: none of these can be granted: {found}; the client must be registered for one of them, and the roles of a user must hold it"
        );
        return Err(OAuthError::new(Code::InvalidScope, reason));
    }
    let audience = audience(resource, &requested, client)?;
    let issuer = &app.settings.issuer;
    for resource in &audience {
        if !is_granted(resource, granted, client) && !is_allowed_by_name(app, party, client, resource).await? {
            return Err(nothing_granted(app, resource).await);
        }
    }
    let scope = owned(&requested, &audience, client);
    if names_scope && scope.is_empty() {
        return Err(OAuthError::new(
            Code::InvalidScope,
            "scope: these scopes belong to another resource; name it in the parameter resource",
        ));
    }
    let lifetime = audience.iter().filter_map(|resource| resource.token_lifetime).min().unwrap_or(app.settings.access_token_lifetime);
    let mut draft = Draft {
        access: AccessClaims {
            iss: issuer.as_str(),
            sub: client.id.clone(),
            aud: Audience::from(audience.iter().map(|resource| resource.identifier(issuer)).collect::<Vec<_>>()),
            exp: now + lifetime,
            iat: now,
            jti: app.clock.random_id::<16>(),
            grant_id: grant_id(
                authorization.user().map_or(Some(&client.grant_id), |(_, row)| row.grant_id.as_ref()).map_or(&[], Vec::as_slice),
            ),
            client_id: &client.id,
            scope: scope.to_string(),
            authentication: None,
            added: Map::new(),
        },
        id: None,
        told_in_id_token: Vec::new(),
        told_in_access_token: Vec::new(),
        // A token for several resources has the type that all of them accept.
        typ: if audience.iter().any(|resource| resource.access_token_typ == AccessTokenTyp::Jwt) {
            TokenType::Jwt
        } else {
            TokenType::Access
        },
        lifetime,
    };
    let Party::User(user) = party else { return Ok(draft) };
    let (user, row) = &**user;
    // Services that check the token by themselves must not accept it for longer than this issuer does. What expires is no revocation.
    draft.lifetime = lifetime.min(row.expires() - now);
    draft.access.exp = now + draft.lifetime;
    let authentication = AuthenticationClaims::of(row);
    let asked = row.requested_claims()?.id_token;
    let asked: Vec<&str> = asked.keys().map(String::as_str).collect();
    // Without the setting an ID token carries the claims of no scope (OpenID Connect Core §5.4).
    let scopes = if client.id_token_claims { requested.clone() } else { ScopeSet::default() };
    let facts = Facts::read(app, user, client, &audience, &scopes, &asked, limit).await?;
    draft.told_in_access_token = facts.told_to_resources(&audience, issuer);
    draft.access.added = given(&draft.told_in_access_token);
    draft.access.sub = user.id.to_string();
    draft.access.authentication = Some(authentication.clone());
    if requested.contains("openid") {
        draft.told_in_id_token = facts.told(Place::IdToken, &scopes, &asked);
        let claims = given(&draft.told_in_id_token);
        draft.id = Some(IdClaims {
            iss: issuer.as_str(),
            sub: user.id.to_string(),
            aud: &client.id,
            exp: now + app.settings.id_token_lifetime,
            iat: now,
            at_hash: None,
            nonce: nonce.as_deref(),
            authentication,
            user: claims,
        });
    }
    Ok(draft)
}

/// Returns whether the user has allowed the client to use `resource` by its name. That is possible only for a resource without scopes.
async fn is_allowed_by_name(app: &App, party: &Party, client: &Client, resource: &Resource) -> Result<bool, OAuthError> {
    let Party::User(user) = party else { return Ok(false) };
    Ok(consents::find(app.store.reader(), user.0.id, &client.id).await?.resources.contains(&resource.id))
}

/// Refuses tokens unless the client and the user are enabled, the user may use the client, and the authorization is alive. Every check that
/// more than one grant needs belongs here, so that no grant lacks it.
fn gate(client: &Client, party: &Party, now: UnixSeconds) -> Result<(), OAuthError> {
    if !client.enabled {
        return Err(OAuthError::invalid_client());
    }
    match party {
        Party::User(user) if !user.1.may_use => {
            Err(OAuthError::invalid_grant().because("the user is in none of the groups that may use the client"))
        }
        Party::User(user) if !is_alive(&user.1, &user.0, client, now) => Err(OAuthError::invalid_grant()),
        Party::User(_) | Party::Client => Ok(()),
    }
}
