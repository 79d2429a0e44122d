//! `App`: everything that requests share, concrete and built once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::accounts::password::Hasher;
use crate::clock::{Clock, UnixSeconds};
use crate::config::{ConfigError, Settings};
use crate::fetch::Fetcher;
use crate::fetch::client_keys::ClientKeys;
use crate::first_start::{self, Administrator, FirstStart};
use crate::keys::rotation::Rotation;
use crate::keys::seal::{MasterKeys, SealError};
use crate::keys::{KeyError, KeyRing, LoadedRing, master};
use crate::store::schema::{self, SchemaState};
use crate::store::{Store, StoreError, commit, signing_keys};

/// An issuer at work.
#[derive(Debug)]
pub struct App {
    /// As they were at the start.
    pub settings: Settings,
    /// The database.
    pub store: Store,
    /// The master key.
    pub master: MasterKeys,
    /// The threads that hash passwords.
    pub hasher: Hasher,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// Fetches from clients' URLs.
    pub fetcher: Arc<Fetcher>,
    /// The public keys of clients.
    pub client_keys: ClientKeys,
    ring: KeyRing,
    stopping: AtomicBool,
}

/// Why an issuer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The master key.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The hashing threads; the text names the setting.
    #[error("setting {0}")]
    Hasher(String),
}

impl App {
    /// Opens the database, migrated if need be, and what is sealed in it. On an empty database this is the first start,
    /// and the administrator's password is returned to be shown once.
    pub async fn open(settings: Settings, clock: Arc<dyn Clock>) -> Result<(Arc<Self>, Option<Administrator>), OpenError> {
        let fetcher = Arc::new(Fetcher::new(&settings)?);
        let store = Store::connect(&settings.database_url).await?;
        let hasher = Hasher::start(&settings, Arc::clone(&clock)).map_err(OpenError::Hasher)?;
        let state = schema::state(&store).await?;
        let (master, administrator) = match state {
            SchemaState::Current => (load_master(&settings, &store, &*clock).await?, None),
            SchemaState::Newer => return Err(StoreError::NewerSchema.into()),
            SchemaState::Empty | SchemaState::Older => migrate(&settings, &store, &hasher, &clock, state).await?,
        };
        let ring = KeyRing::new(&settings);
        let client_keys = ClientKeys::default();
        let app = Arc::new(Self { settings, store, master, hasher, clock, fetcher, client_keys, ring, stopping: AtomicBool::new(false) });
        app.ring().await?;
        Ok((app, administrator))
    }

    /// The key ring, never older than `key_refresh_interval`.
    pub async fn ring(&self) -> Result<Arc<LoadedRing>, KeyError> {
        self.ring.fresh(&self.store, &self.master, &*self.clock, &self.settings).await
    }

    /// What changes the ring. Nodes, this one too, follow within `key_refresh_interval`.
    pub fn rotation(&self) -> Rotation<'_> {
        Rotation { store: &self.store, master: &self.master, clock: &*self.clock, settings: &self.settings }
    }

    /// The wall clock, in Unix seconds.
    pub fn now(&self) -> UnixSeconds {
        self.clock.now()
    }

    /// Readiness fails from now on: the server is about to stop.
    pub fn announce_stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether the server is about to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// Migrates under the schema lock, and in the same transaction makes what an empty database needs.
async fn migrate(
    settings: &Settings,
    store: &Store,
    hasher: &Hasher,
    clock: &Arc<dyn Clock>,
    state: SchemaState,
) -> Result<(MasterKeys, Option<Administrator>), OpenError> {
    // Hashing and key generation come before the transaction, which must be short.
    let prepared = match state {
        SchemaState::Empty => Some(FirstStart::prepare(settings, hasher, &**clock).await?),
        _ => None,
    };
    let transaction = schema::migrate(store).await?;
    let is_first = signing_keys::count(&transaction).await? == 0;
    if let Some(prepared) = prepared.filter(|_| is_first) {
        let (master, administrator) = prepared.insert(&transaction, clock.now()).await?;
        commit(transaction).await?;
        return Ok((master, Some(administrator)));
    }
    commit(transaction).await?;
    Ok((load_master(settings, store, &**clock).await?, None))
}

/// The master key, made where neither the database nor this node has one.
async fn load_master(settings: &Settings, store: &Store, clock: &dyn Clock) -> Result<MasterKeys, OpenError> {
    let master = match master::load(settings, store, clock.now()).await? {
        Some(master) => master,
        None => MasterKeys::create(&settings.keys_dir, clock)?,
    };
    first_start::note_master(store.writer(), &master).await?;
    // Another node may have noted another key as the same version at the same moment.
    master::check(&master, settings, store, clock.now()).await?;
    Ok(master)
}
