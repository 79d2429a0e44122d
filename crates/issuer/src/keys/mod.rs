//! The key ring: all signing keys with their states, in the database and in memory.

pub mod access;
pub mod master;
pub mod master_check;
pub mod ring;
pub mod rotation;
pub mod seal;
pub mod signer;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use signet_verifier::{Jwk, KeySet};
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::config::Settings;
use crate::keys::master::{MasterKeyError, MasterKeys};
use crate::keys::ring::{Entry, Ring, State};
use crate::keys::signer::Signer;
use crate::oauth::error::{Code, OAuthError};
use crate::store::signing_keys::{self, SigningKeyRow};
use crate::store::{Store, StoreError};

/// The longest time that a request for the JWKS waits for the database, since verifiers wait only a few seconds for the answer. The news
/// that a key was revoked waits no longer for the ring either.
const PATIENCE: Duration = Duration::from_millis(500);
/// For this long after a failure requests for the JWKS do not wait for the database.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The reason why no signing key is available.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum KeyError {
    /// The database could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored key cannot be opened or used.
    #[error("signing key {kid}: {reason}")]
    Unusable { kid: String, reason: String },
    /// The master key cannot be used.
    #[error(transparent)]
    Master(#[from] MasterKeyError),
    /// Another request has just failed to read the ring.
    #[error("the key ring could not be read a moment ago")]
    JustFailed,
    /// The ring could not be read within this time.
    #[error("the key ring could not be read within {0:?}")]
    Slow(Duration),
    /// No key is active at this time.
    #[error("no signing key is active")]
    NoneActive,
}

impl From<KeyError> for OAuthError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            // The request that failed tells why. This one did not try, and a later one may succeed.
            KeyError::JustFailed => Self { source: Some(error.into()), ..Self::new(Code::Busy, "the server is busy; try again") },
            KeyError::Slow(_) => Self::unavailable(error),
            _ => Self::server_error(error),
        }
    }
}

/// The parts of the issuer with which the ring is read and changed.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RingContext<'a> {
    pub store: &'a Store,
    pub master: &'a MasterKeys,
    pub clock: &'a dyn Clock,
    pub settings: &'a Settings,
}

/// The ring as this node last read it.
#[derive(Debug)]
pub struct LoadedRing {
    ring: Ring,
    /// The signer of each published or active key, or the reason why this node cannot use the key.
    signers: HashMap<String, Result<Arc<Signer>, String>>,
    /// The keys in the JWKS, which verify this issuer's tokens.
    pub key_set: KeySet,
    /// The keys that verify `id_token_hint`s: those in the JWKS, and those that signed in the last 90 days and were not revoked.
    pub hint_keys: KeySet,
    /// The JWKS document (RFC 7517 §5) as JSON text.
    pub jwks: String,
    /// The entity tag of the JWKS document, in quotes.
    pub etag: String,
    read_at: Duration,
}

impl LoadedRing {
    /// The signer of the key that is active at `now`. Fails if there is none, or if this node cannot use it.
    pub fn signer(&self, now: crate::clock::UnixSeconds) -> Result<&Arc<Signer>, KeyError> {
        let entry = self.ring.active(now).ok_or(KeyError::NoneActive)?;
        let unusable = |reason: &str| KeyError::Unusable { kid: entry.kid.clone(), reason: reason.to_owned() };
        let signer = self.signers.get(&entry.kid).ok_or_else(|| unusable("its private part was erased"))?;
        signer.as_ref().map_err(|reason| unusable(reason))
    }

    /// The published and active keys that this node cannot use, by `kid`, each with the reason.
    pub fn unusable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.signers.iter().filter_map(|(kid, signer)| Some((kid.as_str(), signer.as_ref().err()?.as_str())))
    }

    /// The time since this view was read, by the monotonic clock.
    pub fn age(&self, clock: &dyn Clock) -> Duration {
        clock.monotonic().saturating_sub(self.read_at)
    }
}

/// This node's view of the ring. It is read again before use once it is older than `key_refresh_interval`, and as soon as this
/// node reads that one of its keys was revoked.
#[derive(Debug)]
pub struct KeyRing {
    loaded: ArcSwapOption<LoadedRing>,
    loading: Mutex<()>,
    /// The number of reads that have failed.
    failures: AtomicU64,
    /// The monotonic time of the last read for [`KeyRing::published`] that failed or took too long.
    failed_at: std::sync::Mutex<Option<Duration>>,
    oldest: Duration,
    oldest_published: Duration,
}

impl KeyRing {
    /// Makes an empty view, which the first call of [`KeyRing::fresh`] fills.
    pub fn new(settings: &Settings) -> Self {
        let oldest = Duration::from_secs(settings.key_refresh_interval.unsigned_abs());
        Self {
            loaded: ArcSwapOption::empty(),
            loading: Mutex::new(()),
            failures: AtomicU64::new(0),
            failed_at: std::sync::Mutex::default(),
            oldest,
            oldest_published: Duration::from_secs(settings.jwks_max_age.unsigned_abs()),
        }
    }

    /// Returns the ring for the JWKS. If the database does not answer at once, this is the last view, unless that is as old as
    /// `jwks_max_age`: no cache may keep such a view. docs/adr/0012 says why.
    pub async fn published(&self, context: RingContext<'_>) -> Result<Arc<LoadedRing>, KeyError> {
        let clock = context.clock;
        let now = clock.monotonic();
        let last = self.loaded.load_full();
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let error = if failed_at.is_some_and(|at| now.saturating_sub(at) < RETRY_AFTER) && last.is_some() {
            KeyError::JustFailed
        } else {
            match tokio::time::timeout(PATIENCE, self.fresh(context)).await {
                Ok(Ok(fresh)) => return Ok(fresh),
                Ok(Err(error)) => error,
                Err(_) => KeyError::Slow(PATIENCE),
            }
        };
        let served = last.filter(|last| last.age(clock) < self.oldest_published);
        if !matches!(error, KeyError::JustFailed) {
            if served.is_some() {
                tracing::warn!(%error, "the JWKS is that of the last view of the key ring");
            }
            *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
        served.ok_or(error)
    }

    /// Returns the ring, and first reads it again if this view is older than `key_refresh_interval`. One request reads while the
    /// others wait. If the read fails, they fail too, because otherwise each in turn would wait for a database that does not answer.
    pub async fn fresh(&self, context: RingContext<'_>) -> Result<Arc<LoadedRing>, KeyError> {
        let is_fresh = |loaded: &Arc<LoadedRing>| loaded.age(context.clock) < self.oldest;
        if let Some(loaded) = self.loaded.load_full().filter(is_fresh) {
            return Ok(loaded);
        }
        let failures = self.failures.load(Ordering::Acquire);
        let _loading = self.loading.lock().await;
        if let Some(loaded) = self.loaded.load_full().filter(is_fresh) {
            return Ok(loaded);
        }
        if self.failures.load(Ordering::Acquire) > failures {
            return Err(KeyError::JustFailed);
        }
        let loaded = self.read(context).await.inspect_err(|_| {
            self.failures.fetch_add(1, Ordering::AcqRel);
        })?;
        self.loaded.store(Some(Arc::clone(&loaded)));
        Ok(loaded)
    }

    /// Reads the ring again if this view still holds one of `kids`, which were revoked, as a key that was not. Fails if the ring could not
    /// be read within [`PATIENCE`], and then leaves the view as it is.
    pub async fn drop_revoked(&self, kids: &[&str], context: RingContext<'_>) -> Result<(), KeyError> {
        if kids.is_empty() {
            return Ok(());
        }
        let renew = async {
            // A read that has already begun may still bring a view with the key, so that the view is looked at only after it.
            let _loading = self.loading.lock().await;
            let holds_revoked = |loaded: Arc<LoadedRing>| loaded.ring.holds_usable(kids);
            if self.loaded.load_full().is_some_and(holds_revoked) {
                self.loaded.store(Some(self.read(context).await?));
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, renew).await.unwrap_or(Err(KeyError::Slow(PATIENCE)))
    }

    async fn read(&self, context: RingContext<'_>) -> Result<Arc<LoadedRing>, KeyError> {
        let store = context.store;
        // Taken before the read, so that the view never counts as newer than it is.
        let read_at = context.clock.monotonic();
        let rows = match store.within(signing_keys::all_of_primary(store.reader())).await {
            // The connection may lead to a server that was demoted. Another one may lead to its successor.
            Err(StoreError::Unwritable(_)) => {
                store.retire_connections();
                signing_keys::all_of_primary(store.reader()).await?
            }
            rows => rows?,
        };
        let previous = self.loaded.load_full();
        Ok(Arc::new(load(&rows, previous.as_deref(), context, read_at)?))
    }
}

/// Unseals a stored key and builds its signer.
fn open(row: &SigningKeyRow, master: &MasterKeys) -> Result<Signer, String> {
    let sealed = row.sealed_private.as_deref().ok_or("its private part was erased")?;
    let private = seal::unseal(master, seal::Purpose::SigningKey, sealed).map_err(|error| error.to_string())?;
    Signer::new(&row.kid, &private).map_err(|error| error.to_string())
}

fn load(
    rows: &[SigningKeyRow],
    previous: Option<&LoadedRing>,
    context: RingContext<'_>,
    read_at: Duration,
) -> Result<LoadedRing, KeyError> {
    let RingContext { master, settings, .. } = context;
    let now = context.clock.now();
    let ring: Ring = rows.iter().map(Entry::from).collect();
    let mut signers = HashMap::new();
    let (mut published, mut known) = (Vec::new(), Vec::new());
    for (row, entry) in rows.iter().zip(ring.entries()) {
        let unusable = |reason: String| KeyError::Unusable { kid: row.kid.clone(), reason };
        let state = ring.state(entry, now, settings.retired_key_lifetime());
        if matches!(state, State::Published | State::Active) {
            let signer = match previous.and_then(|previous| previous.signers.get(&row.kid)) {
                Some(Ok(signer)) => Ok(Arc::clone(signer)),
                // A node that cannot open a key still publishes it and verifies with it, and signs with the other keys.
                known => open(row, master).map(Arc::new).inspect_err(|reason| {
                    if known.is_none() {
                        tracing::error!(kid = row.kid, reason, "a signing key cannot be used");
                    }
                }),
            };
            signers.insert(row.kid.clone(), signer);
        }
        if state != State::Revoked {
            let jwk = serde_json::from_str::<Jwk>(&row.public_jwk).map_err(|error| unusable(error.to_string()))?;
            known.push(jwk.clone());
            if state != State::Gone {
                published.push(jwk);
            }
        }
    }
    let jwks = json!({ "keys": published }).to_string();
    let etag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, jwks.as_bytes()).as_ref()[..16]));
    Ok(LoadedRing { ring, signers, key_set: published.into_iter().collect(), hint_keys: known.into_iter().collect(), jwks, etag, read_at })
}
