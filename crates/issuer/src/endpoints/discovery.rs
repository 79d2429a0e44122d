//! The metadata of the issuer, one document for OpenID Connect Discovery 1.0 §3 and RFC 8414 §2. It lists only what this issuer supports.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::routing::{MethodRouter, get};
use serde::Serialize;

use crate::app::App;
use crate::config::Settings;
use crate::grants::Grant;
use crate::oauth::acr::Acr;
use crate::oauth::authorization_request::{RESPONSE_MODES, RESPONSE_TYPES};
use crate::oauth::client_auth::{BASIC, METHODS, POST, PRIVATE_KEY_JWT};
use crate::oauth::error::OAuthError;
use crate::oauth::scope::OIDC_SCOPES;
use crate::oauth::standard_claims::CLAIMS;
use crate::oauth::{pkce, prompt};

/// The members of the document, in the order of the specifications.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the specifications define these members")]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    /// `None` while a client needs a token of an administrator to register itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    end_session_endpoint: String,
    check_session_iframe: String,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    frontchannel_logout_supported: bool,
    frontchannel_logout_session_supported: bool,
    scopes_supported: Vec<&'static str>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: Vec<&'static str>,
    acr_values_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
    userinfo_signing_alg_values_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 1],
    display_values_supported: [&'static str; 1],
    claim_types_supported: [&'static str; 1],
    claims_supported: Vec<&'static str>,
    ui_locales_supported: [&'static str; 1],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    prompt_values_supported: [&'static str; 4],
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 1],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 1],
    signet_revocations_endpoint: String,
}

/// The claims of ID tokens that describe the token and the sign-in. [`CLAIMS`] has those that describe the user.
const TOKEN_CLAIMS: [&str; 11] = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];
const RS256: [&str; 1] = ["RS256"];

/// The document as prepared bytes. What it says follows from the settings and from whether a client is registered for the password grant,
/// so it is prepared again only once it is older than `key_refresh_interval`.
#[derive(Debug, Default)]
struct Document(ArcSwapOption<Prepared>);

#[derive(Debug)]
struct Prepared {
    body: Bytes,
    /// The time at which the clients were read, by the monotonic clock.
    read_at: Duration,
}

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`: returns the metadata.
pub fn discovery() -> MethodRouter<Arc<App>> {
    let document = Arc::new(Document::default());
    get(move |State(app): State<Arc<App>>| {
        let document = Arc::clone(&document);
        async move {
            let body = document.body(&app).await?;
            Ok::<_, OAuthError>(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body))
        }
    })
}

impl Document {
    async fn body(&self, app: &App) -> Result<Bytes, OAuthError> {
        let now = app.clock.monotonic();
        let interval = Duration::from_secs(app.settings.key_refresh_interval.unsigned_abs());
        if let Some(prepared) = self.0.load().as_ref().filter(|prepared| now.saturating_sub(prepared.read_at) < interval) {
            return Ok(prepared.body.clone());
        }
        let metadata = metadata(&app.settings, &app.grants_in_use().await);
        let body = Bytes::from(serde_json::to_vec(&metadata).map_err(OAuthError::server_error)?);
        self.0.store(Some(Arc::new(Prepared { body: body.clone(), read_at: now })));
        Ok(body)
    }
}

fn metadata(settings: &Settings, in_use: &[String]) -> Metadata {
    // RFC 9700 §2.4 rules out the password grant, so it is listed only while some client is registered for it.
    let works = |grant: &Grant| *grant != Grant::Password || in_use.iter().any(|name| name == grant.name());
    let issuer = &settings.issuer;
    Metadata {
        issuer: issuer.as_str().to_owned(),
        authorization_endpoint: issuer.endpoint("/authorize"),
        token_endpoint: issuer.endpoint("/token"),
        userinfo_endpoint: issuer.endpoint("/userinfo"),
        jwks_uri: issuer.endpoint("/.well-known/jwks.json"),
        registration_endpoint: settings.open_registration.then(|| issuer.endpoint("/register")),
        end_session_endpoint: issuer.endpoint("/end_session"),
        check_session_iframe: issuer.endpoint("/check_session"),
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
        frontchannel_logout_supported: true,
        frontchannel_logout_session_supported: true,
        scopes_supported: OIDC_SCOPES.iter().map(|(name, _)| *name).collect(),
        response_types_supported: RESPONSE_TYPES,
        response_modes_supported: RESPONSE_MODES,
        grant_types_supported: Grant::ALL.iter().filter(|grant| works(grant)).map(|grant| grant.name()).collect(),
        acr_values_supported: Acr::ALL.map(Acr::as_str),
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: RS256,
        userinfo_signing_alg_values_supported: RS256,
        token_endpoint_auth_methods_supported: METHODS,
        token_endpoint_auth_signing_alg_values_supported: RS256,
        display_values_supported: ["page"],
        claim_types_supported: ["normal"],
        claims_supported: TOKEN_CLAIMS.into_iter().chain(CLAIMS.iter().map(|(name, _)| *name)).collect(),
        ui_locales_supported: ["en"],
        claims_parameter_supported: true,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        prompt_values_supported: prompt::VALUES,
        code_challenge_methods_supported: [pkce::METHOD],
        authorization_response_iss_parameter_supported: true,
        revocation_endpoint: issuer.endpoint("/revoke"),
        revocation_endpoint_auth_methods_supported: METHODS,
        revocation_endpoint_auth_signing_alg_values_supported: RS256,
        introspection_endpoint: issuer.endpoint("/introspect"),
        introspection_endpoint_auth_methods_supported: [BASIC, POST, PRIVATE_KEY_JWT],
        introspection_endpoint_auth_signing_alg_values_supported: RS256,
        signet_revocations_endpoint: issuer.endpoint("/revocations"),
    }
}
