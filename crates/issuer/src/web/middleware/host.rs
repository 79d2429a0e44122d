//! Refuses requests that do not name exactly one host (RFC 9112 §3.2). The issuer builds no URL from `Host`, but a cache or a proxy in front
//! of it might see another host than the one that it serves.

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{Version, header};

use crate::oauth::error::OAuthError;

/// Fails unless the request has one `Host` header with a host. HTTP/1.0 knows no such header, and some health checks use it.
pub(super) fn check(request: &Request) -> Result<(), OAuthError> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let is_good = match (hosts.next(), hosts.next()) {
        (Some(only), None) => only.to_str().is_ok_and(|host| host.parse::<Authority>().is_ok_and(|host| !host.as_str().contains('@'))),
        (None, _) => request.version() == Version::HTTP_10,
        (Some(_), Some(_)) => false,
    };
    if is_good { Ok(()) } else { Err(OAuthError::invalid_request("expected exactly one Host header, with a host")) }
}
