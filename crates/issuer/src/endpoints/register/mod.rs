//! Dynamic client registration (OpenID Connect Dynamic Client Registration 1.0, RFC 7591), and reading and deleting a registration
//! (RFC 7592).

mod metadata;

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::admin::clients::{self, Added, ClientView};
use crate::admin::new_client::{NewClient, Rules};
use crate::admin::{Refused, change, registration_tokens};
use crate::app::App;
use crate::audit::{Actor, Face, RequestInfo, Who};
use crate::fetch::budget::Asker;
use crate::oauth::authorization_request::RESPONSE_TYPES;
use crate::oauth::error::{Code, OAuthError};
use crate::tokens::lookup::Invalid;
use crate::web::bearer::header_token;
use crate::web::client_ip::request_info;
use crate::web::error::bearer::BearerError;
use crate::web::form::RawBody;
use crate::web::respond::no_store;

/// The `realm` of the bearer challenges of this endpoint.
const REALM: &str = "registration";

/// The reason why a registration could not be made, read or deleted.
#[derive(Debug)]
pub enum RegistrationError {
    /// The bearer token is missing or invalid.
    Bearer(BearerError),
    /// The metadata is invalid, or the issuer failed.
    OAuth(OAuthError),
}

impl From<OAuthError> for RegistrationError {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

impl From<BearerError> for RegistrationError {
    fn from(error: BearerError) -> Self {
        Self::Bearer(error)
    }
}

impl From<Refused> for RegistrationError {
    fn from(refused: Refused) -> Self {
        match refused {
            // Only deleting looks for a client, after its token was checked: a request at the same time has deleted it meanwhile.
            Refused::Forbidden | Refused::NotFound { .. } => wrong_token(),
            Refused::Invalid(faults) => {
                let is_redirect_uri = faults.first().is_some_and(|fault| fault.field == "redirect_uris");
                let code = if is_redirect_uri { Code::InvalidRedirectUri } else { Code::InvalidClientMetadata };
                Self::OAuth(OAuthError::new(code, Refused::Invalid(faults).to_string()))
            }
            other => Self::OAuth(other.into()),
        }
    }
}

impl IntoResponse for RegistrationError {
    fn into_response(self) -> Response {
        match self {
            Self::Bearer(error) => error.into_response(REALM, ""),
            Self::OAuth(error) => error.into_response(),
        }
    }
}

/// The bearer token of a request, if it has one, and the facts about the request that its audit event needs.
pub struct Caller {
    token: Option<String>,
    request: RequestInfo,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = RegistrationError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, RegistrationError> {
        Ok(Self { token: header_token(&parts.headers)?, request: request_info(parts)? })
    }
}

impl Caller {
    fn token(&self) -> Result<&str, RegistrationError> {
        self.token
            .as_deref()
            .ok_or(RegistrationError::Bearer(BearerError::NoCredentials("send the registration_access_token as a bearer token")))
    }

    fn actor(&self, who: Who) -> Actor {
        Actor::remote(who, Face::Registration, &self.request)
    }
}

/// `POST /register`: registers a client, and returns its registration with its secrets (RFC 7591 §3).
pub async fn register(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<RawBody, OAuthError>,
) -> Result<Response, RegistrationError> {
    let initial_token = initial_token(&app, &caller).await?;
    let RawBody(body) = body?;
    // These faults are in what the members ask for, not in the redirect URIs themselves.
    let as_metadata = |faults| OAuthError::new(Code::InvalidClientMetadata, Refused::Invalid(faults).to_string());
    let mut draft = metadata::read(&body).map_err(as_metadata)?;
    draft.pkce = (!draft.public).then_some(app.settings.registration_pkce);
    draft.access = Some(app.settings.registration_access);
    let rules = Rules { self_registered: true, private_addresses: app.settings.fetch_private_addresses, needs_group: false };
    let mut client = NewClient::check(draft, rules)?;
    let asker = Asker::Stranger { address: caller.request.address, token: initial_token.unwrap_or_default() };
    clients::check_sector(&app, &client, asker).await?;
    // A logo is only decoration, so a client whose logo cannot be fetched is registered without it, and the answer does not state it.
    let fetched = clients::fetch_logo(&app, client.metadata(), asker).await;
    let logo = fetched.unwrap_or_else(|error| {
        tracing::info!(%error, "the client is registered without its logo, because that could not be fetched");
        client.remove_logo();
        None
    });

    let own_token = BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<32>());
    let (actor, token) = (caller.actor(Who::Registration), own_token.as_str());
    let added = change(&app, &actor, |change| {
        Box::pin(async move {
            if let Some(initial_token) = initial_token {
                registration_tokens::spend(change, initial_token).await?;
            }
            clients::add(change, client, logo, Some(token)).await
        })
    });
    let Added { client, client_secret } = added.await?;
    let mut answer = describe(&app, &client);
    answer["registration_access_token"] = own_token.into();
    if let Some(secret) = client_secret {
        answer["client_secret"] = secret.into();
        answer["client_secret_expires_at"] = 0.into();
    }
    let mut response = no_store(answer);
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// `GET /register/{id}`: returns the registration to the client itself (RFC 7592 §2.1).
pub async fn read(State(app): State<Arc<App>>, id: ClientId, caller: Caller) -> Result<Response, RegistrationError> {
    let client = own_registration(&app, id, &caller).await?;
    let mut answer = describe(&app, &client);
    // The issuer keeps only the hash of the token, but the caller has just sent it.
    answer["registration_access_token"] = caller.token()?.into();
    Ok(no_store(answer))
}

/// `DELETE /register/{id}`: deletes the registration for the client itself (RFC 7592 §2.3).
pub async fn delete(State(app): State<Arc<App>>, id: ClientId, caller: Caller) -> Result<Response, RegistrationError> {
    let client = own_registration(&app, id, &caller).await?;
    let actor = caller.actor(Who::Client(client.client_id.clone()));
    change(&app, &actor, |change| Box::pin(clients::remove(change, &client.client_id))).await?;
    Ok((StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")]).into_response())
}

/// The client's id in the path; an error if it is not valid UTF-8.
type ClientId = Result<Path<String>, PathRejection>;

/// Returns the initial access token if it is valid; `None` if anyone may register. It is spent later, in the transaction that adds the
/// client, so that a mistake in the metadata does not use it up.
async fn initial_token<'c>(app: &App, caller: &'c Caller) -> Result<Option<&'c str>, RegistrationError> {
    if app.settings.open_registration {
        return Ok(None);
    }
    let closed = "registration is closed to clients without an initial access token; an administrator of the issuer issues one with signet \
                  client registration-token";
    let token = caller.token.as_deref().ok_or(BearerError::NoCredentials(closed))?;
    if registration_tokens::is_good(app, token).await? { Ok(Some(token)) } else { Err(wrong_token()) }
}

/// Refuses an initial access token or a registration access token.
fn wrong_token() -> RegistrationError {
    let reason = "the token is no initial access token that is still good, or not that of the registration";
    BearerError::from(Invalid::foreign(reason)).into()
}

/// Returns the registration that the path names, if the request carries its token. Every wrong token gets the same answer, so that a caller
/// does not learn whether the client exists.
async fn own_registration(app: &App, id: ClientId, caller: &Caller) -> Result<ClientView, RegistrationError> {
    let token = caller.token()?;
    let Ok(Path(id)) = id else { return Err(wrong_token()) };
    clients::show_own(app, &id, token).await?.ok_or_else(wrong_token)
}

/// Returns the registered metadata without secrets (RFC 7591 §3.2.1).
fn describe(app: &App, client: &ClientView) -> Value {
    let mut answer = serde_json::to_value(&client.metadata).unwrap_or_default();
    let own = json!({
        "client_id": client.client_id,
        "client_id_issued_at": client.created_at,
        "client_name": client.client_name,
        "redirect_uris": client.redirect_uris,
        "grant_types": client.grant_types,
        "response_types": RESPONSE_TYPES,
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "subject_type": "public",
        "scope": client.scope,
        "registration_client_uri": app.settings.issuer.endpoint(&format!("/register/{}", client.client_id)),
    });
    if let (Some(answer), Value::Object(own)) = (answer.as_object_mut(), own) {
        answer.extend(own);
    }
    answer
}
