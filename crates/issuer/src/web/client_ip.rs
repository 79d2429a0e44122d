//! Finds the address that a request comes from. The addresses in the header that the setting `forwarded_header` names are read from the
//! right, and each is believed only if a trusted proxy reported it (RFC 9700 §4.13).

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::app::App;
use crate::audit::RequestInfo;
use crate::config::Settings;
use crate::config::peers::is_trusted;
use crate::oauth::error::OAuthError;
use crate::oauth::plain_text::visible;
use crate::telemetry::Notice;
use crate::web::forwarded;
use crate::web::slots::{Forwarded, Overloaded, Slot};

/// The headers in which proxies name the address of a client.
const FORWARDING: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];
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

/// Returns what log lines and audit events say about a request. Fails if the request did not pass [`identify`].
pub fn request_info(parts: &Parts) -> Result<RequestInfo, OAuthError> {
    let client = parts.extensions.get::<ClientIp>();
    let client = client.ok_or_else(|| OAuthError::server_error("the request has no client address"))?;
    let user_agent = parts.headers.get(header::USER_AGENT).map_or(&b""[..], |value| value.as_bytes());
    let user_agent = String::from_utf8_lossy(user_agent);
    Ok(RequestInfo {
        id: client.request_id(),
        address: client.address,
        user_agent: visible(&user_agent).chars().take(MAX_USER_AGENT).collect(),
    })
}

/// Finds the client's address, gives the request an id, and stores both in the request's extensions. Returns the place of the client's
/// address if a trusted proxy forwards the request. Fails if no place is left.
pub(super) fn identify(app: &App, request: &mut Request) -> Result<Option<Slot>, Overloaded> {
    let extensions = request.extensions();
    let overloaded = extensions.get::<Overloaded>().copied();
    if let Some(ConnectInfo(peer)) = extensions.get::<ConnectInfo<SocketAddr>>() {
        let peer = peer.ip().to_canonical();
        if let Some(notice) = misunderstood(peer, request.headers(), &app.settings) {
            report(app, notice, peer, request.headers());
        }
        let address = resolve(peer, request.headers(), &app.settings);
        request.extensions_mut().insert(ClientIp { address, request_id: app.next_request_id() });
        if let Some(Forwarded(slots)) = request.extensions_mut().remove::<Forwarded>() {
            return slots.take(address).map(Some).ok_or(Overloaded);
        }
    }
    overloaded.map_or(Ok(None), Err)
}

fn resolve(peer: IpAddr, headers: &HeaderMap, settings: &Settings) -> IpAddr {
    let mut address = peer;
    if !is_trusted(settings.proxies(), peer) {
        return peer;
    }
    for hop in forwarded::hops(headers, &settings.forwarded_header).into_iter().rev() {
        if !is_trusted(settings.proxies(), address) {
            break;
        }
        // An address that cannot be parsed may be forged, so the request counts as coming from the proxy that reported it.
        let Some(hop) = hop else { break };
        address = hop.to_canonical();
    }
    address
}

/// Returns what an operator should know about the headers of a request from `peer`: that a proxy names the client, and is not believed.
fn misunderstood(peer: IpAddr, headers: &HeaderMap, settings: &Settings) -> Option<Notice> {
    let expected = settings.forwarded_header.as_str();
    let sent = [expected].into_iter().chain(FORWARDING).find(|name| headers.contains_key(*name))?;
    if !is_trusted(settings.proxies(), peer) {
        return Some(Notice::UntrustedProxy);
    }
    (!sent.eq_ignore_ascii_case(expected)).then_some(Notice::OtherForwardedHeader)
}

/// Logs `notice` unless it was logged within the last hour.
fn report(app: &App, notice: Notice, peer: IpAddr, headers: &HeaderMap) {
    if app.notices.note(notice, &*app.clock) {
        let expected = app.settings.forwarded_header.as_str();
        let own = Some(expected).filter(|own| !FORWARDING.iter().any(|name| name.eq_ignore_ascii_case(own)));
        let sent: Vec<_> = own.into_iter().chain(FORWARDING).filter(|name| headers.contains_key(*name)).collect();
        let sent = sent.join(", ");
        match notice {
            Notice::UntrustedProxy => tracing::warn!(
                %peer, sent,
                "{notice}. If the peer is your proxy, add its network to trusted_proxies, such as {peer}/{}", if peer.is_ipv4() { 32 } else { 128 }
            ),
            Notice::OtherForwardedHeader => tracing::warn!(%peer, sent, expected, "{notice}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let mut settings = Settings::defaults("https://id.example", ([127, 0, 0, 1], 0).into()).unwrap();
        settings.trusted_proxies = Some(vec!["10.0.0.0/8".parse().unwrap()]);
        resolve(peer.parse().unwrap(), &headers, &settings).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(resolved("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(resolved("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(resolved("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.2.3.4"]), "198.51.100.1");
        assert_eq!(resolved("10.0.0.1", &["1.1.1.1", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(resolved("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_cannot_be_read_is_not_believed() {
        assert_eq!(resolved("10.0.0.1", &["a"]), "10.0.0.1");
        assert_eq!(resolved("10.0.0.1", &["1.1.1.1, a, 10.2.3.4"]), "10.2.3.4");
    }
}
