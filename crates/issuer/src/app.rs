//! [`App`] holds everything that requests share: settings, database, keys, threads and clock. It is built once at the start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use argon2::Params;

use crate::audit::activity::Activity;
use crate::audit::refusals::Refusals;
use crate::clock::{Clock, UnixSeconds};
use crate::config::{ARGON2_OUTPUT_BYTES, ConfigError, Settings};
use crate::fetch::Fetcher;
use crate::fetch::client_keys::ClientKeys;
use crate::keys::master::MasterKeys;
use crate::keys::{KeyError, KeyRing, LoadedRing, RingContext};
use crate::pool::Pool;
use crate::revocation_feed::RevocationFeed;
use crate::store::{Store, StoreError, clients};
use crate::telemetry::Notices;

/// The longest time that a request for the discovery document waits for the database.
const DISCOVERY_PATIENCE: Duration = Duration::from_millis(500);

/// A running issuer, which all requests share.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct App {
    /// The settings as they were at the start.
    pub settings: Settings,
    pub store: Store,
    /// The versions of the master key.
    pub master: MasterKeys,
    /// The threads for work that costs more than 100 µs.
    pub pool: Pool,
    /// The parameters of new password hashes.
    pub argon2: Params,
    /// The source of time and randomness.
    pub clock: Arc<dyn Clock>,
    /// The one way in which URLs of clients are fetched.
    pub fetcher: Arc<Fetcher>,
    /// The public keys of clients.
    pub client_keys: ClientKeys,
    /// Notices to the operator about the requests to this node.
    pub notices: Notices,
    /// The counts of sign-ins and tokens that a job will store.
    pub activity: Activity,
    /// The refusals of clients that a job will store.
    pub refusals: Refusals,
    /// The revocations that this node knows.
    pub revocation_feed: RevocationFeed,
    reading_revocations: tokio::sync::Mutex<()>,
    ring: KeyRing,
    grants_in_use: ArcSwap<Vec<String>>,
    stopping: AtomicBool,
    next_request_id: AtomicU64,
}

impl App {
    /// Makes an issuer that has not read its key ring yet. Fails if the Argon2 settings do not fit together.
    pub fn new(
        settings: Settings,
        clock: Arc<dyn Clock>,
        pool: Pool,
        fetcher: Arc<Fetcher>,
        store: Store,
        master: MasterKeys,
    ) -> Result<Arc<Self>, ConfigError> {
        let Settings { argon2_memory_kib, argon2_iterations, argon2_parallelism, .. } = settings;
        let argon2 = Params::new(argon2_memory_kib, argon2_iterations, argon2_parallelism, Some(ARGON2_OUTPUT_BYTES));
        let argon2 = argon2.map_err(|error| ConfigError::Invalid { name: "argon2_memory_kib", expected: error.to_string() })?;
        let ring = KeyRing::new(&settings);
        let (client_keys, notices, stopping) = (ClientKeys::default(), Notices::default(), AtomicBool::new(false));
        // Begin at a random number, so that the ids of several nodes and starts differ.
        let next_request_id = AtomicU64::new(u64::from_ne_bytes(clock.random_bytes()));
        let grants_in_use = ArcSwap::default();
        let revocation_feed = RevocationFeed::new(&settings);
        let (activity, refusals) = (Activity::new(clock.now()), Refusals::default());
        Ok(Arc::new(Self {
            settings,
            store,
            master,
            pool,
            argon2,
            clock,
            fetcher,
            client_keys,
            notices,
            activity,
            refusals,
            revocation_feed,
            reading_revocations: tokio::sync::Mutex::default(),
            ring,
            grants_in_use,
            stopping,
            next_request_id,
        }))
    }

    /// Returns the key ring, which is never older than `key_refresh_interval`. Fails if it had to be read again and could not.
    pub async fn ring(&self) -> Result<Arc<LoadedRing>, KeyError> {
        self.ring.fresh(self.rotation()).await
    }

    /// Returns the key ring for the JWKS, which may be as old as `jwks_max_age` while the database does not answer.
    pub async fn published_ring(&self) -> Result<Arc<LoadedRing>, KeyError> {
        self.ring.published(self.rotation()).await
    }

    /// Returns the grant types for which enabled clients are registered, for the discovery document. While the database does not answer,
    /// these are the ones that were last read.
    pub async fn grants_in_use(&self) -> Arc<Vec<String>> {
        let read = tokio::time::timeout(DISCOVERY_PATIENCE, clients::grants_in_use(self.store.reader()));
        match read.await {
            Ok(Ok(grants)) => self.grants_in_use.store(Arc::new(grants)),
            Ok(Err(error)) => tracing::warn!(%error, "the discovery document lists the grant types that were last read"),
            Err(_) => tracing::warn!("the discovery document lists the grant types that were last read, because the database is slow"),
        }
        self.grants_in_use.load_full()
    }

    /// Reads what was revoked and tells those who wait. If a key was revoked, the key ring is read again first, so that this node neither
    /// signs with a key that verifiers refuse nor publishes it. If the ring cannot be read, verifiers are told all the same, and the next call
    /// tries again. Fails if the revocations could not be read.
    pub async fn read_revocations(&self) -> Result<(), StoreError> {
        let _reading = self.reading_revocations.lock().await;
        let found = self.revocation_feed.read(&self.store, &*self.clock).await?;
        let kids: Vec<&str> = found.kids().collect();
        let dropped = self.ring.drop_revoked(&kids, self.rotation()).await;
        if let Err(error) = &dropped {
            tracing::warn!(%error, "the key ring could not be read after a key was revoked");
        }
        self.revocation_feed.publish(found, dropped.is_ok());
        Ok(())
    }

    /// Returns what reads and changes the key ring. All nodes, this one too, notice a change within `key_refresh_interval`, and a
    /// revocation as soon as they read it ([`App::read_revocations`]).
    pub fn rotation(&self) -> RingContext<'_> {
        RingContext { store: &self.store, master: &self.master, clock: &*self.clock, settings: &self.settings }
    }

    /// Returns the time of the wall clock, in Unix seconds.
    pub fn now(&self) -> UnixSeconds {
        self.clock.now()
    }

    /// Returns an id for a request, which its log line and its audit events carry.
    pub fn next_request_id(&self) -> u64 {
        self.next_request_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes readiness fail from now on, and answers the requests that wait for revocations, because the server is about to stop.
    pub fn announce_stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.revocation_feed.wake();
    }

    /// Returns whether [`App::announce_stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
