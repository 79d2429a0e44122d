//! The endpoints of Shared Signals (SSF 1.0): the metadata of the transmitter, and the management of streams. A client calls them with an
//! access token that it got for itself, for the issuer's own resource, with `ssf.read` or `ssf.manage`. It sees its own streams only.

pub mod metadata;
pub mod poll;
pub mod streams;

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::app::App;
use crate::audit::{Actor, Face, Who};
use crate::oauth::error::OAuthError;
use crate::oauth::scope::{SSF_MANAGE, SSF_READ};
use crate::signals::Receiver;
use crate::store::clients::Client;
use crate::tokens::lookup::{Invalid, look_up};
use crate::web::bearer::header_token;
use crate::web::client_ip::request_info;
use crate::web::error::bearer::BearerError;
use crate::web::form::RawBody;

/// A client that may read its streams and the events in them.
pub struct Reader(Caller);

/// A client that may also make and change streams.
pub struct Manager(Caller);

struct Caller {
    app: Arc<App>,
    client: Client,
    actor: Actor,
    token: String,
    /// The scopes of which the token must have one.
    scopes: &'static [&'static str],
}

impl Caller {
    fn receiver(&self) -> Receiver<'_> {
        Receiver { app: &self.app, client: &self.client, actor: &self.actor }
    }

    /// Refuses a request that has waited if its token has expired or was revoked meanwhile, or if the client lost the scope.
    async fn check_again(&self) -> Result<(), Response> {
        let checked = check(&self.app, &self.token, self.scopes).await;
        checked.map(drop).map_err(|error| error.into_response(self.app.settings.issuer.as_str(), self.scopes[0]))
    }
}

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        caller(parts, app, &[SSF_READ, SSF_MANAGE]).await.map(Self)
    }
}

impl FromRequestParts<Arc<App>> for Manager {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        caller(parts, app, &[SSF_MANAGE]).await.map(Self)
    }
}

async fn caller(parts: &Parts, app: &Arc<App>, scopes: &'static [&'static str]) -> Result<Caller, Response> {
    authenticate(parts, app, scopes).await.map_err(|error| error.into_response(app.settings.issuer.as_str(), scopes[0]))
}

async fn authenticate(parts: &Parts, app: &Arc<App>, scopes: &'static [&'static str]) -> Result<Caller, BearerError> {
    let token = header_token(&parts.headers)?.ok_or(BearerError::NoCredentials("the request carries no access token"))?;
    let client = check(app, &token, scopes).await?;
    let info = request_info(parts).map_err(BearerError::Other)?;
    let actor = Actor::remote(Who::Client(client.id.clone()), Face::Signals, &info);
    Ok(Caller { app: Arc::clone(app), client, actor, token, scopes })
}

/// Returns the client that got `token` for itself, if the token has one of `scopes`. A token that acts for a user does not count.
async fn check(app: &App, token: &str, scopes: &[&str]) -> Result<Client, BearerError> {
    let (own, client, user) = look_up(app, token).await??.into_access()?;
    if !own.aud.contains(app.settings.issuer.as_str()) {
        return Err(Invalid::of_other_resource(&client.id).into());
    }
    let (held, allowed) = (own.scopes(), |name: &str| client.scopes.iter().any(|scope| scope.name == name));
    if user.is_some() || !scopes.iter().any(|scope| held.contains(scope) && allowed(scope)) {
        return Err(BearerError::InsufficientScope(client.id));
    }
    Ok(client)
}

/// Returns whether a body is sent as JSON, or without a type, as in the examples of SSF 1.0. An empty type counts as none. A form of another
/// site cannot do harm in this way, because each request carries an access token.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (first, None) = (types.next(), types.next()) else { return false };
    let Some(first) = first else { return true };
    let media_type = first.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.is_empty() || media_type == "application/json" || media_type.starts_with("application/") && media_type.ends_with("+json")
}

/// The body of a request, which is a JSON object. A member that is null counts as absent, except where a member of a configuration is changed:
/// there it stands for the default. No text in it has the character U+0000, which PostgreSQL does not store.
pub struct Body(Map<String, Value>);

impl Body {
    /// Returns the member `stream_id`.
    fn stream(&self) -> Result<&str, OAuthError> {
        let id = self.0.get("stream_id").and_then(Value::as_str);
        id.ok_or_else(|| OAuthError::invalid_request("stream_id: expected the id of a stream, as a text in the body"))
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        if !is_json(request.headers()) {
            let error = OAuthError::invalid_request("Content-Type: expected application/json");
            return Err(error.into_response());
        }
        let RawBody(body) = RawBody::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let refused = |expected: &str| OAuthError::invalid_request(expected).into_response();
        let Ok(parsed) = serde_json::from_slice::<Map<String, Value>>(&body) else {
            return Err(refused("the body: expected a JSON object"));
        };
        if members_have_nul(&parsed) {
            return Err(refused("the body: expected texts without the character U+0000"));
        }
        Ok(Self(parsed))
    }
}

/// Returns whether a name or a value among `members`, at any depth, has the character U+0000.
fn members_have_nul(members: &Map<String, Value>) -> bool {
    members.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members_have_nul(members),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
