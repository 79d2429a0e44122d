//! Fills a database with many users, clients and events, by the row types and functions of the store, so that every table and index holds what
//! the issuer itself would have written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use sea_orm::{EntityTrait, IntoActiveModel, Iterable, ModelTrait};
use signet_issuer::config::database_url::DatabaseUrl;
use signet_issuer::store::activity::ActivityRow;
use signet_issuer::store::attributes::{self, AttributeRow};
use signet_issuer::store::audit_events::{AuditRow, PersonalRow};
use signet_issuer::store::authorizations::AuthorizationRow;
use signet_issuer::store::client_refusals::RefusalRow;
use signet_issuer::store::client_secrets::SecretRow;
use signet_issuer::store::clients::{self, ClientRow};
use signet_issuer::store::groups::{self, GroupRow};
use signet_issuer::store::sessions::SessionRow;
use signet_issuer::store::users::{self, UserRow};
use signet_issuer::store::{ConnectionTrait, Inserts, Store, Transaction, commit, roles, user_terms};
use uuid::Uuid;

/// The number of rows of one transaction.
const BATCH: u64 = 5000;
/// The number of groups beside the one of everybody, and of roles beside the one of everybody.
pub const GROUPS: u64 = 200;
const ROLES: u64 = 40;
const DAY: i64 = 24 * 60 * 60;
/// A hash of bcrypt, of `correct horse battery staple`, for the users who come from another system.
const FOREIGN: &str = "$2b$10$WhF1xwpvvgzk5ZS3uhVcYOM5pMk1tM3LuYqce7nOuemsALEogZ1Fi";

/// The numbers of rows to write.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub users: u64,
    pub clients: u64,
    pub events: u64,
}

impl Size {
    /// The size of the small database, with which a large one is compared.
    pub const SMALL: Self = Self { users: 1000, clients: 100, events: 5000 };

    /// Reads `USERS`, `CLIENTS` and `EVENTS`, which are 1,000,000, 10,000 and 5,000,000 unless they are set.
    pub fn from_environment() -> Self {
        let number = |name: &str, otherwise: u64| std::env::var(name).map_or(otherwise, |text| text.replace('_', "").parse().unwrap());
        Self { users: number("USERS", 1_000_000), clients: number("CLIENTS", 10_000), events: number("EVENTS", 5_000_000) }
    }
}

/// Scatters `number`, so that neighbours are far apart, as random ids are.
fn scattered(number: u64) -> u64 {
    let mixed = (number ^ (number >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// Returns the id of row `number` of one of the kinds of rows.
fn id_of(kind: u64, number: u64) -> Uuid {
    uuid::Builder::from_random_bytes(((u128::from(scattered(number)) << 64) | (u128::from(kind) << 40) | u128::from(number)).to_be_bytes())
        .into_uuid()
}

/// Returns the id of the user `number`.
pub fn user_id(number: u64) -> Uuid {
    id_of(1, number)
}

/// Returns the id of the group `number`; that of everybody for [`GROUPS`].
fn group_id(number: u64) -> Uuid {
    id_of(2, number)
}

/// Inserts `rows`, as many in one statement as both databases accept.
async fn insert<R>(db: &Transaction, rows: impl Iterator<Item = R>)
where
    R: ModelTrait + IntoActiveModel<<<R as ModelTrait>::Entity as EntityTrait>::ActiveModel>,
{
    let most = 30_000 / <R::Entity as EntityTrait>::Column::iter().count();
    let mut rows = rows.map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        let some: Vec<_> = rows.by_ref().take(most).collect();
        R::Entity::insert_many(some).exec_without_returning(db).await.unwrap();
    }
}

fn user(number: u64, hash: &str, now: i64) -> UserRow {
    let created_at = now - 900 * DAY + i64::try_from(number % 800).unwrap() * DAY;
    UserRow {
        id: user_id(number),
        username: format!("person{number}"),
        email: Some(format!("person{number}@example.com")),
        email_verified: true,
        name: Some(format!("Given{} Family{}", number % 500, number % 3000)),
        password_hash: Some(if number % 3 == 2 { FOREIGN.to_owned() } else { hash.to_owned() }),
        created_at,
        updated_at: created_at,
        disabled_at: (number % 100 == 99).then_some(now - DAY),
        claims: "{\"locale\":\"de-DE\"}".to_owned(),
        password_generated_at: None,
        password_set_at: Some(created_at),
        credential_version: 0,
        access_version: 0,
        imported_at: None,
        external_id: number.is_multiple_of(2).then(|| format!("hr-{number}")),
        last_sign_in_at: Some(now - i64::try_from(scattered(number) % 90).unwrap() * DAY),
        version: 0,
    }
}

fn client(number: u64, now: i64) -> ClientRow {
    ClientRow {
        id: format!("app{number}"),
        client_name: format!("Application {number} of team {}", number % GROUPS),
        public: false,
        grant_types: "authorization_code refresh_token".to_owned(),
        redirect_uris: format!("https://app{number}.example/callback"),
        default_resource: None,
        created_at: now - 400 * DAY,
        disabled_at: (number % 50 == 49).then_some(now - DAY),
        token_endpoint_auth_method: None,
        pkce: "required".to_owned(),
        first_party: number.is_multiple_of(2),
        metadata: "{}".to_owned(),
        registration_token_hash: (number % 10 == 9).then(|| scattered(number).to_be_bytes().repeat(4)),
        access: if number.is_multiple_of(3) { "groups" } else { "everyone" }.to_owned(),
        id_token_claims: false,
        group_filter: "assigned".to_owned(),
        group_prefix: String::new(),
        claims_allowed: true,
        signals_of_all_users: false,
        session_management: false,
        last_used_at: (!number.is_multiple_of(4)).then_some(now - DAY),
        version: 0,
        grant_id: scattered(number).to_be_bytes().repeat(2),
    }
}

fn session(number: u64, now: i64) -> SessionRow {
    let created_at = now - i64::try_from(number % 3600).unwrap();
    SessionRow {
        sid: format!("{:016x}{number:08x}", scattered(number)),
        user_id: user_id(number),
        passed: format!("[{{\"method\":\"password\",\"at\":{created_at}}}]"),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
        address: address(number),
        created_at,
        last_used_at: created_at,
        expires_at: created_at + 7 * DAY,
        ended_at: None,
    }
}

fn authorization(number: u64, size: Size, now: i64) -> AuthorizationRow {
    AuthorizationRow {
        id: id_of(3, number),
        user_id: user_id(number % size.users),
        client_id: format!("app{}", number % size.clients),
        scope: "openid profile email offline_access".to_owned(),
        resources: String::new(),
        claims: None,
        refreshable: true,
        salt: scattered(number).to_be_bytes().repeat(2),
        key_version: 1,
        generation: 3,
        created_at: now - DAY,
        refreshed_at: now - 600,
        expires_at: now + 80 * DAY,
        auth_time: now - DAY,
        acr: "1".to_owned(),
        amr: "pwd".to_owned(),
        sid: None,
        offline: true,
        ended_at: None,
        grant_id: Some([scattered(number).to_be_bytes(), number.to_be_bytes()].concat()),
        grant_id_used: true,
        session_expires_at: None,
        may_use: true,
    }
}

fn address(number: u64) -> String {
    format!("10.{}.{}.{}", number % 64, number / 64 % 250, number / 16_000 % 250)
}

/// Returns an event of the trail with its personal data. Most are sign-ins, as in life; some are failures, and changes by administrators.
fn event(number: u64, size: Size, now: i64) -> (AuditRow, PersonalRow) {
    let user = user_id(scattered(number) % size.users);
    let (id, at) =
        (i64::try_from(number + 1_000_000).unwrap(), now - 90 * DAY + i64::try_from(number * 90 * 86_400 / size.events).unwrap());
    let (event, face) = match number % 20 {
        0 => ("sign_in_failed", "page"),
        1 => ("user_changed", "page"),
        2..=8 => ("authorization_given", "token"),
        _ => ("signed_in", "page"),
    };
    let is_change = event == "user_changed";
    let (before, after) = ["{\"name\":\"Before\"}", "{\"name\":\"After\"}"].map(|text| is_change.then(|| text.to_owned())).into();
    let row = AuditRow {
        id,
        at,
        event: event.to_owned(),
        actor_kind: if event == "sign_in_failed" { "stranger" } else { "user" }.to_owned(),
        actor_id: (event != "sign_in_failed").then(|| user.to_string()),
        face: face.to_owned(),
        request_id: Some(format!("{:016x}", scattered(number))),
        user_id: Some(user),
        client_id: (event == "authorization_given").then(|| format!("app{}", number % size.clients)),
        authorization_id: None,
        about: None,
        before: is_change.then(|| "{\"version\":1}".to_owned()),
        after: is_change.then(|| "{\"version\":2}".to_owned()),
        detail: "{}".to_owned(),
        times: 1,
        last_at: None,
    };
    let personal = PersonalRow {
        event_id: id,
        at,
        origin_of: Some(user),
        values_of: is_change.then_some(user),
        address: Some(address(scattered(number) % 100_000)),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned()),
        object: None,
        before,
        after,
    };
    (row, personal)
}

/// The database that is being filled.
struct Filling<'a> {
    store: Store,
    size: Size,
    hash: &'a str,
    now: i64,
    progress: ProgressBar,
}

impl Filling<'_> {
    /// Calls `write` for each batch of the numbers below `count`, each in a transaction of its own.
    async fn batches(&self, what: &'static str, count: u64, write: impl AsyncFn(&Transaction, std::ops::Range<u64>)) {
        self.progress.set_message(what);
        let mut from = 0;
        while from < count {
            let until = (from + BATCH).min(count);
            let transaction = self.store.begin().await.unwrap();
            write(&transaction, from..until).await;
            commit(transaction).await.unwrap();
            self.progress.inc(until - from);
            from = until;
        }
    }

    async fn catalogue(&self) {
        let (now, db) = (self.now, self.store.begin().await.unwrap());
        let department = AttributeRow {
            name: "department".to_owned(),
            display_name: "Department".to_owned(),
            value_type: "string".to_owned(),
            multi_valued: false,
            mutability: "admin".to_owned(),
            visibility: "user".to_owned(),
            scope: Some("profile".to_owned()),
            min: None,
            max: None,
            pattern: None,
            version: 0,
            created_at: now,
        };
        attributes::insert(&db, department).await.unwrap();
        for number in 0..ROLES {
            roles::insert(&db, &format!("role{number}"), None, false, &["orders:read".to_owned()], now).await.unwrap();
        }
        for number in 0..=GROUPS {
            let name = if number == GROUPS { "everyone".to_owned() } else { format!("team{number}") };
            let row = GroupRow {
                id: group_id(number),
                folded_name: name.clone(),
                name,
                display_name: Some(format!("Team number {number}")),
                external_id: None,
                delegated: number.is_multiple_of(2),
                is_default: number == GROUPS,
                version: 0,
                created_at: now,
            };
            groups::insert(&db, row).await.unwrap();
            groups::replace_roles(&db, group_id(number), &[format!("role{}", number % ROLES)]).await.unwrap();
        }
        commit(db).await.unwrap();
    }

    async fn users(&self, db: &Transaction, numbers: std::ops::Range<u64>) {
        let rows: Vec<UserRow> = numbers.clone().map(|number| user(number, self.hash, self.now)).collect();
        let terms = |row: &UserRow| (row.id, user_terms::of(&row.username, row.email.as_deref(), row.name.as_deref()));
        let terms: Vec<_> = rows.iter().map(terms).flat_map(|(id, terms)| terms.into_iter().map(move |term| (id, term))).collect();
        let values = |number| BTreeMap::from([("department".to_owned(), vec![format!("Department {}", number % 30)])]);
        let member = |number| [(group_id(number % GROUPS), user_id(number)), (group_id(GROUPS), user_id(number))];
        let mut inserts = Inserts::new(db);
        users::insert_all(&mut inserts, &rows.iter().collect::<Vec<_>>());
        user_terms::insert_all(&mut inserts, terms.into_iter());
        roles::give_all(&mut inserts, numbers.clone().map(|number| (user_id(number), "clerk".to_owned())));
        groups::insert_members(&mut inserts, numbers.clone().flat_map(member));
        attributes::insert_all(&mut inserts, numbers.map(|number| (user_id(number), values(number), BTreeSet::new())));
        inserts.run(db).await.unwrap();
    }

    async fn clients(&self, db: &Transaction, numbers: std::ops::Range<u64>) {
        let scopes = ["openid", "profile", "email", "offline_access"].map(str::to_owned);
        for number in numbers.clone() {
            clients::insert(db, client(number, self.now), &scopes, &[format!("https://app{number}.example")]).await.unwrap();
        }
        let secret = |number| SecretRow {
            client_id: format!("app{number}"),
            hash: format!("{:064x}", scattered(number)),
            created_at: self.now - 400 * DAY,
            expires_at: None,
            last_used_at: Some(self.now - DAY),
        };
        insert(db, numbers.clone().map(secret)).await;
        let refusal = |number: u64| RefusalRow {
            id: i64::try_from(number + 1).unwrap(),
            client_id: format!("app{}", number / 5),
            at: self.now - DAY,
            error: "invalid_redirect_uri".to_owned(),
            reason: "redirect_uri is not registered".to_owned(),
            redirect_uri: Some("https://other.example/callback".to_owned()),
        };
        insert(db, (numbers.start * 5..numbers.end * 5).map(refusal)).await;
    }

    async fn all(&self) {
        let Self { size, now, .. } = *self;
        self.catalogue().await;
        self.batches("users", size.users, async |db, numbers| self.users(db, numbers).await).await;
        self.batches("clients", size.clients, async |db, numbers| self.clients(db, numbers).await).await;
        self.batches("sessions", size.users / 10, async |db, numbers| {
            insert(db, numbers.map(|number| session(number, now))).await;
        })
        .await;
        self.batches("authorizations", size.users / 5, async |db, numbers| {
            insert(db, numbers.map(|number| authorization(number, size, now))).await;
        })
        .await;
        self.batches("events", size.events, async |db, numbers| {
            insert(db, numbers.clone().map(|number| event(number, size, now).0)).await;
            insert(db, numbers.map(|number| event(number, size, now).1)).await;
        })
        .await;
        let hours = |number: u64| ActivityRow {
            client_id: if number.is_multiple_of(21) { String::new() } else { format!("app{}", number % 21) },
            hour: now / 3600 * 3600 - i64::try_from(number / 21).unwrap() * 3600,
            kind: "sign_ins".to_owned(),
            count: 7,
        };
        self.batches("activity", 21 * 24 * 30, async |db, numbers| insert(db, numbers.map(hours)).await).await;
    }
}

/// Fills the database at `url`, which has the schema, and the users and the role `clerk` of [`crate::server::Server`]. Everybody's password
/// is that of the user `user0`.
pub fn fill(url: &str, size: Size) {
    let total = size.users + size.clients + size.users / 10 + size.users / 5 + size.events + 21 * 24 * 30;
    let style = ProgressStyle::with_template("  {msg:16} {bar:40} {percent}%  {per_sec}  {eta} left").unwrap();
    let progress = ProgressBar::new(total).with_style(style);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let url = DatabaseUrl::try_from(url.to_owned()).unwrap();
        let store = Store::connect(&url, 4).await.unwrap();
        let is_sqlite = url.sqlite_file().is_some();
        if is_sqlite {
            // The one connection that writes need not survive a crash here. A large cache keeps the pages of the indexes.
            for pragma in ["synchronous = OFF", "cache_size = -1000000", "temp_store = MEMORY"] {
                store.writer().execute_unprepared(&format!("PRAGMA {pragma}")).await.unwrap();
            }
        }
        let hash = users::row(store.reader(), "user0").await.unwrap().unwrap().password_hash.unwrap();
        let filling = Filling { store: store.clone(), size, hash: &hash, now, progress: progress.clone() };
        filling.all().await;
        if !is_sqlite {
            // The rows were given their ids. A server analyzes its tables by itself after some time.
            for table in ["audit_events", "client_refusals"] {
                let next = format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))");
                store.writer().execute_unprepared(&next).await.unwrap();
            }
        }
        drop(filling);
        store.close().await.unwrap();
    });
    progress.finish_and_clear();
}
