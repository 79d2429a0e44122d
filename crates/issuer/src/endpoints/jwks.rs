//! The JWKS (RFC 7517 §5): the public keys that verify this issuer's tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::oauth::error::OAuthError;

/// `GET /.well-known/jwks.json`: returns the public keys. `Age` says how many seconds ago this node read the key ring. Caches count it
/// towards `jwks_max_age`, so a verifier drops a revoked key at most `jwks_max_age` after the last read that still had it. While the database
/// does not answer, the document is that of the last read, and 503 once that is `jwks_max_age` old.
pub async fn jwks(State(app): State<Arc<App>>, request: HeaderMap) -> Result<Response, OAuthError> {
    let ring = app.published_ring().await?;
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let unchanged =
        known.flat_map(|value| value.split(',')).any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == ring.etag);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/jwk-set+json")], ring.jwks.clone()).into_response()
    };
    let headers = response.headers_mut();
    let cache_control = format!("public, max-age={}", app.settings.jwks_max_age);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_str(&cache_control).map_err(OAuthError::server_error)?);
    headers.insert(header::ETAG, HeaderValue::from_str(&ring.etag).map_err(OAuthError::server_error)?);
    headers.insert(header::AGE, HeaderValue::from(ring.age(&*app.clock).as_secs()));
    Ok(response)
}
