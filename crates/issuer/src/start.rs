//! Opens an issuer: connects, migrates, and makes what an empty database needs.

use std::sync::Arc;

use secrecy::SecretString;

use crate::admin::checks::clash_of_names;
use crate::admin::new_client::{ClientDraft, NewClient, Rules};
use crate::admin::users::{NewUser, PasswordHash, UserDraft};
use crate::admin::{Change, Refused, clients, keys, resources, roles, users};
use crate::app::App;
use crate::audit::{Actor, Face, Who};
use crate::clock::Clock;
use crate::config::{ADMIN, CLI, ConfigError, Settings};
use crate::fetch::Fetcher;
use crate::grants::Grant;
use crate::keys::master::{MasterKeyError, MasterKeys};
use crate::keys::rotation::NewKey;
use crate::keys::{KeyError, master_check};
use crate::oauth::scope::{ADMIN_SCOPES, OIDC_SCOPES};
use crate::pool::Pool;
use crate::store::resources::{ISSUER, USERINFO};
use crate::store::schema::{self, SchemaState};
use crate::store::{ConnectionTrait, Store, StoreError, Transaction, commit, signing_keys};

/// Letters and digits that are not mistaken for each other; 32, so that each stands for five bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The first administrator, whose password is shown once.
#[derive(Debug)]
pub struct Administrator {
    /// The user name.
    pub username: &'static str,
    /// The password, 120 random bits.
    pub password: SecretString,
}

/// Why an issuer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The master key.
    #[error(transparent)]
    Master(#[from] MasterKeyError),
    /// A signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The threads of the pool could not be started.
    #[error("setting hash_threads: {0}")]
    Pool(#[from] std::io::Error),
    /// An operation of the first start failed.
    #[error(transparent)]
    Operation(#[from] Refused),
}

/// What an issuer is built from, but for the database and the master key.
struct Parts {
    settings: Settings,
    clock: Arc<dyn Clock>,
    pool: Pool,
    fetcher: Arc<Fetcher>,
}

impl Parts {
    fn app(&self, store: Store, master: MasterKeys) -> Result<Arc<App>, StartError> {
        let Self { settings, clock, pool, fetcher } = self;
        Ok(App::new(settings.clone(), Arc::clone(clock), pool.clone(), Arc::clone(fetcher), store, master)?)
    }
}

/// Opens the database, migrated if need be, and what is sealed in it. On an empty database this is the first start,
/// and the administrator's password is returned to be shown once.
pub async fn open(settings: Settings, clock: Arc<dyn Clock>) -> Result<(Arc<App>, Option<Administrator>), StartError> {
    let fetcher = Arc::new(Fetcher::new(&settings)?);
    let store = Store::connect(&settings.database_url).await?;
    let pool = Pool::start(settings.hash_threads, settings.hash_queue)?;
    let parts = Parts { settings, clock, pool, fetcher };
    let (app, administrator) = match schema::state(&store).await? {
        SchemaState::Current => (load(&parts, store).await?, None),
        SchemaState::Newer => return Err(StoreError::NewerSchema.into()),
        SchemaState::Older => {
            commit(schema::migrate(&store).await?).await?;
            (load(&parts, store).await?, None)
        }
        SchemaState::Empty => first_start(&parts, store).await?,
    };
    app.ring().await?;
    Ok((app, administrator))
}

/// Checks what must hold before the issuer answers requests, but need not hold for a command, which may cure it: its identifiers are
/// no registered resource's, and the key that signs can be opened.
pub async fn check_serving(app: &App) -> Result<(), StartError> {
    if let Some(expected) = clash_of_names(&app.store, &app.settings.issuer).await? {
        return Err(ConfigError::Invalid { name: "issuer", expected }.into());
    }
    app.ring().await?.signer(app.now())?;
    Ok(())
}

/// Closes the database of `app`. On SQLite this also folds the write-ahead log into its file.
pub async fn close(app: &App) -> Result<(), StartError> {
    Ok(app.store.clone().close().await?)
}

/// Opens an issuer on a database that another start has filled.
async fn load(parts: &Parts, store: Store) -> Result<Arc<App>, StartError> {
    let (settings, clock) = (&parts.settings, &*parts.clock);
    let master = match master_check::load(settings, &store, clock.now()).await? {
        Some(master) => master,
        None => MasterKeys::create(&settings.keys_dir, clock)?,
    };
    note_master(store.writer(), &master).await?;
    // Another node may have noted another key as the same version at the same moment.
    master_check::check(&master, settings, &store, clock.now()).await?;
    parts.app(store, master)
}

/// Migrates an empty database under the schema lock, and in the same transaction makes what it needs. Where another node
/// was first, nothing is made.
async fn first_start(parts: &Parts, store: Store) -> Result<(Arc<App>, Option<Administrator>), StartError> {
    let master = MasterKeys::create(&parts.settings.keys_dir, &*parts.clock)?;
    let app = parts.app(store.clone(), master)?;
    // Hashing and key generation come before the transaction, which must be short.
    let prepared = FirstStart::prepare(&app).await?;
    let transaction = schema::migrate(&store).await?;
    if signing_keys::count(&transaction).await? > 0 {
        commit(transaction).await?;
        return Ok((load(parts, store).await?, None));
    }
    note_master(&transaction, &app.master).await?;
    let administrator = prepared.perform(&app, transaction).await?;
    Ok((app, Some(administrator)))
}

/// What takes long to make, made before the transaction.
struct FirstStart {
    key: NewKey,
    password: SecretString,
    hash: PasswordHash,
}

impl FirstStart {
    /// Makes the first signing key, and the administrator's password.
    async fn prepare(app: &App) -> Result<Self, StartError> {
        let key = app.rotation().generate()?;
        let password = SecretString::from(random_password(&*app.clock));
        let hash = PasswordHash::generated(app, password.clone()).await?;
        Ok(Self { key, password, hash })
    }

    /// Makes the signing key, the built-in resources, the role and the user `admin`, and the public client `cli`, by operations in
    /// `transaction`, and commits it.
    async fn perform(self, app: &App, transaction: Transaction) -> Result<Administrator, StartError> {
        let actor = Actor::local(Who::Issuer, Face::Start);
        let mut operations = Change::within(app, &actor, transaction);
        let change = &mut operations;
        // Nobody has a JWKS yet, so the first key signs at once.
        keys::publish(change, self.key).await?;
        resources::add_built_in(change, ISSUER, "Signet", &ADMIN_SCOPES).await?;
        resources::add_built_in(change, USERINFO, "Your profile", &OIDC_SCOPES).await?;
        let admin_scopes = names(&ADMIN_SCOPES);
        roles::add(change, ADMIN, &admin_scopes).await?;
        let admin = UserDraft {
            username: ADMIN.to_owned(),
            name: Some("Administrator".to_owned()),
            roles: vec![ADMIN.to_owned()],
            ..UserDraft::default()
        };
        users::add(change, NewUser::check(admin)?, self.hash).await?;
        let cli = ClientDraft {
            client_id: Some(CLI.to_owned()),
            client_name: "Command line".to_owned(),
            public: true,
            grant_types: [Grant::Password, Grant::RefreshToken].map(|grant| grant.name().to_owned()).into(),
            default_resource: Some(app.settings.issuer.as_str().to_owned()),
            scope: Some([admin_scopes, names(&OIDC_SCOPES)].concat()),
            require_pkce: true,
            first_party: true,
            ..ClientDraft::default()
        };
        let rules = Rules { self_registered: false, private_addresses: app.settings.fetch_private_addresses };
        clients::add(change, NewClient::check(cli, rules)?, None, None).await?;
        commit(operations.transaction).await?;
        Ok(Administrator { username: ADMIN, password: self.password })
    }
}

fn names(scopes: &[(&str, &str)]) -> Vec<String> {
    scopes.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// Notes which master keys the database is sealed under.
async fn note_master(db: &impl ConnectionTrait, master: &MasterKeys) -> Result<(), StoreError> {
    for (version, fingerprint) in master.fingerprints() {
        signing_keys::note_master(db, version, fingerprint).await?;
    }
    Ok(())
}

fn random_password(clock: &dyn Clock) -> String {
    let bytes = clock.random_bytes::<24>();
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}
