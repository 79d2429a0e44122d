//! The rules for redirect URIs that a client may register (RFC 9700 §2.6, RFC 8252 §7) and may then send (RFC 9700 §4.1.3).

use url::Url;

use crate::oauth::application_type::ApplicationType;
use crate::oauth::issuer::{Issuer, is_loopback};
use crate::oauth::plain_text::without_credentials;
use crate::oauth::private_scheme;

/// The redirect URI may not be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "https, http for a loopback host, or for native applications a scheme of their own (com.example.app:/cb, or if they are public also \
     example://app/cb, but no scheme of a browser or system), the scheme in small letters; without user, fragment or spaces"
)]
pub struct RedirectUriError;

/// The loopback hosts, as `http` redirect URIs spell them.
const LOOPBACK_HOSTS: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Checks a redirect URI before it is registered by a client of the kind `application`. Only native applications may have a scheme of
/// their own. One without a dot can be claimed by any other app, so it is allowed only to `public` clients: they must use PKCE, and people
/// are asked for consent each time.
pub fn validate(uri: &str, application: ApplicationType, public: bool) -> Result<(), RedirectUriError> {
    let url = Url::parse(uri).map_err(|_| RedirectUriError)?;
    let scheme_fits = match url.scheme() {
        // `Url::parse` accepts `https:///host` and `https:host`, as browsers do, but other parsers do not.
        "https" => uri.strip_prefix("https://").is_some_and(|rest| !rest.starts_with('/')),
        "http" => uri.starts_with("http://") && is_loopback(&url),
        _ => application == ApplicationType::Native && private_scheme::is_of_an_app(uri, &url, public),
    };
    let plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let printable = uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if scheme_fits && plain && printable { Ok(()) } else { Err(RedirectUriError) }
}

/// Returns the kind of a client that registers `uris` and does not say of which kind it is. A public client is native if all its answers
/// stay on the device, or if it has a scheme of its own beside https URIs, as some editors do.
pub fn application_type_of(uris: &[String], public: bool) -> ApplicationType {
    let parsed = || uris.iter().filter_map(|uri| Some((uri, Url::parse(uri).ok()?)));
    let has_own_scheme = parsed().any(|(uri, url)| private_scheme::is_of_an_app(uri, &url, true));
    let stays_on_device = !uris.is_empty() && parsed().all(|(_, url)| url.scheme() == "http" && is_loopback(&url));
    if public && (has_own_scheme || stays_on_device) { ApplicationType::Native } else { ApplicationType::Web }
}

/// Returns whether a browser can send a request to `uri` itself, as it must to post a form there.
pub fn is_web(uri: &str) -> bool {
    uri.starts_with("https://") || uri.starts_with("http://")
}

/// Returns whether `sent` equals `registered` byte for byte, except for the port of a loopback host (RFC 8252 §7.3).
pub fn matches(registered: &str, sent: &str) -> bool {
    registered == sent || without_loopback_port(registered).is_some_and(|plain| without_loopback_port(sent) == Some(plain))
}

/// The host of an `http` URI with a loopback host, and the rest after the port. `None` for any other URI.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let after_scheme = uri.strip_prefix("http://")?;
    let host = LOOPBACK_HOSTS.into_iter().find(|host| after_scheme.starts_with(host))?;
    let rest = &after_scheme[host.len()..];
    let Some(with_port) = rest.strip_prefix(':') else { return begins_path(rest).then_some((host, rest)) };
    let digits = with_port.bytes().take_while(u8::is_ascii_digit).count();
    let is_port = with_port[..digits].parse::<u16>().is_ok();
    let rest = &with_port[digits..];
    (is_port && begins_path(rest)).then_some((host, rest))
}

fn begins_path(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['/', '?'])
}

/// Returns whether receiving an answer at this URI proves the identity of the client. An https host does; but any application on a
/// device may listen on a loopback port or claim a private scheme (RFC 8252 §8.6).
pub fn proves_identity(uri: &str) -> bool {
    uri.starts_with("https://")
}

/// The origin of an http or https URI, as browsers send it in `Origin`. `None` for other URIs.
pub fn origin(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(url.origin().ascii_serialization())
}

/// Returns whether `uri` is that of `issuer` or of something below it. Another application may share the origin of an issuer with a path.
pub fn is_below(uri: &str, issuer: &Issuer) -> bool {
    let is_below = |url: Url| url.path().strip_prefix(issuer.path()).is_some_and(begins_path);
    origin(uri) == Some(issuer.origin()) && Url::parse(uri).is_ok_and(is_below)
}

/// The pages that may show a frame to the client of an http or https redirect URI, as a source of a Content-Security-Policy (CSP3 §2.3.1). A
/// loopback host has any port, as in [`matches`]. `None` for another URI, for an IPv6 address, which no policy can name, and for a host
/// with a character that would end the source.
pub fn frame_source(uri: &str) -> Option<String> {
    let own = origin(uri)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte);
    if !own.bytes().all(is_plain) {
        return None;
    }
    Some(without_loopback_port(uri).map_or(own, |(host, _)| format!("http://{host}:*")))
}

/// The most characters of a URI that a message repeats, since a stranger may have sent it.
const SHOWN: usize = 300;

/// Returns `uri` as a message shows it, without a user and password: whole, or its beginning with "..." if it has more than 300 characters.
pub fn shown(uri: &str) -> String {
    let uri = without_credentials(uri);
    match uri.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &uri[..end]),
        None => uri,
    }
}
