//! Says which URLs of clients the issuer may fetch or post to, so that no client makes it reach into the network in which it runs.

use std::net::IpAddr;

use url::{Host, Url};

/// Returns whether the issuer may fetch `url`, by its scheme, and by its host if that is a literal address or a name of this machine
/// (RFC 6761 §6.3). `private_addresses` allows http and addresses of private networks, for development.
pub fn may_be_fetched(url: &Url, private_addresses: bool) -> bool {
    let scheme_fits = url.scheme() == "https" || url.scheme() == "http" && private_addresses;
    let plain = url.username().is_empty() && url.password().is_none();
    let host_fits = match url.host() {
        Some(Host::Ipv4(address)) => is_public(address.into()),
        Some(Host::Ipv6(address)) => is_public(address.into()),
        // The parser has made the letters small. The addresses of other names are looked at when they are fetched.
        Some(Host::Domain(name)) => name.trim_end_matches('.').rsplit('.').next() != Some("localhost"),
        None => return false,
    };
    scheme_fits && plain && (private_addresses || host_fits)
}

/// Returns whether an address belongs to the public internet, according to the registries of RFC 6890.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let special = matches!((a, b, c), (0 | 10 | 127 | 224.., ..) | (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _))
                || matches!(
                    (a, b, c),
                    (192, 168, _) | (192, 0, 0 | 2) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99)
                );
            !special
        }
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            // Global unicast, except for documentation, benchmarking, and tunnels whose addresses contain an IPv4 address.
            (0x2000..0x4000).contains(&a) && a != 0x2002 && !(a == 0x2001 && (b < 0x0200 || b == 0x0db8)) && !(a == 0x3fff && b < 0x1000)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet() {
        for address in ["1.1.1.1", "93.184.216.34", "172.32.0.1", "192.169.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "fec0::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn urls_in_every_spelling() {
        for url in [
            "http://example.com/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://017700000001/",
            "https://[::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://user@example.com/",
            "https://10.0.0.1:443/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://app.localhost:8443/",
            "ftp://example.com/",
            "file:///etc/passwd",
        ] {
            assert!(!may_be_fetched(&Url::parse(url).unwrap(), false), "{url}");
        }
        for url in ["https://example.com/jwks", "https://localhost.example.com/jwks"] {
            assert!(may_be_fetched(&Url::parse(url).unwrap(), false), "{url}");
        }
        assert!(may_be_fetched(&Url::parse("http://127.0.0.1/jwks").unwrap(), true));
    }
}
