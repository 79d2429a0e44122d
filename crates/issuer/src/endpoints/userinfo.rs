//! UserInfo (OpenID Connect Core §5.3): what the scopes of an access token let its client know of the user.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::App;
use crate::clock::UnixSeconds;
use crate::endpoints::no_store;
use crate::endpoints::parameters::is_form;
use crate::error::{BearerError, OAuthError};
use crate::keys::KeyError;
use crate::keys::signer::TokenType;
use crate::oauth::form::Form;
use crate::store::resources::Resource;
use crate::tokens::lookup::look_up;
use crate::tokens::user_claims;

/// An answer that is signed (§5.3.2).
#[derive(Serialize)]
struct SignedClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: UnixSeconds,
    #[serde(flatten)]
    claims: Map<String, Value>,
}

/// `GET` and `POST /userinfo`
pub async fn userinfo(State(app): State<Arc<App>>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(&Resource::userinfo().identifier(&app.settings.issuer), "openid"),
    }
}

async fn answer(app: &App, request: Request) -> Result<Response, BearerError> {
    let token = bearer_token(request).await?;
    let found = look_up(app, &token).await.map_err(|error: KeyError| BearerError::Other(OAuthError::server_error(error)))?;
    let identifier = Resource::userinfo().identifier(&app.settings.issuer);
    let token = found.ok_or(BearerError::InvalidToken)?;
    let own = token.access.filter(|own| own.aud.contains(&identifier)).ok_or(BearerError::InvalidToken)?;
    let scopes = own.scopes();
    let Some((user, row)) = token.user.filter(|_| scopes.contains("openid")) else { return Err(BearerError::InsufficientScope) };
    let asked = row.requested_claims()?.userinfo;
    let mut claims = user_claims::claims(&user, &scopes, &token.client, asked.keys().map(String::as_str));
    claims.insert("sub".to_owned(), user.id.to_string().into());
    if token.client.metadata()?.userinfo_signed_response_alg.is_none() {
        return Ok(no_store(claims));
    }
    signed(app, &token.client.id, claims).await.map_err(BearerError::Other)
}

async fn signed(app: &App, client: &str, claims: Map<String, Value>) -> Result<Response, OAuthError> {
    let now = app.now();
    let ring = app.ring().await.map_err(OAuthError::server_error)?;
    let signer = ring.signer(now).map_err(OAuthError::server_error)?;
    let claims = SignedClaims { iss: app.settings.issuer.as_str(), aud: client, iat: now, claims };
    let token = signer.sign(TokenType::Jwt, &claims).map_err(OAuthError::server_error)?;
    Ok(([(header::CONTENT_TYPE, "application/jwt"), (header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")], token)
        .into_response())
}

/// The token of the `Authorization` header or of a form body (RFC 6750 §2.1, §2.2); never of the URL, never of two places.
async fn bearer_token(request: Request) -> Result<String, BearerError> {
    let (parts, body) = request.into_parts();
    let in_header = header_token(&parts.headers)?;
    let in_body = if parts.method == Method::POST && is_form(&parts) {
        let body = Bytes::from_request(Request::from_parts(parts, body), &()).await;
        let body = body.map_err(|_| BearerError::InvalidRequest("the body could not be read"))?;
        let form = Form::parse(&body).map_err(|_| BearerError::InvalidRequest("the body is not a form"))?;
        form.get("access_token").map(str::to_owned)
    } else {
        None
    };
    match (in_header, in_body) {
        (Some(_), Some(_)) => Err(BearerError::InvalidRequest("the token came twice")),
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(BearerError::NoCredentials),
    }
}

/// The token of the `Authorization` header, if there is one.
pub(super) fn header_token(headers: &HeaderMap) -> Result<Option<String>, BearerError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(BearerError::InvalidRequest("more than one Authorization header"));
    }
    let token = first.and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    Ok(token)
}
