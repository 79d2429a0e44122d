//! UserInfo (OpenID Connect Core §5.3): what the scopes of an access token let its client know of the user.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use serde::Serialize;

use crate::app::App;
use crate::clock::UnixSeconds;
use crate::endpoints::no_store;
use crate::endpoints::parameters::is_form;
use crate::error::{BearerError, OAuthError};
use crate::keys::KeyError;
use crate::oauth::form::Form;
use crate::oauth::scope::ScopeSet;
use crate::store::resources::Resource;
use crate::store::users::User;
use crate::tokens::lookup::look_up;

/// The claims (§5.1), by scope (§5.4).
#[derive(Debug, Default, Serialize)]
struct UserClaims {
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

impl UserClaims {
    fn new(user: User, scopes: &ScopeSet) -> Self {
        let mut claims = Self { sub: user.id.to_string(), ..Self::default() };
        if scopes.contains("profile") {
            claims.name = user.name;
            claims.preferred_username = Some(user.username);
            claims.updated_at = Some(user.updated_at);
        }
        if scopes.contains("email") && user.email.is_some() {
            claims.email = user.email;
            claims.email_verified = Some(user.email_verified);
        }
        claims
    }
}

/// `GET` and `POST /userinfo`
pub async fn userinfo(State(app): State<Arc<App>>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(claims) => no_store(claims),
        Err(error) => error.into_response(&Resource::userinfo().identifier(&app.settings.issuer), "openid"),
    }
}

async fn answer(app: &App, request: Request) -> Result<UserClaims, BearerError> {
    let token = bearer_token(request).await?;
    let found = look_up(app, &token).await.map_err(|error: KeyError| BearerError::Other(OAuthError::server_error(error)))?;
    let identifier = Resource::userinfo().identifier(&app.settings.issuer);
    let token = found.ok_or(BearerError::InvalidToken)?;
    let claims = token.access.filter(|claims| claims.aud.contains(&identifier)).ok_or(BearerError::InvalidToken)?;
    let scopes = claims.scopes();
    match token.user {
        Some((user, _)) if scopes.contains("openid") => Ok(UserClaims::new(user, &scopes)),
        _ => Err(BearerError::InsufficientScope),
    }
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

fn header_token(headers: &HeaderMap) -> Result<Option<String>, BearerError> {
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
