//! Fetches the URLs of clients, and posts to them; nothing else in the issuer does. A stranger may have chosen the URL, so it must be https
//! and lead to the public internet, not to this machine or its network. Redirects are not followed, and an answer may have 64 KiB and take
//! `fetch_timeout`. How many are fetched is bounded too (budget.rs).

pub mod budget;
pub mod client_keys;
pub mod logo;
pub mod own;
mod places;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, header};
use tokio::sync::OnceCell;
use url::Url;

use crate::clock::Clock;
use crate::config::{ConfigError, Settings};
use crate::oauth::fetched_url::{is_public, may_be_fetched};
use crate::pool::Overloaded;
use budget::{Asker, Budget};
use places::{Place, Places};

const MAX_BYTES: usize = 64 * 1024;

/// The reason why a URL could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL is not https, or leads to an address that is not public.
    #[error("the URL must be https and lead to a public address")]
    Forbidden,
    /// There was no connection, no TLS, or no answer in time.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// The server answered with another status than 200.
    #[error("the server answered with status {0} instead of 200")]
    Status(u16),
    /// The body is too long.
    #[error("the answer has more than {MAX_BYTES} bytes")]
    TooLong,
    /// The body is not of the expected kind.
    #[error("expected {0}")]
    Unexpected(&'static str),
    /// Too many URLs were fetched for this address or registration token, or in all. Another may be fetched after this many seconds.
    #[error("too many URLs of clients were fetched; try again in {0} s")]
    TooMany(u64),
    /// The pool on which the body is read has ended.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
}

/// Fetches the URLs of clients. Its HTTP client is built when it is first needed, because most issuers never need it.
#[derive(Debug)]
pub struct Fetcher {
    client: OnceCell<Client>,
    certificates: Vec<Certificate>,
    private_addresses: bool,
    timeout: Duration,
    budget: Budget,
    places: Arc<Places>,
    clock: Arc<dyn Clock>,
}

/// A message to the server of a client.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Message<'a> {
    pub url: &'a str,
    /// The type of the body.
    pub media_type: &'static str,
    /// The value of the header `Authorization`, if the server wants one.
    pub authorization: Option<&'a str>,
    pub body: &'a str,
}

impl Fetcher {
    /// Makes a fetcher that trusts the certificates in `fetch_ca_file` in addition to the system's. Fails if that file cannot be read.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let invalid = |path: &PathBuf, reason: String| ConfigError::Invalid {
            name: "fetch_ca_file",
            expected: format!("expected certificates in PEM form at {}; {reason}", path.display()),
        };
        let certificates = match &settings.fetch_ca_file {
            None => Vec::new(),
            Some(path) => {
                let pem = std::fs::read(path).map_err(|error| invalid(path, error.to_string()))?;
                Certificate::from_pem_bundle(&pem).map_err(|error| invalid(path, error.to_string()))?
            }
        };
        Ok(Self {
            client: OnceCell::new(),
            certificates,
            private_addresses: settings.fetch_private_addresses,
            timeout: Duration::from_secs(settings.fetch_timeout),
            budget: Budget::new(settings),
            places: Arc::new(Places::new(settings.fetches_at_once)),
            clock,
        })
    }

    /// The monotonic time, by which the age of what was fetched is measured.
    fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Counts one fetch for `asker`. Fails with [`FetchError::TooMany`] if a bound is reached.
    fn admit(&self, asker: Asker<'_>) -> Result<Place, FetchError> {
        // A fetch that finds no place is not counted, because none is made.
        let place = Places::take(&self.places, asker).ok_or(FetchError::TooMany(1))?;
        self.budget.spend(asker, self.now()).map_err(FetchError::TooMany)?;
        Ok(place)
    }

    /// Returns the body of the answer to `GET url`, which `asker` asks for. Any status other than 200 is an error.
    pub async fn get(&self, url: &str, asker: Asker<'_>) -> Result<Vec<u8>, FetchError> {
        let place = self.admit(asker)?;
        self.get_with(place, url).await
    }

    async fn get_with(&self, _place: Place, url: &str) -> Result<Vec<u8>, FetchError> {
        let (client, url) = self.client_for(url).await?;
        let mut response = client.get(url).send().await?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Posts `message`, which `asker` causes. Returns the status and the body of the answer, whatever the status is. A body that is too long
    /// or does not end in time is cut off, because the receiver has got the message. The caller bounds how many are posted at once.
    pub async fn post(&self, message: Message<'_>, asker: Asker<'_>) -> Result<(u16, Vec<u8>), FetchError> {
        self.budget.spend(asker, self.now()).map_err(FetchError::TooMany)?;
        let (client, url) = self.client_for(message.url).await?;
        let request = client.post(url).header(header::CONTENT_TYPE, message.media_type).header(header::ACCEPT, "application/json");
        let request = match message.authorization {
            Some(value) => request.header(header::AUTHORIZATION, value),
            None => request,
        };
        let mut response = request.body(message.body.to_owned()).send().await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk[..chunk.len().min(MAX_BYTES - body.len())]);
            if body.len() == MAX_BYTES {
                break;
            }
        }
        Ok((status, body))
    }

    /// Checks `url`, and returns the client that sends the request.
    async fn client_for(&self, url: &str) -> Result<(&Client, Url), FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::Forbidden)?;
        if !self.allows(&url) {
            return Err(FetchError::Forbidden);
        }
        Ok((self.client.get_or_try_init(|| async { self.build() }).await?, url))
    }

    /// Returns whether `url` may be fetched, by its scheme, and by its host if that is a literal address. Names are checked in
    /// [`PublicOnly`], when the client resolves them, so that no second look-up can lead to another address.
    pub fn allows(&self, url: &Url) -> bool {
        may_be_fetched(url, self.private_addresses)
    }

    fn build(&self) -> Result<Client, reqwest::Error> {
        Client::builder()
            .timeout(self.timeout)
            .redirect(Policy::none())
            .no_proxy()
            .tls_certs_merge(self.certificates.iter().cloned())
            .dns_resolver(PublicOnly { private_addresses: self.private_addresses })
            .user_agent(concat!("signet/", env!("CARGO_PKG_VERSION")))
            .build()
    }
}

/// Resolves names to public addresses only, unless the settings allow private ones.
struct PublicOnly {
    private_addresses: bool,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let private_addresses = self.private_addresses;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| private_addresses || is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(FetchError::Forbidden.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
