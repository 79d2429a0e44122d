//! The addresses of peers: what counts as one address, and which peers are proxies whose word about an address is believed.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

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
