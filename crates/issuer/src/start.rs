//! Opens an issuer: connects to the database, migrates it and, if it is empty, adds the first key, resources, user and client.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::timeout;

use crate::accounts::methods::password;
use crate::admin::checks::clash_of_names;
use crate::admin::new_client::{ClientDraft, NewClient, Rules};
use crate::admin::users::{NewUser, PasswordHash, UserDraft};
use crate::admin::{Change, Reading, Refused, change, clients, keys, resources, roles, users};
use crate::app::App;
use crate::audit::{Actor, Face, Who};
use crate::clock::Clock;
use crate::config::{ADMIN, CLI, ConfigError, DOCS, Settings};
use crate::fetch::Fetcher;
use crate::grants::Grant;
use crate::keys::master::{self, MasterKeyError, MasterKeys};
use crate::keys::rotation::NewKey;
use crate::keys::{KeyError, master_check};
use crate::oauth::access::Access;
use crate::oauth::scope::{ADMIN_SCOPES, OIDC_SCOPES, SSF_SCOPES};
use crate::pool::Pool;
use crate::store::resources::{ISSUER, USERINFO};
use crate::store::schema::{self, SchemaState};
use crate::store::{ConnectionTrait, Store, StoreError, Transaction, commit, signing_keys};

/// The longest time that closing the database may take.
const CLOSING: Duration = Duration::from_secs(5);

/// The first administrator, whose password is shown only once.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Administrator {
    pub username: &'static str,
    /// The password, made of 120 random bits.
    pub password: SecretString,
    /// `false` if the file of the master key was there before.
    pub has_new_master_key: bool,
}

/// The reason why an issuer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database could not be opened, or refused a statement.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The master key could not be loaded or created.
    #[error(transparent)]
    Master(#[from] MasterKeyError),
    /// A signing key could not be read or used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A setting is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The threads of the pool could not be started.
    #[error("setting hash_threads: {0}")]
    Pool(#[from] std::io::Error),
    /// An operation of the first start failed.
    #[error(transparent)]
    Operation(#[from] Refused),
}

/// The parts of an issuer that need neither the database nor the master key.
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

/// Opens an issuer, and migrates the database if its schema is older than this program. On an empty database it performs the first
/// start and returns the administrator, so that the password can be shown once. Fails if the schema is newer than this program.
pub async fn open(settings: Settings, clock: Arc<dyn Clock>) -> Result<(Arc<App>, Option<Administrator>), StartError> {
    let fetcher = Arc::new(Fetcher::new(&settings, Arc::clone(&clock))?);
    let store = Store::connect(&settings.database_url, settings.max_connections).await?;
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
    master::keep_private(&app.settings.keys_dir);
    app.ring().await?;
    if !app.settings.issuer.is_loopback() {
        disable_first_client(&app).await?;
    }
    Ok((app, administrator))
}

/// Disables the client of the first start, because the issuer is reachable from other machines. That client needs no secret and may ask
/// for the scopes of administration with nothing but a password, which is meant for trying the issuer out with curl.
async fn disable_first_client(app: &App) -> Result<(), StartError> {
    let actor = Actor::local(Who::Issuer, Face::Start);
    match clients::show(&Reading::new(app, &actor), CLI).await {
        Ok(client) if client.enabled && clients::is_first_client(&client) => {}
        Ok(_) | Err(Refused::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    change(app, &actor, |change| Box::pin(clients::set_enabled(change, CLI, false))).await?;
    tracing::warn!(
        client = CLI,
        "the client of the first start was disabled, because the issuer is not a loopback URL; \
         to sign in by password from elsewhere, add a client of your own with `signet client add`"
    );
    Ok(())
}

/// Checks what the issuer needs to answer requests. Commands run without these checks, because a command may repair what they find.
/// No registered resource may have an identifier of the issuer, and the key that signs must be usable.
pub async fn check_serving(app: &App) -> Result<(), StartError> {
    if let Some(expected) = clash_of_names(&app.store, &app.settings.issuer).await? {
        return Err(ConfigError::Invalid { name: "issuer", expected }.into());
    }
    app.ring().await?.signer(app.now())?;
    Ok(())
}

/// Closes the database of `app`. On SQLite this also moves the write-ahead log into the database file. A database that hangs is left as it is
/// after 5 s, so that the process ends.
pub async fn close(app: &App) -> Result<(), StartError> {
    let Ok(closed) = timeout(CLOSING, app.store.clone().close()).await else {
        tracing::warn!("the connections to the database could not be closed, because it does not answer");
        return Ok(());
    };
    Ok(closed?)
}

/// Opens an issuer on a database that an earlier start has set up.
async fn load(parts: &Parts, store: Store) -> Result<Arc<App>, StartError> {
    let (settings, clock) = (&parts.settings, &*parts.clock);
    let master = match master_check::load(settings, &store, clock.now()).await? {
        Some(master) => master,
        None => MasterKeys::create(&settings.keys_dir, clock)?,
    };
    note_master(store.writer(), &master).await?;
    // Check again, because another node may have stored another key as the same version at the same moment.
    master_check::check(&master, settings, &store, clock.now()).await?;
    parts.app(store, master)
}

/// Migrates an empty database under the schema lock, and adds the first rows in the same transaction. If another node was first,
/// adds nothing and loads what that node has stored.
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

/// The key and the password of the first start. They take long to make, so they are made before the transaction.
struct FirstStart {
    key: NewKey,
    password: SecretString,
    hash: PasswordHash,
}

impl FirstStart {
    /// Makes the first signing key, the administrator's password and its hash.
    async fn prepare(app: &App) -> Result<Self, StartError> {
        let key = app.rotation().generate()?;
        let password = SecretString::from(password::random(&*app.clock));
        let hash = PasswordHash::generated(app, password.clone()).await?;
        Ok(Self { key, password, hash })
    }

    /// Adds the signing key, the built-in resources, the role and the user `admin` by operations in `transaction`, and commits it. If
    /// the issuer is a loopback URL, also adds the public client `cli`, which makes the first token by curl possible.
    async fn perform(self, app: &App, transaction: Transaction) -> Result<Administrator, StartError> {
        let actor = Actor::local(Who::Issuer, Face::Start);
        let mut operations = Change::within(app, &actor, transaction);
        let change = &mut operations;
        // No verifier has fetched the JWKS yet, so the first key signs at once.
        keys::publish(change, self.key).await?;
        resources::add_built_in(change, ISSUER, "Signet", &[&ADMIN_SCOPES[..], &SSF_SCOPES].concat()).await?;
        resources::add_built_in(change, USERINFO, "Your profile", &OIDC_SCOPES).await?;
        let admin_scopes = names(&ADMIN_SCOPES);
        roles::add(change, roles::NewRole::check(ADMIN, &admin_scopes)?).await?;
        let admin = UserDraft {
            username: ADMIN.to_owned(),
            name: Some("Administrator".to_owned()),
            roles: vec![ADMIN.to_owned()],
            ..UserDraft::default()
        };
        users::add(change, NewUser::check(admin)?, self.hash).await?;
        if app.settings.issuer.is_loopback() {
            let rules = Rules::for_administrators(app);
            clients::add(change, NewClient::check(cli(app, admin_scopes), rules)?, None, None).await?;
        }
        clients::add(change, NewClient::check(docs(app), Rules::for_administrators(app))?, None, None).await?;
        commit(operations.transaction).await?;
        Ok(Administrator { username: ADMIN, password: self.password, has_new_master_key: app.master.is_new() })
    }
}

/// Returns the client with which an operator gets the first token by curl.
fn cli(app: &App, admin_scopes: Vec<String>) -> ClientDraft {
    ClientDraft {
        client_id: Some(CLI.to_owned()),
        client_name: "Command line".to_owned(),
        public: true,
        grant_types: [Grant::Password, Grant::RefreshToken].map(|grant| grant.name().to_owned()).into(),
        default_resource: Some(app.settings.issuer.as_str().to_owned()),
        scope: Some([admin_scopes, names(&OIDC_SCOPES)].concat()),
        first_party: true,
        access: Some(Access::Everyone),
        ..ClientDraft::default()
    }
}

/// Returns the client with which administrators sign in to `/docs`.
fn docs(app: &App) -> ClientDraft {
    ClientDraft {
        client_id: Some(DOCS.to_owned()),
        client_name: "API documentation".to_owned(),
        public: true,
        grant_types: vec![Grant::AuthorizationCode.name().to_owned()],
        redirect_uris: vec![app.settings.issuer.endpoint("/docs/oauth2-redirect.html")],
        access: Some(Access::Everyone),
        default_resource: Some(app.settings.issuer.as_str().to_owned()),
        scope: Some(names(&ADMIN_SCOPES)),
        first_party: true,
        ..ClientDraft::default()
    }
}

fn names(scopes: &[(&str, &str)]) -> Vec<String> {
    scopes.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// Stores the fingerprints of the master keys under which the database is sealed.
async fn note_master(db: &impl ConnectionTrait, master: &MasterKeys) -> Result<(), StoreError> {
    for (version, fingerprint) in master.fingerprints() {
        signing_keys::note_master(db, version, fingerprint).await?;
    }
    Ok(())
}
