//! Settings: defaults < `signet.toml` < `SIGNET_*` environment < flags. They are validated as a whole before anything starts.

mod clients;
pub mod database_url;
mod error;
pub mod peers;
mod ranges;
mod sources;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::Serialized;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::clock::{DAY, UnixSeconds};
use crate::oauth::access::Access;
use crate::oauth::issuer::Issuer;
use crate::oauth::pkce::Pkce;
use database_url::DatabaseUrl;
pub use error::ConfigError;
use error::{found, invalid};
use peers::ForwardedHeader;

/// The settings file that is read if it exists and the operator names no other.
pub const DEFAULT_FILE: &str = "signet.toml";

/// The name of the role and of the user that the first start adds; also the scope that permits administration.
pub const ADMIN: &str = "admin";

/// The id of the public client that the first start adds.
pub const CLI: &str = "cli";
/// The id of the public client with which administrators sign in to `/docs`.
pub const DOCS: &str = "api-docs";

/// The longest lifetime of access tokens and ID tokens, in seconds.
pub const MAX_TOKEN_LIFETIME: UnixSeconds = signet_verifier::MAX_TOKEN_LIFETIME.cast_signed();

/// The clock difference that verifiers allow for, in seconds.
pub const VERIFIER_LEEWAY: UnixSeconds = signet_verifier::LEEWAY.cast_signed();

/// The most memory that a password hash may need, in KiB. Imported hashes bring their own parameters, so they need a bound.
pub const MAX_ARGON2_MEMORY_KIB: u32 = 128 * 1024;

/// The length of new password hashes, in bytes.
pub const ARGON2_OUTPUT_BYTES: usize = 32;

/// The greatest product of passes and memory in KiB that a password hash may need.
pub const MAX_ARGON2_WORK: u64 = 4 * 128 * 1024;

/// The longest time that a verifier takes to fetch the JWKS, in seconds.
const FETCH_TIME: UnixSeconds = signet_verifier::FETCH_TIME.cast_signed();
/// The shortest time for which verifiers keep keys, in seconds, even if `jwks_max_age` is shorter.
pub const VERIFIER_MIN_MAX_AGE: UnixSeconds = signet_verifier::MIN_MAX_AGE.cast_signed();

/// The time for which verifiers that do not reach the issuer go on with the keys that they have, in seconds.
pub const VERIFIER_STALE_ALLOWANCE: UnixSeconds = signet_verifier::STALE_ALLOWANCE.cast_signed();

/// The lengths that a signing key may have, in bits, in words.
const KEY_BITS: &str = "2048, 3072 or 4096";

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Each event is a line of text.
    Text,
    /// Each event is a JSON object on a line of its own.
    Json,
}

/// All settings. Every duration is in seconds. Unknown names are refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Settings {
    /// The exact `iss`, and the base of every URL. The default is `http://localhost:` with the port of `listen`.
    pub issuer: Issuer,
    /// The address and port on which the server accepts connections.
    #[serde(deserialize_with = "sources::address_and_port")]
    pub listen: SocketAddr,
    /// The form is `sqlite:<file>` or `postgres://…`.
    pub database_url: DatabaseUrl,
    /// The folder that holds the master key.
    pub keys_dir: PathBuf,
    /// The public client of token requests without client authentication. The default is `cli` while the issuer is loopback; an
    /// empty text means none.
    pub default_client: Option<String>,
    /// The lifetime of access tokens for resources that set none.
    pub access_token_lifetime: UnixSeconds,
    pub id_token_lifetime: UnixSeconds,
    /// A refresh token that is not used for this long expires.
    pub refresh_idle_lifetime: UnixSeconds,
    /// An authorization ends after this long, however often it is refreshed.
    pub refresh_absolute_lifetime: UnixSeconds,
    /// The size of new signing keys in bits: 2048, 3072 or 4096.
    pub key_bits: usize,
    /// The time for which a key signs before the next key takes over.
    pub key_rotation_period: UnixSeconds,
    /// The time for which a key is in the JWKS before it signs.
    pub key_publication_lead: UnixSeconds,
    /// N: the greatest age of the view of the key ring with which a node signs.
    pub key_refresh_interval: UnixSeconds,
    /// M: the `max-age` of the JWKS, that is, how long it may be cached.
    pub jwks_max_age: UnixSeconds,
    /// S: by how much the clocks of nodes may differ.
    pub clock_skew: UnixSeconds,
    /// The memory of one Argon2id hash, in KiB.
    pub argon2_memory_kib: u32,
    /// The number of Argon2id passes.
    pub argon2_iterations: u32,
    /// The number of Argon2id lanes.
    pub argon2_parallelism: u32,
    /// The number of threads that hash passwords. The default is the number of cores.
    pub hash_threads: usize,
    /// The number of sign-ins that may wait for a hashing thread. Further ones are answered with 503.
    pub hash_queue: usize,
    /// The number of wrong passwords for one account after which each further attempt must wait.
    pub account_attempts: i32,
    /// The longest wait before the next attempt for an account.
    pub account_max_delay: UnixSeconds,
    /// The number of failed sign-ins that one address may make within `address_window`.
    pub address_attempts: i32,
    /// The period in which the failed sign-ins of an address are counted.
    pub address_window: UnixSeconds,
    /// The time for which the audit trail keeps failed sign-ins, which strangers can cause.
    pub failed_sign_in_retention: UnixSeconds,
    /// The time for which the audit trail keeps events; 0 keeps them for ever.
    pub audit_retention: UnixSeconds,
    /// The time for which the hourly counts of sign-ins and tokens are kept.
    pub activity_retention: UnixSeconds,
    /// A session that is not used for this long ends.
    pub session_idle_lifetime: UnixSeconds,
    /// A session ends after this long, however often it is used.
    pub session_absolute_lifetime: UnixSeconds,
    /// `true` if clients may register without an initial access token.
    pub open_registration: bool,
    /// Whether confidential clients that register themselves must use PKCE; public ones must always.
    pub registration_pkce: Pkce,
    /// The identifier of the resource that is the default of clients which register themselves.
    pub registration_default_resource: Option<String>,
    /// The users who may sign in to clients that register themselves. With `groups`, an administrator must give the client its groups first.
    pub registration_access: Access,
    /// Days after which a client that registered itself is removed if it was not used; 0 for never.
    pub registered_client_unused_days: u32,
    /// Days after which `signet doctor` names a client secret as old.
    pub client_secret_max_age_days: u32,
    /// How people reach whoever decides about access, such as an email address; `None` for no such line on pages.
    pub support_contact: Option<String>,
    /// For development only: clients' URLs may be http, and may lead to this machine and its network.
    pub fetch_private_addresses: bool,
    /// For development only: a PEM file of certificates that are trusted in addition to the system's when the issuer fetches
    /// clients' URLs.
    pub fetch_ca_file: Option<PathBuf>,
    /// The time that a client's URL may take to answer.
    pub fetch_timeout: u64,
    /// The number of URLs of clients that are fetched at once.
    pub fetches_at_once: usize,
    /// The number of URLs of clients that are fetched in each `fetch_window`, in all.
    pub fetches_in_all: u32,
    /// The number of URLs that are fetched for requests of one address in each `fetch_window`.
    pub fetches_per_address: u32,
    /// The number of URLs that are fetched for one registration token, or for one registered client, in each `fetch_window`.
    pub fetches_per_token: u32,
    /// The period in which fetches are counted.
    pub fetch_window: u64,
    /// The networks of the proxies whose `forwarded_header` is trusted. `None` if the setting is not given, which an https issuer
    /// requires, because it always has a front for TLS.
    #[serde(deserialize_with = "sources::networks")]
    pub trusted_proxies: Option<Vec<IpNet>>,
    /// The one header in which the trusted proxies name the address whose request they forward.
    pub forwarded_header: ForwardedHeader,
    /// The number of connections that may be open at once.
    pub max_connections: usize,
    /// The number of connections that one address may have open at once. Peers in `trusted_proxies` may have any number; there the
    /// requests of each address that they forward are counted.
    pub max_connections_per_address: usize,
    /// The number of connections beyond `max_connections` that serve health checks alone.
    pub health_connections: usize,
    /// The time that a peer has to send the head of a request, counted from the accept or from the end of the previous request.
    pub header_timeout: u64,
    /// The time that a peer has to receive an answer, counted from the moment at which it takes no more of it.
    pub write_timeout: u64,
    /// The time for which the server waits for requests in flight after a signal to stop.
    pub shutdown_timeout: u64,
    /// The log filter in the syntax of `tracing`, such as `info` or `signet_issuer=debug`.
    pub log: String,
    pub log_format: LogFormat,
}

/// The name and the value of a setting from the command line.
pub type Flag = (String, String);

impl Settings {
    /// Reads `file` (or [`DEFAULT_FILE`] if it exists), the environment and `flags`, and validates the result.
    pub fn load(file: Option<&Path>, flags: &[Flag]) -> Result<Self, ConfigError> {
        let given = sources::read(file, flags)?;
        // Some defaults follow from `listen` and `issuer`, so these are read first. Errors in them are reported further down.
        let listen = given.extract_inner::<String>("listen").ok().and_then(|listen| listen.parse().ok());
        let listen = listen.filter(|listen: &SocketAddr| listen.port() != 0).unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        // `localhost` resolves to these two addresses only, so the default issuer names any other loopback address itself.
        let is_other_loopback = listen.ip().is_loopback() && !["127.0.0.1", "::1"].contains(&listen.ip().to_string().as_str());
        let host = if is_other_loopback { listen.ip().to_string() } else { "localhost".to_owned() };
        let issuer = given.extract_inner("issuer").unwrap_or_else(|_| format!("http://{host}:{}", listen.port()));
        let defaults = Self::defaults(&issuer, listen)?;
        let all = Figment::from(Serialized::defaults(&defaults)).merge(given);
        let mut settings = all.extract_lossy::<Self>().map_err(|errors| sources::explain(errors, &defaults))?;
        settings.default_client = settings.default_client.filter(|client| !client.is_empty());
        settings.registration_default_resource = settings.registration_default_resource.filter(|resource| !resource.is_empty());
        settings.support_contact = settings.support_contact.filter(|text| !text.trim().is_empty());
        settings.check()?;
        Ok(settings)
    }

    /// The default settings of an issuer with the URL `issuer`. Fails if that URL cannot be an issuer.
    pub fn defaults(issuer: &str, listen: SocketAddr) -> Result<Self, ConfigError> {
        let issuer = Issuer::parse(issuer).map_err(|error| invalid("issuer", format!("{error}; found {}", found(issuer))))?;
        Ok(Self {
            default_client: issuer.is_loopback().then(|| CLI.to_owned()),
            issuer,
            listen,
            database_url: DatabaseUrl::default(),
            keys_dir: PathBuf::from("keys"),
            access_token_lifetime: 600,
            id_token_lifetime: 3600,
            refresh_idle_lifetime: 14 * DAY,
            refresh_absolute_lifetime: 90 * DAY,
            key_bits: 2048,
            key_rotation_period: 30 * DAY,
            key_publication_lead: 900,
            key_refresh_interval: 10,
            jwks_max_age: 300,
            clock_skew: 30,
            argon2_memory_kib: 19456,
            argon2_iterations: 2,
            argon2_parallelism: 1,
            hash_threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            hash_queue: 64,
            account_attempts: 5,
            account_max_delay: 300,
            address_attempts: 100,
            address_window: 300,
            failed_sign_in_retention: 30 * DAY,
            audit_retention: 365 * DAY,
            activity_retention: 90 * DAY,
            session_idle_lifetime: 8 * 3600,
            session_absolute_lifetime: 7 * DAY,
            open_registration: false,
            registration_pkce: Pkce::Nonce,
            registration_default_resource: None,
            registration_access: Access::Everyone,
            registered_client_unused_days: 90,
            client_secret_max_age_days: 365,
            support_contact: None,
            fetch_private_addresses: false,
            fetch_ca_file: None,
            fetch_timeout: 5,
            fetches_at_once: 32,
            fetches_in_all: 1000,
            fetches_per_address: 50,
            fetches_per_token: 50,
            fetch_window: 300,
            trusted_proxies: None,
            forwarded_header: ForwardedHeader::default(),
            max_connections: 1024,
            max_connections_per_address: 256,
            health_connections: 16,
            header_timeout: 15,
            write_timeout: 10,
            shutdown_timeout: 10,
            log: "info,sea_orm_migration=warn,sqlx=warn".to_owned(),
            log_format: LogFormat::Text,
        })
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.keys_dir.as_os_str().is_empty() {
            return Err(invalid("keys_dir", "expected the path of a folder, such as keys; found an empty text"));
        }
        let files = [
            ("keys_dir", Some(&self.keys_dir), "a folder, such as keys"),
            ("fetch_ca_file", self.fetch_ca_file.as_ref(), "a file, such as ca.pem"),
        ];
        for (name, path, expected) in files {
            if let Some(url) = path.and_then(|path| path.to_str()).filter(|path| path.contains("://")) {
                return Err(invalid(name, format!("expected the path of {expected}; found {}", found(url))));
            }
        }
        clients::check(self)?;
        if ![2048, 3072, 4096].contains(&self.key_bits) {
            return Err(invalid("key_bits", format!("expected {KEY_BITS}; found {}", self.key_bits)));
        }
        ranges::check(self)?;
        // A word without `=` must be a level. `tracing` would take a misspelt level for the name of a module and log nothing.
        let is_level = |word: &str| word.is_empty() || word.parse::<LevelFilter>().is_ok();
        let all_levels = || self.log.split(',').map(str::trim).all(|part| part.contains('=') || is_level(part));
        if EnvFilter::try_new(&self.log).is_err() || !(self.log.contains('[') || all_levels()) {
            let expected = "expected one of off, error, warn, info, debug, trace, or levels of modules too, such as info,sqlx=warn";
            return Err(invalid("log", format!("{expected}; found {}", found(&self.log))));
        }
        Ok(())
    }

    /// Returns the networks of the trusted proxies; empty if there are none.
    pub fn proxies(&self) -> &[IpNet] {
        self.trusted_proxies.as_deref().unwrap_or_default()
    }

    /// Checks what only a server needs. An https issuer has a front for TLS, since this server speaks plain HTTP. If the front is not
    /// trusted, all sign-ins count for its address, so that a few wrong passwords lock everybody out.
    pub fn check_serving(&self) -> Result<(), ConfigError> {
        if self.issuer.is_https() && self.trusted_proxies.is_none() {
            return Err(invalid(
                "trusted_proxies",
                format!(
                    "expected the networks of the TLS front that serves {}, such as 10.0.0.0/8 or 127.0.0.1/32, because this server itself \
                     speaks plain HTTP; found nothing. Set it to an empty text if no proxy forwards the address of its clients",
                    self.issuer
                ),
            ));
        }
        Ok(())
    }

    /// N + 2·M + S + fetch time, in seconds. After this, every verifier has seen a key that was published.
    fn least_publication_lead(&self) -> UnixSeconds {
        self.key_refresh_interval + 2 * self.jwks_max_age + self.clock_skew + FETCH_TIME
    }

    /// N + the longest token lifetime + leeway + S, in seconds. After this, all tokens of a key that has stopped signing have expired.
    pub fn retired_key_lifetime(&self) -> UnixSeconds {
        self.key_refresh_interval + MAX_TOKEN_LIFETIME + VERIFIER_LEEWAY + self.clock_skew
    }

    /// How long a revoked handle is kept, in seconds: until every token that carries it has expired by any clock.
    pub fn revocation_lifetime(&self) -> UnixSeconds {
        signet_verifier::revocation_lifetime(self.clock_skew.cast_unsigned()).cast_signed()
    }

    /// How long a revoked key is named, in seconds: as long as a verifier may go on with a JWKS from before.
    pub fn key_revocation_lifetime(&self) -> UnixSeconds {
        let (max_age, skew) = (self.jwks_max_age.cast_unsigned(), self.clock_skew.cast_unsigned());
        signet_verifier::key_revocation_lifetime(max_age, skew).cast_signed()
    }
}
