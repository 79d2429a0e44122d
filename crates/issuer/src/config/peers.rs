//! The addresses of peers: what counts as one address, and which peers are proxies whose word about an address is believed.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::config::error::found;

/// Returns the address under which `address` is counted. IPv6 addresses are counted by their /64 network, because one machine can use all
/// addresses of it.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// Returns whether `address` lies in one of the networks `proxies`.
pub fn is_trusted(proxies: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    proxies.iter().any(|network| network.contains(&address))
}

/// The name of the one header in which the trusted proxies tell whose request they forward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ForwardedHeader(String);

/// The text is not the name of a header.
#[derive(Debug, thiserror::Error)]
#[error("expected the name of a header, such as X-Forwarded-For or Forwarded; found {}", found(.0))]
pub struct HeaderNameError(String);

impl ForwardedHeader {
    /// The name as it was set. Names of headers are compared without regard to case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the header is `Forwarded`, whose values RFC 7239 defines. Any other header is a list of addresses.
    pub fn is_rfc7239(&self) -> bool {
        self.0.eq_ignore_ascii_case("forwarded")
    }
}

impl Default for ForwardedHeader {
    fn default() -> Self {
        Self("X-Forwarded-For".to_owned())
    }
}

impl TryFrom<String> for ForwardedHeader {
    type Error = HeaderNameError;

    fn try_from(name: String) -> Result<Self, HeaderNameError> {
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if is_name { Ok(Self(name)) } else { Err(HeaderNameError(name)) }
    }
}

impl From<ForwardedHeader> for String {
    fn from(header: ForwardedHeader) -> Self {
        header.0
    }
}
