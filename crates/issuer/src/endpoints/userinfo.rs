//! UserInfo (OpenID Connect Core §5.3): returns the claims about the user that the scopes of an access token cover.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::App;
use crate::clock::UnixSeconds;
use crate::keys::signer::TokenType;
use crate::oauth::error::OAuthError;
use crate::store::resources::Resource;
use crate::tokens::lookup::{Invalid, look_up};
use crate::tokens::user_claims::{Facts, Place, given, limit};
use crate::web::bearer::bearer_token;
use crate::web::error::bearer::BearerError;
use crate::web::respond::no_store;

/// The payload of a signed response (§5.3.2).
#[derive(Serialize)]
struct SignedClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: UnixSeconds,
    #[serde(flatten)]
    claims: Map<String, Value>,
}

/// `GET /userinfo` and `POST /userinfo`: returns the claims as JSON, or as a JWT if the client registered for signed responses.
pub async fn userinfo(State(app): State<Arc<App>>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(&Resource::userinfo().identifier(&app.settings.issuer), "openid"),
    }
}

async fn answer(app: &App, request: Request) -> Result<Response, BearerError> {
    let token = bearer_token(request).await?;
    let (own, client, user) = look_up(app, &token).await??.into_access()?;
    let scopes = own.scopes();
    let Some((user, row)) = user.filter(|_| scopes.contains("openid")) else { return Err(BearerError::InsufficientScope(client.id)) };
    if !own.aud.contains(&Resource::userinfo().identifier(&app.settings.issuer)) {
        return Err(Invalid::of_other_resource(&client.id).into());
    }
    let requested = row.requested_claims()?.userinfo;
    let requested: Vec<&str> = requested.keys().map(String::as_str).collect();
    let limit = limit(&client, &row);
    let facts = Facts::read(app, &user, &client, &[], &scopes, &requested, limit).await?;
    let mut claims = given(&facts.told(Place::UserInfo, &scopes, &requested));
    claims.insert("sub".to_owned(), user.id.to_string().into());
    if client.metadata()?.userinfo_signed_response_alg.is_none() {
        return Ok(no_store(claims));
    }
    signed(app, &client.id, claims).await.map_err(BearerError::Other)
}

async fn signed(app: &App, client: &str, claims: Map<String, Value>) -> Result<Response, OAuthError> {
    let now = app.now();
    let ring = app.ring().await?;
    let signer = ring.signer(now)?;
    let claims = SignedClaims { iss: app.settings.issuer.as_str(), aud: client, iat: now, claims };
    let token = signer.sign(TokenType::Jwt, &claims).map_err(OAuthError::server_error)?;
    Ok(([(header::CONTENT_TYPE, "application/jwt"), (header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")], token)
        .into_response())
}
