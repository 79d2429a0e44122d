//! Fetches the issuer's JWKS within bounds: https only, no redirects, 2 s to connect, 5 s and 256 KiB in all. The headers of
//! the answer decide how long the keys are fresh (RFC 9111 §4.2).

use std::time::Duration;

use reqwest::header::{AGE, CACHE_CONTROL, HeaderMap};
use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::{BuildError, FETCH_TIME, JwksError, KeySet, MIN_MAX_AGE};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(FETCH_TIME);
const MAX_BYTES: usize = 256 * 1024;
/// The `max-age` of an answer that states none.
const DEFAULT_MAX_AGE: Duration = Duration::from_mins(5);
/// A shorter `max-age` counts as this.
const MIN_FRESH: Duration = Duration::from_secs(MIN_MAX_AGE);
/// A longer `max-age` counts as this.
pub(crate) const MAX_FRESH: Duration = Duration::from_hours(1);
/// The shortest time for which fetched keys are fresh. Without it, an old answer of a shared cache would make every request
/// fetch again.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// Fetches the JWKS document of one issuer.
#[derive(Debug)]
pub(crate) struct JwksFetcher {
    client: reqwest::Client,
    uri: Url,
}

/// A fetched key set, and how much longer it is fresh (RFC 9111 §4.2).
pub(crate) struct Fetched {
    pub(crate) keys: KeySet,
    pub(crate) fresh_for: Duration,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the answer has status {0}; expected 200")]
    Status(reqwest::StatusCode),
    #[error("the answer has more than {MAX_BYTES} bytes")]
    TooLong,
    #[error(transparent)]
    Jwks(#[from] JwksError),
    #[error("the JWKS has no key that can verify RS256")]
    NoKeys,
}

impl JwksFetcher {
    pub(crate) fn new(uri: &str) -> Result<Self, BuildError> {
        let uri = Url::parse(uri).ok().filter(is_https_or_loopback).ok_or_else(|| BuildError::JwksUri(uri.to_owned()))?;
        Ok(Self { client: client(&uri, TIMEOUT)?, uri })
    }

    pub(crate) async fn fetch(&self) -> Result<Fetched, FetchError> {
        let mut response = self.client.get(self.uri.clone()).send().await?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let fresh_for = freshness(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let keys = KeySet::from_jwks(&body)?;
        if keys.key_ids().next().is_none() {
            // An issuer always has a key. An empty set is the fault of something between issuer and service, and must not
            // replace good keys.
            return Err(FetchError::NoKeys);
        }
        Ok(Fetched { keys, fresh_for })
    }
}

/// Builds a client for requests to `uri` that may take `timeout` each. It keeps one connection.
pub(crate) fn client(uri: &Url, timeout: Duration) -> Result<reqwest::Client, BuildError> {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .redirect(Policy::none())
        .pool_max_idle_per_host(1)
        .user_agent(concat!("signet-verifier/", env!("CARGO_PKG_VERSION")));
    // Plain http is allowed only within this machine. Use no proxy for it, because a proxy could replace the answers.
    let client = if uri.scheme() == "http" { client.no_proxy() } else { client };
    client.build().map_err(|error| BuildError::Client(error.to_string()))
}

/// Returns `true` if `url` is https, or plain http with a loopback host.
pub(crate) fn is_https_or_loopback(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" && url.has_host() || url.scheme() == "http" && loopback
}

/// Returns how long an answer is fresh: its `max-age`, limited to [`MIN_FRESH`] and [`MAX_FRESH`], less its `Age`, but at least
/// [`PAUSE`]. `Age` is subtracted after the limits are applied, because keys from a shared cache have their age however short
/// `max-age` is. An answer with `no-store` or `no-cache` counts as one with the shortest `max-age`.
fn freshness(headers: &HeaderMap) -> Duration {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let directives = values.map(str::to_ascii_lowercase).collect::<Vec<_>>().join(",");
    let directives: Vec<&str> = directives.split(',').map(str::trim).collect();
    let max_age = if directives.contains(&"no-store") || directives.contains(&"no-cache") {
        MIN_FRESH
    } else {
        let seconds = directives.iter().find_map(|directive| directive.strip_prefix("max-age=")?.trim_matches('"').parse().ok());
        seconds.map_or(DEFAULT_MAX_AGE, Duration::from_secs)
    };
    let age = headers.get(AGE).and_then(|value| value.to_str().ok()?.trim().parse().ok()).map_or(Duration::ZERO, Duration::from_secs);
    max_age.clamp(MIN_FRESH, MAX_FRESH).saturating_sub(age).max(PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_from_a_shared_cache_are_as_old_as_they_are() {
        let seconds = |max_age: &str, age: &str| {
            let headers = [(CACHE_CONTROL, max_age.parse().unwrap()), (AGE, age.parse().unwrap())];
            freshness(&headers.into_iter().collect()).as_secs()
        };
        assert_eq!(seconds("public, max-age=300", "0"), 300);
        assert_eq!(seconds("max-age=300", "299"), 1);
        assert_eq!(seconds("max-age=300", "301"), 1);
        assert_eq!(seconds("max-age=1", "0"), 60);
        assert_eq!(seconds("max-age=86400", "60"), 3540);
        assert_eq!(seconds("Public, Max-Age=\"120\"", "0"), 120);
        assert_eq!(seconds("public", "10"), 290);
        assert_eq!(seconds("no-store", "10"), 50);
        assert_eq!(seconds("max-age=300, no-cache", "0"), 60);
    }
}
