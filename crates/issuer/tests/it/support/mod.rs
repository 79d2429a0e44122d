//! `TestApp`: a real issuer on loopback, on a clock that tests advance, and a client that speaks HTTP to it.

mod browser;
mod database;
mod http;
mod log;
mod plans;
mod proxy;
mod receiver;
mod site;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use signet_issuer::accounts::methods::password;
use signet_issuer::admin::edit_client::{ClientEdit, ClientPatch, Edited};
use signet_issuer::admin::new_client::{ClientDraft, NewClient, Rules};
use signet_issuer::admin::resources::{NewResource, ResourceDraft, ScopeView};
use signet_issuer::admin::users::{NewUser, PasswordHash, UserDraft};
use signet_issuer::admin::{Change, Reading, Refused, Window, Work, change, clients, edit_client, resources, roles, users};
use signet_issuer::app::App;
use signet_issuer::audit::{Actor, Face, Who};
use signet_issuer::clock::{Clock, FakeClock};
use signet_issuer::config::Settings;
use signet_issuer::fetch::budget::Asker;
use signet_issuer::oauth::access::Access;
use signet_issuer::oauth::pkce::Pkce;
use signet_issuer::oauth::ssf::Method;
use signet_issuer::server;
use signet_issuer::start;
use signet_issuer::store::client_secrets;
use signet_issuer::store::streams::{self, StreamRow};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use uuid::Uuid;

pub use browser::{Browser, CALLBACK, VERIFIER};
pub use database::{Database, execute};
pub use http::{Answer, at_once, claims, header};
pub use log::Log;
pub use proxy::Proxy;
pub use receiver::{Received, Receiver, real_time};
pub use site::{Site, serve};

/// The time at which the fake clock starts, in Unix seconds: 2026-01-01.
pub const START: i64 = 1_767_225_600;
/// The password of every user that a test adds.
pub const PASSWORD: &str = "correct horse battery staple";
/// The secret of every confidential client that a test adds.
pub const SECRET: &str = "a-secret-of-a-test-client";
/// The resource that tests ask tokens for; it owns `orders:read` and `orders:write`.
pub const ORDERS: &str = "https://orders.example";

/// An issuer that a test has started.
pub struct TestApp {
    pub app: Arc<App>,
    pub clock: Arc<FakeClock>,
    pub url: String,
    pub admin_password: String,
    pub http: reqwest::Client,
    pub operator: Actor,
    database: Arc<Database>,
    keys_dir: Arc<TempDir>,
    _stop: oneshot::Sender<()>,
}

impl TestApp {
    /// Starts an issuer with default settings, except that password hashes are weak, which only saves time.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts an issuer whose settings `change` has changed.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let (database, keys_dir) = (Arc::new(Database::create().await), Arc::new(TempDir::new().unwrap()));
        Self::start(database, keys_dir, Arc::new(FakeClock::new(START)), change).await
    }

    /// Starts an issuer whose clock shows the time of this machine, for client libraries that read the time themselves.
    pub async fn on_system_time() -> Self {
        let (database, keys_dir) = (Arc::new(Database::create().await), Arc::new(TempDir::new().unwrap()));
        let now = signet_issuer::clock::SystemClock::default().now();
        Self::start(database, keys_dir, Arc::new(FakeClock::new(now)), |_| {}).await
    }

    /// Starts another node on the same database, with the same master key and clock.
    pub async fn another_node(&self) -> Self {
        self.another_node_with(|_| {}).await
    }

    /// Starts another node as [`TestApp::another_node`] does, whose settings `change` has changed.
    pub async fn another_node_with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        self.another_node_on(Arc::clone(&self.clock), change).await
    }

    /// Starts another node on the same database and with the same master key, whose clock is `seconds` fast, or slow if it is negative.
    pub async fn node_with_clock(&self, seconds: i64) -> Self {
        self.another_node_on(Arc::new(FakeClock::new(self.clock_now() + seconds)), |_| {}).await
    }

    async fn another_node_on(&self, clock: Arc<FakeClock>, change: impl FnOnce(&mut Settings)) -> Self {
        let issuer = self.app.settings.issuer.clone();
        Self::start(Arc::clone(&self.database), Arc::clone(&self.keys_dir), clock, |settings| {
            settings.issuer = issuer;
            change(settings);
        })
        .await
    }

    async fn start(database: Arc<Database>, keys_dir: Arc<TempDir>, clock: Arc<FakeClock>, change: impl FnOnce(&mut Settings)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut settings = test_settings(&format!("http://{address}"), &database.url, keys_dir.path());
        change(&mut settings);
        let url = format!("http://{address}{}", settings.issuer.path());
        let (app, administrator) = start::open(settings, Arc::<FakeClock>::clone(&clock)).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = Arc::clone(&app);
        tokio::spawn(async move {
            server::serve(serving, listener, async {
                let _ = stopped.await;
            })
            .await
        });
        let admin_password = administrator.map(|administrator| administrator.password.expose_secret().to_owned());
        Self {
            app,
            clock,
            url,
            admin_password: admin_password.unwrap_or_default(),
            http: reqwest::Client::new(),
            operator: Actor::local(Who::Operator, Face::CommandLine),
            database,
            keys_dir,
            _stop: stop,
        }
    }

    /// Returns the URL of the database.
    pub fn database_url(&self) -> &str {
        &self.database.url
    }

    /// Returns the folder of the master key.
    pub fn keys_dir(&self) -> &Path {
        self.keys_dir.path()
    }

    /// Returns the time of the test clock, in Unix seconds.
    pub fn clock_now(&self) -> i64 {
        self.app.now()
    }

    /// Advances the test clock by `seconds`. Real time does not pass.
    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Runs an operation of an administrator, as an operator at the command line does.
    pub async fn operate<'a, T>(&'a self, work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>) -> Result<T, Refused> {
        change(&self.app, &self.operator, work).await
    }

    /// Returns the permission to read everything, as an operator at the command line has.
    pub fn reading(&self) -> Reading<'_> {
        Reading::new(&self.app, &self.operator)
    }

    /// Returns the window of the first page of a list. It has room for everything that a test adds.
    #[expect(clippy::unused_self, reason = "it reads as a part of this issuer's lists")]
    pub fn window(&self) -> Window {
        Window { after: None, limit: 100 }
    }

    /// Adds [`ORDERS`], the role `clerk` of both its scopes, and the public client `shop` (password and refresh).
    pub async fn with_orders(self) -> Self {
        let scopes = ["orders:read", "orders:write"];
        self.add_resource(ORDERS, &scopes, None).await;
        let clerk = scopes.map(str::to_owned);
        self.operate(|change| Box::pin(roles::add(change, roles::NewRole::check("clerk", &clerk).unwrap()))).await.unwrap();
        self.add_client("shop", true, "password refresh_token", &["orders:read", "orders:write", "openid", "profile", "email"]).await;
        self
    }

    /// Adds a resource that owns `scopes`; its access tokens live for `token_lifetime` seconds, or as long as the settings say.
    pub async fn add_resource(&self, identifier: &str, scopes: &[&str], token_lifetime: Option<i64>) {
        let scopes = scopes.iter().map(|name| ScopeView { name: (*name).to_owned(), description: (*name).to_owned() }).collect();
        let draft = ResourceDraft {
            identifier: identifier.to_owned(),
            name: identifier.to_owned(),
            scopes,
            token_lifetime,
            ..ResourceDraft::default()
        };
        let resource = NewResource::check(draft).unwrap();
        self.operate(|change| Box::pin(resources::add(change, resource))).await.unwrap();
    }

    /// Adds the scopes `add` to the role `clerk`, and takes the scopes `remove` from it.
    pub async fn change_clerk(&self, add: &[&str], remove: &[&str]) {
        let [add, remove] = [add, remove].map(|scopes| scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>());
        self.operate(|change| Box::pin(roles::change_scopes(change, "clerk", &add, &remove))).await.unwrap();
    }

    /// Adds a user with the role `clerk`.
    pub async fn with_user(self, username: &str) -> Self {
        self.add_user(username, &["clerk"]).await;
        self
    }

    pub async fn add_user(&self, username: &str, roles: &[&str]) -> Uuid {
        let hash = password::hash(&self.app, PASSWORD.into()).await.unwrap();
        self.add_user_with_hash(username, roles, hash).await
    }

    pub async fn add_user_with_hash(&self, username: &str, roles: &[&str], hash: String) -> Uuid {
        let draft = UserDraft {
            username: username.to_owned(),
            email: Some(format!("{username}@example.com")),
            email_verified: true,
            name: Some(format!("{username} Example")),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..UserDraft::default()
        };
        let (user, hash) = (NewUser::check(draft).unwrap(), PasswordHash::imported(&hash.into()).unwrap());
        self.operate(|change| Box::pin(users::add(change, user, hash))).await.unwrap().id
    }

    /// Adds a client whose default resource is [`ORDERS`]; a confidential one has the secret [`SECRET`].
    pub async fn add_client(&self, id: &str, public: bool, grants: &str, scopes: &[&str]) {
        self.add_client_with(id, public, grants, scopes, |_| {}).await;
    }

    /// Adds a client as [`TestApp::add_client`] does, after `change` has changed its draft.
    pub async fn add_client_with(&self, id: &str, public: bool, grants: &str, scopes: &[&str], change: impl FnOnce(&mut ClientDraft)) {
        let mut draft = ClientDraft {
            client_id: Some(id.to_owned()),
            client_name: id.to_owned(),
            public,
            grant_types: grants.split_whitespace().map(str::to_owned).collect(),
            default_resource: Some(ORDERS.to_owned()),
            pkce: Some(Pkce::Required),
            access: Some(Access::Everyone),
            scope: Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
            ..ClientDraft::default()
        };
        change(&mut draft);
        let client = NewClient::check(draft, Rules { private_addresses: true, ..Rules::for_administrators(&self.app) }).unwrap();
        let added = self.operate(|change| Box::pin(clients::add(change, client, None, None))).await.unwrap();
        if added.client_secret.is_some() {
            // The operation makes a random secret. Replace it by one that tests know.
            let (db, hash) = (self.app.store.writer(), signet_issuer::oauth::secret::key(SECRET));
            client_secrets::remove(db, id, None).await.unwrap();
            client_secrets::insert(db, id, hash, self.app.now()).await.unwrap();
        }
    }

    /// Changes the client `id`, as an operator at the command line does.
    pub async fn edit_client(&self, id: &str, patch: ClientPatch) -> Result<Edited, Refused> {
        let edition = ClientEdit::prepare(&self.app, patch, Asker::Operator).await?;
        self.operate(|change| Box::pin(edit_client::edit(change, id, edition, None))).await
    }

    /// Gives a user [`PASSWORD`] as a generated password, which they must replace.
    pub async fn generate_password(&self, username: &str) {
        let id = users::show(&self.reading(), username).await.unwrap().id;
        let hash = PasswordHash::generated(&self.app, PASSWORD.into()).await.unwrap();
        self.operate(|change| Box::pin(users::set_password(change, id, hash))).await.unwrap();
    }

    pub async fn disable_user(&self, username: &str) {
        let id = users::show(&self.reading(), username).await.unwrap().id;
        self.operate(|change| Box::pin(users::disable(change, id))).await.unwrap();
    }

    /// Makes an enabled poll stream of Shared Signals for the client `client`.
    pub async fn add_stream(&self, client: &str, id: &str) {
        let blank = streams::blank(id.to_owned(), client, START);
        let row = StreamRow { method: Method::Poll.name().to_owned(), events_requested: "[]".to_owned(), ..blank };
        streams::insert(self.app.store.writer(), row).await.unwrap();
    }

    pub async fn disable_client(&self, id: &str) {
        self.operate(|change| Box::pin(clients::set_enabled(change, id, false))).await.unwrap();
    }

    /// Runs SQL, for a state that no operation makes, such as a damaged row.
    pub async fn sql(&self, sql: &str) {
        self.database.execute(sql).await;
    }

    /// Returns every text in the rows of `table`, one on a line.
    pub async fn dump(&self, table: &str) -> String {
        self.database.dump(table).await
    }

    /// Returns the first column of the first row that `sql` selects, as a number.
    pub async fn count(&self, sql: &str) -> i64 {
        self.database.count(sql).await
    }
}

/// Returns default settings, except that password hashes are weak, which saves time.
pub fn test_settings(issuer: &str, database_url: &str, keys_dir: &Path) -> Settings {
    let mut settings = Settings::defaults(issuer, ([127, 0, 0, 1], 0).into()).unwrap();
    settings.database_url = database_url.to_owned().try_into().unwrap();
    keys_dir.clone_into(&mut settings.keys_dir);
    settings.argon2_memory_kib = 64;
    settings.argon2_iterations = 1;
    settings
}
