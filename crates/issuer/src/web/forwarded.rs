//! Reads the header in which proxies tell whose request they forward: a list of addresses such as `X-Forwarded-For`, or `Forwarded`
//! (RFC 7239).

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use crate::config::peers::ForwardedHeader;

/// Returns the addresses that the header of the setting `forwarded_header` names, the last proxy's word last. `None` stands for what is no
/// address, such as `unknown`.
pub(super) fn hops(headers: &HeaderMap, header: &ForwardedHeader) -> Vec<Option<IpAddr>> {
    let mut hops = Vec::new();
    for value in headers.get_all(header.as_str()) {
        let value = value.to_str().unwrap_or("?");
        if header.is_rfc7239() {
            hops.extend(elements(value).map_or(vec![None], |elements| elements.into_iter().map(|element| element.address).collect()));
        } else {
            // An empty element counts for none (RFC 9110 §5.6.1).
            hops.extend(value.split(',').map(str::trim).filter(|hop| !hop.is_empty()).map(address));
        }
    }
    hops
}

/// Parses an address in the forms that proxies write: alone, with a port, in brackets, or with the zone of a link (RFC 4007 §11).
fn address(text: &str) -> Option<IpAddr> {
    let alone = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let without_zone = alone.split('%').next().unwrap_or(alone);
    without_zone.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

/// One element of `Forwarded`: what one proxy says.
#[derive(Default)]
struct Element {
    address: Option<IpAddr>,
}

/// Parses a value of `Forwarded` (RFC 7239 §4). Returns `None` if it is malformed, because a part of it may be a stranger's then.
fn elements(value: &str) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    let mut element = Element::default();
    let mut rest = value.trim().trim_start_matches([',', ' ', '\t']);
    if rest.is_empty() {
        return Some(elements);
    }
    loop {
        if let Some((name, after)) = rest.split_once('=').filter(|(name, _)| !name.contains([';', ',', '"'])) {
            let (value, after) = pair_value(after)?;
            if name.trim().eq_ignore_ascii_case("for") {
                element.address = address(&value);
            }
            rest = after.trim_start();
        } else if !rest.is_empty() && !rest.starts_with([';', ',']) {
            return None;
        }
        match rest.chars().next() {
            Some(';') => rest = rest[1..].trim_start(),
            Some(',') => {
                elements.push(std::mem::take(&mut element));
                rest = rest[1..].trim_start();
                // An empty element counts for none (RFC 9110 §5.6.1).
                while let Some(after) = rest.strip_prefix(',') {
                    rest = after.trim_start();
                }
                if rest.is_empty() {
                    return Some(elements);
                }
            }
            Some(_) => return None,
            None => {
                elements.push(element);
                return Some(elements);
            }
        }
    }
}

/// Parses a token or a quoted string, and returns it with what follows it.
fn pair_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return Some((text[..end].trim_end().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, values: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let hops = hops(&headers, &name.to_owned().try_into().unwrap());
        hops.into_iter().map(|hop| hop.map_or("-".to_owned(), |hop| hop.to_string())).collect()
    }

    #[test]
    fn addresses_in_every_form_that_proxies_write() {
        for (values, expected) in [
            (&["198.51.100.1"][..], &["198.51.100.1"][..]),
            (&["1.1.1.1, 198.51.100.1,10.2.3.4"], &["1.1.1.1", "198.51.100.1", "10.2.3.4"]),
            (&["1.1.1.1", "198.51.100.1:4711"], &["1.1.1.1", "198.51.100.1"]),
            (&["[2001:db8::1]:80, [2001:db8::2], 2001:db8::3"], &["2001:db8::1", "2001:db8::2", "2001:db8::3"]),
            (&["fe80::1%eth0, [fe80::2%eth0]"], &["fe80::1", "fe80::2"]),
            (&["a, , 1.1.1.1", "", "198.51.100.1,,"], &["-", "1.1.1.1", "198.51.100.1"]),
            (&[], &[]),
        ] {
            assert_eq!(read("x-forwarded-for", values), expected, "{values:?}");
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        for (values, expected) in [
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"][..], &["192.0.2.60"][..]),
            (&["For=\"[2001:db8:cafe::17]:4711\""], &["2001:db8:cafe::17"]),
            (&["for=192.0.2.43, for=198.51.100.17"], &["192.0.2.43", "198.51.100.17"]),
            (&["for=192.0.2.43", "for=198.51.100.17;by=\"a, for=1.1.1.1\""], &["192.0.2.43", "198.51.100.17"]),
            (&["proto=https ; FOR = 192.0.2.1"], &["-"]),
            (&["proto=https; FOR=192.0.2.1"], &["192.0.2.1"]),
            (&["for=\"192.0.2.1:80\", proto=https, for=unknown, for=_hidden"], &["192.0.2.1", "-", "-", "-"]),
            (&["for=\"\\1.1.1.1\""], &["1.1.1.1"]),
            // An empty element is none.
            (&[", for=192.0.2.43,, for=198.51.100.17 ,", "", " ,"], &["192.0.2.43", "198.51.100.17"]),
            // What is malformed is not believed, nor is anything before it in the same value.
            (&["for=\"1.1.1.1"], &["-"]),
            (&["for=1.1.1.1, nonsense"], &["-"]),
            (&["1.1.1.1"], &["-"]),
            (&["for=\"1.1.1.1\"x"], &["-"]),
            (&[""], &[]),
        ] {
            assert_eq!(read("forwarded", values), expected, "{values:?}");
        }
    }
}
