//! Which redirect URIs a client may register (RFC 9700 §2.6, RFC 8252 §7).

use url::Url;

use crate::oauth::issuer::is_loopback;

/// A redirect URI that may not be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("redirect URI: expected https, http for a loopback host, or a private scheme with a dot (com.example.app:/…); without fragment")]
pub struct RedirectUriError;

/// Checks a redirect URI that is to be registered.
pub fn validate(uri: &str) -> Result<(), RedirectUriError> {
    let url = Url::parse(uri).map_err(|_| RedirectUriError)?;
    let scheme_fits = match url.scheme() {
        // A parser of browsers also takes `https:///host` and `https:host`; others do not.
        "https" => uri.strip_prefix("https://").is_some_and(|rest| !rest.starts_with('/')),
        "http" => uri.starts_with("http://") && is_loopback(&url),
        private => private.contains('.'),
    };
    let plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let printable = uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if scheme_fits && plain && printable { Ok(()) } else { Err(RedirectUriError) }
}
