//! Finds the address that a request comes from. The addresses in `X-Forwarded-For` are read from the right, and each is believed only
//! if a trusted proxy reported it (RFC 9700 §4.13).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;

use crate::app::App;
use crate::audit::RequestInfo;
use crate::config::peers::is_trusted;
use crate::oauth::error::OAuthError;
use crate::web::slots::{Forwarded, Held, Overloaded};

/// At most this many characters of a `User-Agent` header are kept.
const MAX_USER_AGENT: usize = 300;

/// The address and the id of a request, kept in the request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct ClientIp {
    address: IpAddr,
    request_id: u64,
}

impl ClientIp {
    /// Returns the id of the request as log lines show it, in 16 hexadecimal digits.
    pub fn request_id(&self) -> String {
        format!("{:016x}", self.request_id)
    }
}

/// Returns what log lines and audit events say about a request. Fails if the request did not pass [`client_ip`].
pub fn request_info(parts: &Parts) -> Result<RequestInfo, OAuthError> {
    let client = parts.extensions.get::<ClientIp>();
    let client = client.ok_or_else(|| OAuthError::server_error("the request has no client address"))?;
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(RequestInfo {
        id: client.request_id(),
        address: client.address,
        user_agent: user_agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect(),
    })
}

/// Finds the client's address, gives the request an id, and stores both in the request's extensions. A request that a trusted proxy
/// forwards takes a place of the client's address, and is refused if none is left.
pub async fn client_ip(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let address = resolve(peer.ip().to_canonical(), request.headers(), &app.settings.trusted_proxies);
        request.extensions_mut().insert(ClientIp { address, request_id: app.next_request_id() });
        if let Some(Forwarded(slots)) = request.extensions_mut().remove::<Forwarded>() {
            let Some(slot) = slots.take(address) else {
                request.extensions_mut().insert(Overloaded);
                return next.run(request).await;
            };
            let mut response = next.run(request).await;
            response.extensions_mut().insert(Held::from(slot));
            return response;
        }
    }
    next.run(request).await
}

fn resolve(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer;
    let forwarded: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().flat_map(|value| value.to_str().unwrap_or("?").split(',')).map(str::trim).collect();
    for hop in forwarded.into_iter().rev() {
        if !is_trusted(trusted, address) {
            break;
        }
        // An address that cannot be parsed may be forged, so the request counts as coming from the proxy that reported it.
        let Some(hop) = parse(hop) else { break };
        address = hop.to_canonical();
    }
    address
}

/// Parses an address in the forms that proxies write: alone, with a port, or in brackets.
fn parse(hop: &str) -> Option<IpAddr> {
    let alone = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    alone.parse().ok().or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        resolve(peer.parse().unwrap(), &headers, &["10.0.0.0/8".parse().unwrap()]).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(resolved("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(resolved("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(resolved("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.2.3.4"]), "198.51.100.1");
        assert_eq!(resolved("10.0.0.1", &["1.1.1.1", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(resolved("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(resolved("10.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(resolved("10.0.0.1", &["[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(resolved("10.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
    }

    #[test]
    fn what_cannot_be_read_is_not_believed() {
        assert_eq!(resolved("10.0.0.1", &["a"]), "10.0.0.1");
        assert_eq!(resolved("10.0.0.1", &["1.1.1.1, a, 10.2.3.4"]), "10.2.3.4");
    }
}
