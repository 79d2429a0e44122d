//! Dynamic client registration (OpenID Connect Dynamic Client Registration 1.0, RFC 7591), and reading and deleting what
//! was registered (RFC 7592).

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::audit::{self, Event};
use crate::fetch::{client_keys, logo};
use crate::grants::Grant;
use crate::oauth::client_auth::{BASIC, METHODS, NONE, PRIVATE_KEY_JWT};
use crate::oauth::client_metadata::{ClientMetadata, MAX_NAME, MAX_TEXT, is_plain_text};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::scope::{OIDC_SCOPES, ScopeSet, words};
use crate::oauth::{redirect_uri, secret};
use crate::store::clients::{self, ClientRow};
use crate::store::{commit, registration, resources};
use crate::web::bearer::header_token;
use crate::web::error::bearer::BearerError;
use crate::web::form::RawBody;
use crate::web::respond::no_store;

/// The realm of challenges.
const REALM: &str = "registration";
/// What a client that registers itself may be registered for. It gets nothing without a person.
const GRANTS: [Grant; 2] = [Grant::AuthorizationCode, Grant::RefreshToken];
const MAX_REDIRECT_URIS: usize = 20;

/// What a client sends (RFC 7591 §2). Unknown members are ignored.
#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    redirect_uris: Vec<String>,
    client_name: Option<String>,
    #[serde(default = "default_grants")]
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

fn default_grants() -> Vec<String> {
    vec![Grant::AuthorizationCode.name().to_owned()]
}

fn default_response_types() -> Vec<String> {
    vec!["code".to_owned()]
}

fn default_auth_method() -> String {
    BASIC.to_owned()
}

/// Refuses a token where one is needed.
#[derive(Debug)]
pub enum RegistrationError {
    /// The token is missing or no good.
    Bearer(BearerError),
    /// Anything else.
    OAuth(OAuthError),
}

impl<E: Into<OAuthError>> From<E> for RegistrationError {
    fn from(error: E) -> Self {
        Self::OAuth(error.into())
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

/// `POST /register`
pub async fn register(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<RawBody, OAuthError>,
) -> Result<Response, RegistrationError> {
    let token = initial_token(&app, &headers).await?;
    let RawBody(body) = body?;
    let expected = |error: serde_json::Error| invalid(format!("expected a JSON object of client metadata: {error}"));
    let mut members: Map<String, Value> = serde_json::from_slice(&body).map_err(expected)?;
    // An explicit null says as little as nothing does (RFC 7591 §2).
    members.retain(|_, value| !value.is_null());
    let asked: Registration = serde_json::from_value(members.into()).map_err(expected)?;
    let scopes = asked.check(&app).await?;
    let logo = match &asked.metadata.logo_uri {
        None => None,
        // A logo that cannot be had is no reason to refuse the client.
        Some(uri) => logo::fetch(&app.fetcher, uri).await.map_err(|error| tracing::info!(%error, "a logo could not be fetched")).ok(),
    };

    let now = app.now();
    let id = app.clock.random_id::<16>();
    let own_token = BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<32>());
    let has_secret = ![NONE, PRIVATE_KEY_JWT].contains(&asked.token_endpoint_auth_method.as_str());
    let secret = has_secret.then(|| BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<32>()));
    let row = asked.into_row(&app, id.clone(), secret.as_deref(), &own_token);
    let origins: Vec<String> = words(&row.redirect_uris).filter_map(redirect_uri::origin).collect();

    let transaction = app.store.begin().await?;
    if let Some(token) = token
        && !registration::use_token(&transaction, &token, now).await?
    {
        return Err(RegistrationError::Bearer(BearerError::InvalidToken));
    }
    clients::insert(&transaction, row.clone(), &scopes, &origins).await?;
    if let Some(logo) = logo {
        clients::set_logo(&transaction, &id, logo.media_type, logo.image).await?;
    }
    audit::record(&transaction, now, Event::ClientRegistered { client: &id }).await?;
    commit(transaction).await?;

    let mut answer = describe(&app, &row, &scopes);
    answer["registration_access_token"] = own_token.into();
    if let Some(secret) = secret {
        answer["client_secret"] = secret.into();
        answer["client_secret_expires_at"] = 0.into();
    }
    let mut response = no_store(answer);
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// `GET /register/{id}` (RFC 7592 §2.1)
pub async fn read(State(app): State<Arc<App>>, id: ClientId, headers: HeaderMap) -> Result<Response, RegistrationError> {
    let id = client_id(id)?;
    let row = own_registration(&app, &id, &headers).await?;
    let client = app.store.client(&id).await?;
    let scopes: Vec<String> = client.into_iter().flat_map(|client| client.scopes).map(|scope| scope.name).collect();
    let mut answer = describe(&app, &row, &scopes);
    // Known to who asks, and to nobody else: here only its hash is.
    answer["registration_access_token"] = bearer(&headers)?.into();
    Ok(no_store(answer))
}

/// `DELETE /register/{id}` (RFC 7592 §2.3)
pub async fn delete(State(app): State<Arc<App>>, id: ClientId, headers: HeaderMap) -> Result<Response, RegistrationError> {
    let id = client_id(id)?;
    own_registration(&app, &id, &headers).await?;
    let transaction = app.store.begin().await?;
    clients::remove(&transaction, &id).await?;
    audit::record(&transaction, app.now(), Event::ClientDeleted { client: &id }).await?;
    commit(transaction).await?;
    Ok((StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")]).into_response())
}

/// The id in the path; none if it is no text.
type ClientId = Result<Path<String>, PathRejection>;

fn client_id(id: ClientId) -> Result<String, RegistrationError> {
    id.map(|Path(id)| id).map_err(|_| RegistrationError::Bearer(BearerError::InvalidToken))
}

fn invalid(description: impl Into<String>) -> RegistrationError {
    RegistrationError::OAuth(OAuthError::new(Code::InvalidClientMetadata, description))
}

fn bearer(headers: &HeaderMap) -> Result<String, RegistrationError> {
    header_token(headers).and_then(|token| token.ok_or(BearerError::NoCredentials)).map_err(RegistrationError::Bearer)
}

/// The hash of the initial access token; none where anyone may register. Used only when all else is good.
async fn initial_token(app: &App, headers: &HeaderMap) -> Result<Option<String>, RegistrationError> {
    if app.settings.open_registration {
        return Ok(None);
    }
    let hash = secret::key(&bearer(headers)?);
    if registration::token_is_good(app.store.reader(), &hash, app.now()).await? {
        Ok(Some(hash))
    } else {
        Err(RegistrationError::Bearer(BearerError::InvalidToken))
    }
}

/// The registration `id`, if the request carries its token. Others learn nothing, not even that there is none.
async fn own_registration(app: &App, id: &str, headers: &HeaderMap) -> Result<ClientRow, RegistrationError> {
    let hash = secret::hash(&bearer(headers)?);
    let row = clients::row(app.store.reader(), id).await?.filter(|row| row.disabled_at.is_none());
    let own = row.filter(|row| row.registration_token_hash.as_ref().is_some_and(|good| bool::from(good.as_slice().ct_eq(&hash))));
    own.ok_or(RegistrationError::Bearer(BearerError::InvalidToken))
}

impl Registration {
    /// Checks every member; gives the scopes that the client may ask for.
    async fn check(&self, app: &App) -> Result<Vec<String>, RegistrationError> {
        if self.redirect_uris.is_empty() || self.redirect_uris.len() > MAX_REDIRECT_URIS {
            let error = format!("redirect_uris: expected 1 to {MAX_REDIRECT_URIS}");
            return Err(OAuthError::new(Code::InvalidRedirectUri, error).into());
        }
        for uri in &self.redirect_uris {
            let fits = uri.len() <= MAX_TEXT && redirect_uri::validate(uri, self.metadata.application_type).is_ok();
            if !fits {
                return Err(OAuthError::new(Code::InvalidRedirectUri, redirect_uri::RedirectUriError.to_string()).into());
            }
        }
        if self.client_name.as_ref().is_some_and(|name| name.chars().count() > MAX_NAME || !is_plain_text(name)) {
            return Err(invalid(format!("client_name: expected at most {MAX_NAME} characters, without invisible ones")));
        }
        let code = Grant::AuthorizationCode.name().to_owned();
        if !self.grant_types.contains(&code) || self.grant_types.iter().any(|name| !GRANTS.iter().any(|grant| grant.name() == name)) {
            return Err(invalid("grant_types: expected authorization_code, with refresh_token or without"));
        }
        if self.response_types != default_response_types() {
            return Err(invalid("response_types: expected code"));
        }
        let method = self.token_endpoint_auth_method.as_str();
        if !METHODS.contains(&method) {
            return Err(invalid(format!("token_endpoint_auth_method: expected one of {}", METHODS.join(", "))));
        }
        let has_key = |jwks: &Value| client_keys::parse(jwks.clone()).is_ok_and(|keys| keys.key_ids().next().is_some());
        if method == PRIVATE_KEY_JWT && self.metadata.jwks_uri.is_none() && !self.metadata.jwks.as_ref().is_some_and(has_key) {
            return Err(invalid("jwks: expected an RSA key for RS256, or jwks_uri, for private_key_jwt"));
        }
        if self.subject_type.as_deref().is_some_and(|kind| kind != "public") {
            return Err(invalid("subject_type: expected public"));
        }
        let unsupported = [&self.id_token_encrypted_response_alg, &self.userinfo_encrypted_response_alg];
        if unsupported.iter().any(|member| member.is_some()) {
            return Err(invalid("encrypted answers are not supported"));
        }
        if self.request_object_signing_alg.as_ref().is_some_and(|alg| alg != "none") {
            return Err(invalid("request_object_signing_alg: request objects are not supported"));
        }
        self.metadata.validate(app.settings.fetch_private_addresses).map_err(|error| invalid(error.to_string()))?;
        self.check_sector(app).await?;
        self.scopes(app).await
    }

    /// The document at `sector_identifier_uri` names all redirect URIs (OpenID Connect Dynamic Client Registration §5).
    async fn check_sector(&self, app: &App) -> Result<(), RegistrationError> {
        let Some(uri) = &self.metadata.sector_identifier_uri else { return Ok(()) };
        let document = app.fetcher.get(uri).await.map_err(|error| invalid(format!("sector_identifier_uri: {error}")))?;
        let named: Vec<String> = serde_json::from_slice(&document).unwrap_or_default();
        if self.redirect_uris.iter().all(|uri| named.contains(uri)) {
            Ok(())
        } else {
            Err(invalid("sector_identifier_uri: expected a JSON array that names all redirect_uris"))
        }
    }

    /// The scopes asked for, as far as they exist and are no administration's; OpenID Connect's if it does not say.
    async fn scopes(&self, app: &App) -> Result<Vec<String>, RegistrationError> {
        let Some(asked) = &self.scope else { return Ok(OIDC_SCOPES.iter().map(|(name, _)| (*name).to_owned()).collect()) };
        let asked = ScopeSet::parse(asked).map_err(|error| invalid(error.to_string()))?;
        let names: Vec<String> = asked.iter().map(str::to_owned).collect();
        let known = resources::known_scopes(app.store.reader(), &names).await?;
        Ok(known.into_iter().filter(|scope| scope.resource_id != resources::ISSUER).map(|scope| scope.name).collect())
    }

    fn into_row(self, app: &App, id: String, secret: Option<&str>, own_token: &str) -> ClientRow {
        ClientRow {
            name: self.client_name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| "An app without a name".to_owned()),
            public: self.token_endpoint_auth_method == NONE,
            grants: self.grant_types.join(" "),
            redirect_uris: self.redirect_uris.join(" "),
            default_resource: None,
            secret_hash: secret.map(secret::hash),
            previous_secret_hash: None,
            created_at: app.now(),
            disabled_at: None,
            auth_method: Some(self.token_endpoint_auth_method),
            // They may rely on `nonce` (RFC 9700 §2.1.1); a challenge that they send is checked all the same.
            require_pkce: false,
            first_party: false,
            metadata: self.metadata.to_json(),
            registration_token_hash: Some(secret::hash(own_token)),
            id,
        }
    }
}

/// What is registered, without secrets (RFC 7591 §3.2.1).
fn describe(app: &App, row: &ClientRow, scopes: &[String]) -> Value {
    let mut answer: Value = serde_json::from_str(&row.metadata).unwrap_or_default();
    let list = |text| words(text).collect::<Vec<_>>();
    let own = json!({
        "client_id": row.id,
        "client_id_issued_at": row.created_at,
        "client_name": row.name,
        "redirect_uris": list(&row.redirect_uris),
        "grant_types": list(&row.grants),
        "response_types": ["code"],
        "token_endpoint_auth_method": row.auth_method,
        "subject_type": "public",
        "scope": scopes.join(" "),
        "registration_client_uri": app.settings.issuer.endpoint(&format!("/register/{}", row.id)),
    });
    if let (Some(answer), Value::Object(own)) = (answer.as_object_mut(), own) {
        answer.extend(own);
    }
    answer
}
