//! Opens an issuer: connects, migrates, and makes what an empty database needs.

use std::sync::Arc;

use secrecy::SecretString;

use crate::accounts::methods::password;
use crate::app::App;
use crate::clock::{Clock, UnixSeconds};
use crate::config::{CLI, ConfigError, Settings};
use crate::fetch::Fetcher;
use crate::grants::Grant;
use crate::keys::ring::Ring;
use crate::keys::rotation::NewKey;
use crate::keys::seal::{MasterKeys, SealError};
use crate::keys::{KeyError, master};
use crate::oauth::scope::{ADMIN_SCOPES, OIDC_SCOPES};
use crate::pool::{Overloaded, Pool};
use crate::store::clients::{self, ClientRow};
use crate::store::resources::{self, ISSUER, ResourceRow, ScopeRow, USERINFO};
use crate::store::schema::{self, SchemaState};
use crate::store::users::{self, UserRow};
use crate::store::{ConnectionTrait, Store, StoreError, commit, roles, signing_keys};

/// The user, and the role, of the first start.
pub const ADMIN: &str = "admin";

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
    Seal(#[from] SealError),
    /// A signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The threads of the pool could not be started.
    #[error("setting hash_threads: {0}")]
    Pool(#[from] std::io::Error),
    /// The first administrator's password could not be hashed.
    #[error("setting hash_threads: {0}")]
    Overloaded(#[from] Overloaded),
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

/// Opens an issuer on a database that another start has filled.
async fn load(parts: &Parts, store: Store) -> Result<Arc<App>, StartError> {
    let (settings, clock) = (&parts.settings, &*parts.clock);
    let master = match master::load(settings, &store, clock.now()).await? {
        Some(master) => master,
        None => MasterKeys::create(&settings.keys_dir, clock)?,
    };
    note_master(store.writer(), &master).await?;
    // Another node may have noted another key as the same version at the same moment.
    master::check(&master, settings, &store, clock.now()).await?;
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
    let administrator = prepared.insert(&transaction, &app.master, app.now()).await?;
    commit(transaction).await?;
    Ok((app, Some(administrator)))
}

/// What takes long to make, made before the transaction.
struct FirstStart {
    key: NewKey,
    admin: UserRow,
    password: SecretString,
}

impl FirstStart {
    /// Makes the first signing key, and the administrator's password.
    async fn prepare(app: &App) -> Result<Self, StartError> {
        let clock = &*app.clock;
        let key = tokio::task::block_in_place(|| NewKey::generate(app.settings.key_bits, &app.master, clock))?;
        let password = SecretString::from(random_password(clock));
        let hash = password::hash(app, password.clone()).await?;
        let now = clock.now();
        let admin = UserRow {
            id: clock.random_uuid(),
            username: ADMIN.to_owned(),
            email: None,
            email_verified: false,
            name: Some("Administrator".to_owned()),
            password_hash: Some(hash),
            created_at: now,
            updated_at: now,
            disabled_at: None,
            claims: "{}".to_owned(),
            password_generated_at: Some(now),
            credential_version: 0,
        };
        Ok(Self { key, admin, password })
    }

    /// Inserts all of it.
    async fn insert(self, db: &impl ConnectionTrait, master: &MasterKeys, now: UnixSeconds) -> Result<Administrator, StartError> {
        note_master(db, master).await?;
        // Nobody has a JWKS yet, so the first key may sign at once.
        signing_keys::insert(db, self.key.into_row(&Ring::default(), now, now)).await?;
        insert_resource(db, ISSUER, "Signet", &ADMIN_SCOPES, now).await?;
        insert_resource(db, USERINFO, "Your profile", &OIDC_SCOPES, now).await?;

        let admin_scopes: Vec<String> = ADMIN_SCOPES.iter().map(|(name, _)| (*name).to_owned()).collect();
        roles::insert(db, ADMIN, &admin_scopes, now).await?;
        let id = self.admin.id;
        users::insert(db, self.admin).await?;
        roles::give(db, id, ADMIN).await?;

        let cli = ClientRow {
            id: CLI.to_owned(),
            name: "Command line".to_owned(),
            public: true,
            grants: format!("{} {}", Grant::Password.name(), Grant::RefreshToken.name()),
            redirect_uris: String::new(),
            default_resource: Some(ISSUER.to_owned()),
            secret_hash: None,
            previous_secret_hash: None,
            created_at: now,
            disabled_at: None,
            auth_method: None,
            require_pkce: true,
            first_party: true,
            metadata: "{}".to_owned(),
            registration_token_hash: None,
        };
        let scopes: Vec<String> = ADMIN_SCOPES.iter().chain(&OIDC_SCOPES).map(|(name, _)| (*name).to_owned()).collect();
        clients::insert(db, cli, &scopes, &[]).await?;
        Ok(Administrator { username: ADMIN, password: self.password })
    }
}

async fn insert_resource(
    db: &impl ConnectionTrait,
    id: &str,
    name: &str,
    scopes: &[(&str, &str)],
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let resource = ResourceRow { id: id.to_owned(), identifier: None, name: name.to_owned(), token_lifetime: None, created_at: now };
    let scopes = scopes.iter().map(|(name, description)| ScopeRow {
        name: (*name).to_owned(),
        resource_id: id.to_owned(),
        description: (*description).to_owned(),
    });
    resources::insert(db, resource, scopes.collect()).await
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
