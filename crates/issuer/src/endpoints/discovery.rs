//! Metadata: OpenID Connect Discovery 1.0 §3 and RFC 8414 §2, one document for both. It states only what works.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::app::App;
use crate::error::OAuthError;
use crate::grants::Grant;
use crate::oauth::client_auth::METHODS;
use crate::store::clients;

/// The members, in the order of the specifications.
#[derive(Debug, Serialize)]
pub struct Metadata {
    issuer: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    scopes_supported: [&'static str; 4],
    response_types_supported: [&'static str; 0],
    grant_types_supported: Vec<&'static str>,
    acr_values_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    claim_types_supported: [&'static str; 1],
    claims_supported: [&'static str; 14],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
}

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`
pub async fn discovery(State(app): State<Arc<App>>) -> Result<Json<Metadata>, OAuthError> {
    let in_use = clients::grants_in_use(app.store.reader()).await?;
    // RFC 9700 §2.4: the password grant is told of only while some client may use it.
    let works = |grant: &Grant| *grant != Grant::Password || in_use.iter().any(|name| name == grant.name());
    let issuer = &app.settings.issuer;
    let [basic, post, _] = METHODS;
    Ok(Json(Metadata {
        issuer: issuer.as_str().to_owned(),
        token_endpoint: issuer.endpoint("/token"),
        userinfo_endpoint: issuer.endpoint("/userinfo"),
        jwks_uri: issuer.endpoint("/.well-known/jwks.json"),
        scopes_supported: ["openid", "profile", "email", "offline_access"],
        response_types_supported: [],
        grant_types_supported: Grant::ALL.iter().filter(|grant| works(grant)).map(|grant| grant.name()).collect(),
        acr_values_supported: [crate::tokens::PASSWORD_ACR],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
        token_endpoint_auth_methods_supported: METHODS,
        claim_types_supported: ["normal"],
        claims_supported: [
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "acr",
            "amr",
            "at_hash",
            "name",
            "preferred_username",
            "updated_at",
            "email",
            "email_verified",
        ],
        claims_parameter_supported: false,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        revocation_endpoint: issuer.endpoint("/revoke"),
        revocation_endpoint_auth_methods_supported: METHODS,
        introspection_endpoint: issuer.endpoint("/introspect"),
        introspection_endpoint_auth_methods_supported: [basic, post],
    }))
}
