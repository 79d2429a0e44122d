//! The database: SQLite on one machine, PostgreSQL beyond it. The only place that knows SeaORM.
//!
//! Queries are plain functions over `&impl ConnectionTrait`. Every decision that must hold rests on the number of rows
//! that a statement changed, never on what an earlier one read.

pub mod attempts;
pub mod audit_events;
pub mod authorizations;
mod batch;
pub mod browsers;
pub mod clients;
pub mod codes;
pub mod consents;
mod entity;
pub mod registration;
pub mod requests;
pub mod resources;
pub mod roles;
pub mod schema;
pub mod sessions;
pub mod signing_keys;
pub mod users;

/// What queries run on: a connection or a transaction.
pub use sea_orm::ConnectionTrait;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, RuntimeErr, SqlErr,
    SqliteTransactionMode, SqlxError, Statement, TransactionOptions, TransactionTrait, TryGetable, Value,
};
use uuid::Uuid;

use crate::config::database_url::DatabaseUrl;
use crate::oauth::error::OAuthError;
use authorizations::{Advance, AuthorizationRow};
use batch::Batcher;
use clients::Client;
use users::User;

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a SQLite writer waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const SQLITE_READERS: u32 = 4;
const SQLITE_CONNECT_TRIES: u32 = 500;
const POSTGRES_CONNECTIONS: u32 = 16;

/// A failure of the database, or of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be reached, or refused a statement.
    #[error("database: {0}")]
    Database(DbErr),
    /// Somebody else added the same, or removed what this needs, between a look and the write.
    #[error("another command changed the same at this moment; try again ({0})")]
    Conflict(DbErr),
    /// The server refused every connection, or said nothing.
    #[error("database: no connection to PostgreSQL at {0} within {seconds} s; is it running, has it connections left, and is database_url right?", seconds = ACQUIRE_TIMEOUT.as_secs())]
    Unreachable(String),
    /// The schema is newer than this program.
    #[error("database: its schema is newer than this version of Signet; use the version that migrated it, or a later one")]
    NewerSchema,
    /// The SQLite file cannot be opened.
    #[error("database {path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// What the database holds does not make sense.
    #[error("database: {0}")]
    Corrupt(String),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_)) => Self::Conflict(error),
            _ => Self::Database(error),
        }
    }
}

/// A storage error fails the request: it never becomes a token, nor a success that did not happen.
impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        Self::server_error(error)
    }
}

/// A write transaction.
pub type Transaction = DatabaseTransaction;

/// Connections to the database: on SQLite one that writes and several that read, on PostgreSQL one pool.
#[derive(Debug, Clone)]
pub struct Store {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    clients: Batcher<String, Option<Client>>,
    authorizations: Batcher<Uuid, Option<(AuthorizationRow, User)>>,
    advances: Batcher<Advance, bool>,
}

impl Store {
    /// Connects to `url`; a SQLite file is made if it does not exist.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let mut options = ConnectOptions::new(url.expose());
        options.sqlx_logging(false).connect_timeout(ACQUIRE_TIMEOUT).acquire_timeout(ACQUIRE_TIMEOUT);
        if let Some(file) = url.sqlite_file() {
            make_private(file)?;
            let file = file.to_owned();
            options.test_before_acquire(false).map_sqlx_sqlite_opts(move |sqlite| {
                sqlite
                    // The very file that was made private, however the driver reads the URL.
                    .filename(&file)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(BUSY_TIMEOUT)
            });
            let writer = connect_sqlite(options.clone().max_connections(1).min_connections(1).clone()).await?;
            let reader = connect_sqlite(options.max_connections(SQLITE_READERS).clone()).await?;
            Ok(Self::new(reader, writer))
        } else {
            options
                .max_connections(POSTGRES_CONNECTIONS)
                .statement_timeout(STATEMENT_TIMEOUT)
                // A connection that was busy a moment ago is alive; one that idled through an outage may not be.
                .test_before_acquire_if_idle_for(Duration::from_secs(1));
            let pool = Database::connect(options).await.map_err(|error| match error {
                // What refuses connections may be just starting, so the pool tries again until the time is up.
                DbErr::Conn(RuntimeErr::SqlxError(cause)) if matches!(*cause, SqlxError::PoolTimedOut) => {
                    StoreError::Unreachable(url.server())
                }
                error => error.into(),
            })?;
            Ok(Self::new(pool.clone(), pool))
        }
    }

    fn new(reader: DatabaseConnection, writer: DatabaseConnection) -> Self {
        let (clients, users, advances) = (reader.clone(), reader.clone(), writer.clone());
        Self {
            reader,
            writer,
            clients: Batcher::start(move |ids| clients::by_ids(clients.clone(), ids)),
            authorizations: Batcher::start(move |ids| authorizations::with_users(users.clone(), ids)),
            advances: Batcher::start(move |steps| authorizations::advance(advances.clone(), steps)),
        }
    }

    /// The client `id`.
    pub async fn client(&self, id: &str) -> Result<Option<Client>, StoreError> {
        if !clients::can_be_id(id) {
            return Ok(None);
        }
        self.clients.ask(id.to_owned()).await
    }

    /// The authorization `id` with its user.
    pub async fn authorization(&self, id: Uuid) -> Result<Option<(AuthorizationRow, User)>, StoreError> {
        self.authorizations.ask(id).await
    }

    /// Advances an authorization, as a transaction of its own. False if it was not as `step` says, or another request
    /// was first.
    pub async fn advance(&self, step: Advance) -> Result<bool, StoreError> {
        self.advances.ask(step).await
    }

    /// Where to read.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Where a single statement writes, as a transaction of its own.
    pub fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Begins a write transaction. On SQLite it takes the write lock at once: one that reads first and writes later
    /// fails with "database is locked" whenever another has written between.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where transactions begin")]
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let options = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
        Ok(self.writer.begin_with_options(options).await?)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.reader.ping().await?)
    }

    /// Closes all connections. On SQLite this also folds the write-ahead log into the file.
    pub async fn close(self) -> Result<(), StoreError> {
        self.reader.close_by_ref().await?;
        Ok(self.writer.close_by_ref().await?)
    }
}

/// Connects, again where another process is just turning the new file to write-ahead logging: SQLite does not wait for that.
async fn connect_sqlite(options: ConnectOptions) -> Result<DatabaseConnection, StoreError> {
    let mut tries = 1;
    loop {
        match Database::connect(options.clone()).await {
            Err(error) if tries < SQLITE_CONNECT_TRIES && error.to_string().contains("database is locked") => tries += 1,
            connected => return Ok(connected?),
        }
    }
}

/// Makes the file if it is not there, for its owner alone: it holds password hashes. SQLite gives its other files the same mode.
fn make_private(file: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let made = options.write(true).create(true).truncate(false).open(file);
    made.map(|_| ()).map_err(|error| StoreError::File { path: file.to_owned(), error })
}

/// Commits `transaction`.
pub async fn commit(transaction: Transaction) -> Result<(), StoreError> {
    Ok(transaction.commit().await?)
}

/// Ends a SELECT whose rows no other transaction may change before this one ends: `FOR` and `what`. SQLite has but one
/// writer, and no word for it.
fn locked(db: &impl ConnectionTrait, what: &str) -> String {
    match db.get_database_backend() {
        DbBackend::Postgres => format!(" FOR {what}"),
        _ => String::new(),
    }
}

/// The columns of one row, read in the order in which the query names them: quicker than by their names.
struct Columns<'r> {
    row: &'r QueryResult,
    next: usize,
}

impl<'r> Columns<'r> {
    fn of(row: &'r QueryResult) -> Self {
        Self { row, next: 0 }
    }

    fn take<T: TryGetable>(&mut self) -> Result<T, StoreError> {
        self.next += 1;
        Ok(self.row.try_get_by_index(self.next - 1)?)
    }
}

/// Runs one statement; gives the number of rows that it changed.
async fn execute(db: &impl ConnectionTrait, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<u64, StoreError> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}

async fn query_one(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<QueryResult>, StoreError> {
    Ok(db.query_one_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?)
}

async fn query_all(db: &impl ConnectionTrait, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<Vec<QueryResult>, StoreError> {
    Ok(db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?)
}
