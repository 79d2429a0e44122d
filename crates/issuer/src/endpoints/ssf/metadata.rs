//! The metadata of the transmitter (SSF 1.0, "Transmitter Configuration Metadata").

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::oauth::ssf::Method;

/// `GET /.well-known/ssf-configuration`, which stands before the path of the issuer: returns the metadata.
pub async fn metadata(State(app): State<Arc<App>>) -> Json<Value> {
    let at = |path: &str| app.settings.issuer.endpoint(path);
    Json(json!({
        "spec_version": "1_0",
        "issuer": app.settings.issuer.as_str(),
        "jwks_uri": at("/.well-known/jwks.json"),
        "delivery_methods_supported": Method::ALL.map(Method::uri),
        "configuration_endpoint": at("/ssf/streams"),
        "status_endpoint": at("/ssf/status"),
        "add_subject_endpoint": at("/ssf/subjects/add"),
        "remove_subject_endpoint": at("/ssf/subjects/remove"),
        "verification_endpoint": at("/ssf/verify"),
        "authorization_schemes": [{ "spec_urn": "urn:ietf:rfc:6749" }],
        "default_subjects": "ALL",
    }))
}
