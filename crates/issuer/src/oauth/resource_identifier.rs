//! The identifiers of resources (RFC 8707 §2): which may be registered, and when two of them name the same resource.

use url::Url;

use crate::oauth::issuer::is_loopback;
use crate::oauth::private_scheme;

/// Returns whether a resource may be registered under `identifier`: an absolute URI in printable ASCII without fragment (RFC 8707 §2) and
/// without user. Its scheme must name a service: `https`, `http` for a loopback host, `urn` (RFC 8141), or a scheme of the service's own,
/// such as `api://orders`. Schemes of browsers and systems, such as `javascript` and `data`, are refused, because programs may follow an
/// identifier as a link.
pub fn is_allowed(identifier: &str) -> bool {
    let Ok(url) = Url::parse(identifier) else { return false };
    let is_plain = identifier.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') && !identifier.contains('#');
    let names_host = |prefix: &str| identifier.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with('/'));
    let scheme_fits = match url.scheme() {
        // `Url::parse` accepts `https:///host` and `https:host`, as browsers do, but other parsers do not.
        "https" => names_host("https://"),
        "http" => names_host("http://") && is_loopback(&url),
        "urn" => identifier.split(':').count() > 2 && identifier.split(':').all(|part| !part.is_empty()),
        _ => private_scheme::is_of_an_app(identifier, &url, true),
    };
    is_plain && scheme_fits && url.username().is_empty() && url.password().is_none()
}

/// Returns whether two identifiers are spellings of the same URL (RFC 3986 §6.2.2 and §6.2.3): capitals in scheme and host, the default
/// port, dots in the path and an empty path make no difference.
pub fn is_same_url(one: &str, other: &str) -> bool {
    matches!((Url::parse(one), Url::parse(other)), (Ok(one), Ok(other)) if one == other)
}

/// Returns the form of `identifier` in which two identifiers of the same resource are equal: an empty path counts as `/`
/// (RFC 3986 §6.2.3), because libraries add that slash to URLs. Otherwise identifiers are compared as they are written.
pub fn comparable(identifier: &str) -> String {
    let Some((scheme, rest)) = identifier.split_once("://") else { return identifier.to_owned() };
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let slash = if after.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{authority}{slash}{after}")
}

/// Returns whether `one` and `other` name the same resource.
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || comparable(one) == comparable(other)
}
