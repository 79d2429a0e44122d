//! Token introspection (RFC 7662), for services that must notice a revocation at once.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use crate::app::App;
use crate::clients::authentication;
use crate::clock::UnixSeconds;
use crate::oauth::error::{Code, OAuthError};
use crate::tokens::claims::{Audience, AuthenticationClaims};
use crate::tokens::lookup::look_up;
use crate::web::form::Parameters;
use crate::web::respond::no_store;

/// The response for a live token that was issued for the caller's own resource (§2.2).
#[derive(Debug, Serialize)]
struct Active<'a> {
    active: bool,
    iss: &'a str,
    sub: &'a str,
    aud: &'a Audience,
    client_id: &'a str,
    scope: &'a str,
    token_type: &'static str,
    exp: UnixSeconds,
    iat: UnixSeconds,
    jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(flatten)]
    authentication: Option<AuthenticationClaims<'a>>,
}

/// `POST /introspect`: only confidential clients may ask, and only about access tokens that were issued for their own resource. Any other
/// token is reported as not active.
pub async fn introspect(State(app): State<Arc<App>>, parameters: Result<Parameters, OAuthError>) -> Result<Response, OAuthError> {
    let parameters = parameters?;
    answer(&app, &parameters).await.map_err(|error| parameters.blame(error))
}

async fn answer(app: &App, parameters: &Parameters) -> Result<Response, OAuthError> {
    let client = authentication::authenticate(app, parameters.authorization(), &parameters.form, &parameters.request).await?;
    if client.public {
        return Err(OAuthError::new(Code::InvalidClient, "only confidential clients may use introspection"));
    }
    let token = parameters.form.get("token").ok_or_else(|| OAuthError::invalid_request("token: expected a token; found none"))?;
    let found = look_up(app, token).await?.ok();

    let own = client.default_resource.as_ref().map(|resource| resource.identifier(&app.settings.issuer));
    let meant_for = |aud: &Audience| own.as_ref().is_some_and(|own| aud.contains(own));
    let Some(token) = found.as_ref() else { return Ok(inactive()) };
    let Some(claims) = token.access.as_ref().filter(|claims| meant_for(&claims.aud)) else { return Ok(inactive()) };
    let user = token.user.as_ref();
    Ok(no_store(Active {
        active: true,
        iss: app.settings.issuer.as_str(),
        sub: &claims.sub,
        aud: &claims.aud,
        client_id: &token.client.id,
        scope: &claims.scope,
        token_type: "Bearer",
        exp: claims.exp,
        iat: claims.iat,
        jti: &claims.jti,
        username: user.map(|(user, _)| user.username.as_str()),
        authentication: user.map(|(_, row)| AuthenticationClaims::of(row)),
    }))
}

fn inactive() -> Response {
    no_store(json!({ "active": false }))
}
