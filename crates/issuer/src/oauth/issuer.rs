//! The issuer identifier (OpenID Connect Discovery §1.2, RFC 8414 §2) and the URLs that are built from it.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The exact URL that is `iss`. It has no trailing slash, so that paths can be appended to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer {
    url: String,
    path: String,
    loopback: bool,
    https: bool,
}

/// Returns whether the host of `url` is `localhost` or a loopback address.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The URL cannot be an issuer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "expected an https URL (http for a loopback host only) without user, query, fragment or trailing slash, such as https://id.example.com"
)]
pub struct IssuerError;

impl Issuer {
    /// Checks `url`, which must be in its normal form, because services compare `iss` byte for byte.
    pub fn parse(url: &str) -> Result<Self, IssuerError> {
        let parsed = Url::parse(url).map_err(|_| IssuerError)?;
        let loopback = is_loopback(&parsed);
        let https = parsed.scheme() == "https";
        let plain = parsed.query().is_none() && parsed.fragment().is_none() && parsed.username().is_empty() && parsed.password().is_none();
        // Routers and shells give other characters a special meaning.
        let literal =
            parsed.path().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte)) && parsed.port() != Some(0);
        let normal = parsed.as_str().trim_end_matches('/') == url;
        if !plain || !literal || !normal || !(https || parsed.scheme() == "http" && loopback) {
            return Err(IssuerError);
        }
        Ok(Self { url: url.to_owned(), path: parsed.path().trim_end_matches('/').to_owned(), loopback, https })
    }

    /// The identifier exactly as tokens carry it in `iss`.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The origin of the URL (RFC 6454 §6.2), which browsers send in the header `Origin`.
    pub fn origin(&self) -> String {
        self.url.strip_suffix(&self.path).unwrap_or(&self.url).to_owned()
    }

    /// The path of the URL; empty if the issuer is at the root of its host.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether the host is `localhost` or a loopback address.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Returns whether the scheme is https; otherwise it is http on a loopback host.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The URL of the endpoint at `path`, which begins with a slash.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}

impl TryFrom<String> for Issuer {
    type Error = IssuerError;

    fn try_from(url: String) -> Result<Self, IssuerError> {
        Self::parse(&url)
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.url
    }
}
