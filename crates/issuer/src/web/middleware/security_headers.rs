//! Adds the security headers that every response carries.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

const ALWAYS: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'")),
];

/// Adds the headers, except those that the response already has. `https` says that the issuer is https; only then is
/// `Strict-Transport-Security` added.
pub(super) fn add(response: &mut Response, https: bool) {
    for (name, value) in ALWAYS {
        response.headers_mut().entry(name).or_insert(value);
    }
    if https {
        let hsts = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts);
    }
}
