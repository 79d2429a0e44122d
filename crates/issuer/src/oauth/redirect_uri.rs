//! Redirect URIs: which a client may register (RFC 9700 §2.6, RFC 8252 §7), and which it may then send (RFC 9700 §4.1.3).

use url::Url;

use crate::oauth::application_type::ApplicationType;
use crate::oauth::issuer::is_loopback;

/// A redirect URI that may not be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("https, http for a loopback host, or a private scheme with a dot (com.example.app:/…); without fragment")]
pub struct RedirectUriError;

/// The hosts of `http` redirect URIs, as they are written.
const LOOPBACK_HOSTS: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Checks a redirect URI that is to be registered. Private schemes are for native applications.
pub fn validate(uri: &str, application: ApplicationType) -> Result<(), RedirectUriError> {
    let url = Url::parse(uri).map_err(|_| RedirectUriError)?;
    let scheme_fits = match url.scheme() {
        // A parser of browsers also takes `https:///host` and `https:host`; others do not.
        "https" => uri.strip_prefix("https://").is_some_and(|rest| !rest.starts_with('/')),
        "http" => uri.starts_with("http://") && is_loopback(&url),
        private => application == ApplicationType::Native && private.contains('.'),
    };
    let plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let printable = uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if scheme_fits && plain && printable { Ok(()) } else { Err(RedirectUriError) }
}

/// Whether `sent` is the `registered` one: byte for byte, but for the port of a loopback host (RFC 8252 §7.3).
pub fn matches(registered: &str, sent: &str) -> bool {
    registered == sent || without_loopback_port(registered).is_some_and(|plain| without_loopback_port(sent) == Some(plain))
}

/// Host and rest of an `http` URI of this machine.
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

/// Whether holding this URI proves who the client is: on https its host does; on a shared device anyone may listen on a
/// loopback port or claim a private scheme (RFC 8252 §8.6).
pub fn proves_identity(uri: &str) -> bool {
    uri.starts_with("https://")
}

/// The origin of an http(s) URI, as browsers send it in `Origin`.
pub fn origin(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(url.origin().ascii_serialization())
}
