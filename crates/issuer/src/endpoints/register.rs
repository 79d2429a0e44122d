//! Dynamic client registration (OpenID Connect Dynamic Client Registration 1.0, RFC 7591), and reading and deleting a registration
//! (RFC 7592).

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::admin::clients::{self, Added, ClientView};
use crate::admin::new_client::{ClientDraft, NewClient, Rules};
use crate::admin::{Refused, change, registration_tokens};
use crate::app::App;
use crate::audit::{Actor, Face, RequestInfo, Who};
use crate::grants::Grant;
use crate::oauth::client_auth::{BASIC, NONE};
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::scope::words;
use crate::web::bearer::header_token;
use crate::web::client_ip::request_info;
use crate::web::error::bearer::BearerError;
use crate::web::form::RawBody;
use crate::web::respond::no_store;

/// The `realm` of the bearer challenges of this endpoint.
const REALM: &str = "registration";
/// The name that pages show for a client that registers without a name.
const NAMELESS: &str = "An app without a name";

/// The members that a client sends (RFC 7591 §2). Unknown members are ignored.
#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    redirect_uris: Vec<String>,
    client_name: Option<String>,
    #[serde(default = "default_grant_types")]
    grant_types: Vec<String>,
    #[serde(default = "default_response_types")]
    response_types: Vec<String>,
    #[serde(default = "default_auth_method")]
    token_endpoint_auth_method: String,
    scope: Option<String>,
    subject_type: Option<String>,
    id_token_encrypted_response_alg: Option<Value>,
    userinfo_encrypted_response_alg: Option<Value>,
    request_object_signing_alg: Option<Value>,
    #[serde(flatten)]
    metadata: ClientMetadata,
}

fn default_grant_types() -> Vec<String> {
    vec![Grant::AuthorizationCode.name().to_owned()]
}

fn default_response_types() -> Vec<String> {
    vec!["code".to_owned()]
}

fn default_auth_method() -> String {
    BASIC.to_owned()
}

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
            Refused::Forbidden => Self::Bearer(BearerError::InvalidToken),
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
        self.token.as_deref().ok_or(RegistrationError::Bearer(BearerError::NoCredentials))
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
    let expected = |error: serde_json::Error| invalid(format!("expected a JSON object of client metadata: {error}"));
    let mut members: Map<String, Value> = serde_json::from_slice(&body).map_err(expected)?;
    // An explicit null means the same as an absent member (RFC 7591 §2).
    members.retain(|_, value| !value.is_null());
    let registration: Registration = serde_json::from_value(members.into()).map_err(expected)?;
    let client = registration.check(&app)?;
    clients::check_sector(&app, &client).await?;
    // A logo is only decoration, so a client whose logo cannot be fetched is registered without it.
    let logo = clients::fetch_logo(&app, &client).await.unwrap_or_else(|error| {
        tracing::info!(%error, "the client is registered without its logo, because that could not be fetched");
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

fn invalid(description: impl Into<String>) -> RegistrationError {
    OAuthError::new(Code::InvalidClientMetadata, description).into()
}

/// Returns the initial access token if it is valid; `None` if anyone may register. It is spent later, in the transaction that adds the
/// client, so that a mistake in the metadata does not use it up.
async fn initial_token<'c>(app: &App, caller: &'c Caller) -> Result<Option<&'c str>, RegistrationError> {
    if app.settings.open_registration {
        return Ok(None);
    }
    let token = caller.token()?;
    if registration_tokens::is_good(app, token).await? { Ok(Some(token)) } else { Err(BearerError::InvalidToken.into()) }
}

/// Returns the registration that the path names, if the request carries its token. Every wrong token gets the same answer, so that a caller
/// does not learn whether the client exists.
async fn own_registration(app: &App, id: ClientId, caller: &Caller) -> Result<ClientView, RegistrationError> {
    let token = caller.token()?;
    let Ok(Path(id)) = id else { return Err(BearerError::InvalidToken.into()) };
    clients::show_own(app, &id, token).await?.ok_or_else(|| BearerError::InvalidToken.into())
}

impl Registration {
    /// Checks the members for which this issuer supports only one value, then all others.
    fn check(self, app: &App) -> Result<NewClient, RegistrationError> {
        if self.response_types != default_response_types() {
            return Err(invalid("response_types: expected code"));
        }
        if self.subject_type.as_deref().is_some_and(|kind| kind != "public") {
            return Err(invalid("subject_type: expected public"));
        }
        if self.id_token_encrypted_response_alg.is_some() || self.userinfo_encrypted_response_alg.is_some() {
            return Err(invalid("encrypted ID tokens and UserInfo responses are not supported"));
        }
        if self.request_object_signing_alg.as_ref().is_some_and(|alg| alg != "none") {
            return Err(invalid("request_object_signing_alg: request objects are not supported"));
        }
        let draft = ClientDraft {
            client_name: self.client_name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| NAMELESS.to_owned()),
            grant_types: self.grant_types,
            redirect_uris: self.redirect_uris,
            scope: self.scope.as_deref().map(|scope| words(scope).map(str::to_owned).collect()),
            public: self.token_endpoint_auth_method == NONE,
            token_endpoint_auth_method: Some(self.token_endpoint_auth_method),
            // These clients may rely on `nonce` instead of PKCE (RFC 9700 §2.1.1). A challenge that they send is still checked.
            require_pkce: false,
            metadata: self.metadata,
            ..ClientDraft::default()
        };
        let rules = Rules { self_registered: true, private_addresses: app.settings.fetch_private_addresses };
        Ok(NewClient::check(draft, rules)?)
    }
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
        "response_types": ["code"],
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
