//! Connects to SQLite or PostgreSQL, with time-outs and a fixed number of connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::Connection;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnAcquireErr, ConnectOptions, Database, DatabaseConnection, DbErr};
use tokio::time::timeout;

use crate::config::database_url::DatabaseUrl;
use crate::store::StoreError;
use crate::store::availability::{Retired, STATEMENT_TIMEOUT};
use crate::store::error::{is_busy, is_missing, is_pool_timeout};
use crate::store::private_file::open_private;
use crate::store::same_file::SameFile;
use crate::store::turn::Turn;

/// The longest time that a request waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// PostgreSQL ends a transaction that sends no statement for this long, so that none stays open when its node hangs.
const IDLE_TIMEOUT: &str = "5s";
/// The longest time that SQLite waits for a lock of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause between two tries of [`persist`].
const PAUSE: Duration = Duration::from_millis(10);
const SQLITE_READERS: u32 = 4;
/// The pages that a connection to SQLite keeps, in KiB (the minus sign says that it is no number of pages). It keeps 2 MiB unless told, which
/// makes 10 MiB for all. The system keeps the pages of the file, too, so that fewer of our own cost next to nothing.
const SQLITE_CACHE: &str = "-512";
const POSTGRES_CONNECTIONS: u32 = 16;
/// A connection to PostgreSQL that was idle for this long is tested before it is used.
const TESTED_AFTER: Duration = Duration::from_secs(1);
/// The longest time that such a test may take.
const MOST_FOR_TEST: Duration = Duration::from_secs(1);

/// The connections that read and the one that writes. On PostgreSQL both are the same pool.
pub(super) struct Connections {
    pub(super) reader: DatabaseConnection,
    pub(super) writer: DatabaseConnection,
    /// The turn among the processes that write SQLite; `None` on PostgreSQL, and where its file belongs to another user.
    pub(super) turn: Option<Arc<Turn>>,
    /// The SQLite file, by its path without links; `None` on PostgreSQL.
    pub(super) file: Option<PathBuf>,
}

/// Connects to `url`. Creates the SQLite file if it does not exist. A connection to PostgreSQL that is among `retired` is replaced. No more
/// connections read SQLite than the process serves at once (`served`).
pub(super) async fn connect(url: &DatabaseUrl, served: usize, retired: &Arc<Retired>) -> Result<Connections, StoreError> {
    let mut options = ConnectOptions::new(url.expose());
    options.sqlx_logging(false).connect_timeout(ACQUIRE_TIMEOUT).acquire_timeout(ACQUIRE_TIMEOUT);
    // A connection is replaced when it fails, not after a time. So sqlx starts no task that looks after idle connections: that task may count
    // less than none of them, and then never ends (https://github.com/transact-rs/sqlx/issues/3645).
    options.idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
    match url.sqlite_file() {
        Some(file) => sqlite(options, file, SQLITE_READERS.min(u32::try_from(served.max(1)).unwrap_or(SQLITE_READERS))).await,
        None => postgres(options, url, Arc::clone(retired)).await,
    }
}

async fn sqlite(mut options: ConnectOptions, file: &Path, readers: u32) -> Result<Connections, StoreError> {
    open_private(file)?;
    // SQLite puts its other files beside the file itself, not beside a link to it. So do we.
    let file = file.canonicalize().map_err(|error| StoreError::File { path: file.to_owned(), error })?;
    options.test_before_acquire(false);
    let open = |options: &ConnectOptions, reads_only: bool| {
        let (mut options, file) = (options.clone(), file.clone());
        options.map_sqlx_sqlite_opts(move |sqlite| {
            let sqlite = sqlite
                // Open the file whose mode was set above, even if the driver would read the URL differently.
                .filename(&file)
                // The file was made above. One that is removed later is not made anew, because that would be another database.
                .create_if_missing(false)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT)
                .pragma("cache_size", SQLITE_CACHE);
            // SQLite refuses writes on these connections, so that a write that is sent to a reader by mistake fails in its first
            // test.
            if reads_only { sqlite.pragma("query_only", "ON") } else { sqlite }
        });
        // Try again while SQLite is busy: another process may be switching the new file to write-ahead logging, and SQLite does not
        // wait for that.
        async move { persist(|| Database::connect(options.clone()), is_busy).await }
    };
    let same = Arc::new(SameFile::of(&file));
    let turn = Turn::of(&file).map(Arc::new);
    let mut one = options.clone();
    one.max_connections(1).min_connections(1);
    // `false` closes the connection, and the pool opens another one. That is done, too, where a transaction did not end. SQLite rolls a
    // transaction back by itself if the disk is full or fails; the driver's own ROLLBACK fails then, so that the driver takes it for open, and
    // would make every later transaction a part of it that is never committed.
    let (of_writer, entered) = (Arc::clone(&same), turn.clone());
    one.map_sqlx_sqlite_before_acquire(move |sqlite, connection| {
        let (is_good, turn) = (of_writer.is_of(connection.age) && !sqlite.is_in_transaction(), entered.clone());
        Box::pin(async move {
            if let Some(turn) = turn.filter(|_| is_good) {
                turn.enter().await;
            }
            Ok(is_good)
        })
    });
    options.map_sqlx_sqlite_before_acquire(move |_, connection| {
        let is_good = same.is_of(connection.age);
        Box::pin(async move { Ok(is_good) })
    });
    if let Some(turn) = turn.clone() {
        one.map_sqlx_sqlite_pool_opts(move |pool| {
            let turn = Arc::clone(&turn);
            pool.after_release(move |_, _| {
                turn.leave();
                Box::pin(async { Ok(true) })
            })
        });
    }
    let writer = open(&one, false).await?;
    let reader = open(options.max_connections(readers), true).await?;
    Ok(Connections { reader, writer, turn, file: Some(file) })
}

async fn postgres(mut options: ConnectOptions, url: &DatabaseUrl, retired: Arc<Retired>) -> Result<Connections, StoreError> {
    options.max_connections(POSTGRES_CONNECTIONS).statement_timeout(STATEMENT_TIMEOUT).test_before_acquire(false);
    // The pool tries again until the time-out, because a server that refuses connections may be starting.
    let in_words = |error| {
        if is_pool_timeout(&error) {
            StoreError::Unreachable { server: url.server(), seconds: ACQUIRE_TIMEOUT.as_secs() }
        } else if is_missing(&error) {
            StoreError::NoDatabase { server: url.server(), name: url.database() }
        } else {
            error.into()
        }
    };
    options.map_sqlx_postgres_opts(|options| with_address(options).options([("idle_in_transaction_session_timeout", IDLE_TIMEOUT)]));
    // `false` closes the connection, and the pool takes another one. Where a connection is released the pool asks the server for an answer next,
    // which would never come from one that hangs.
    let released = Arc::clone(&retired);
    options.map_sqlx_postgres_before_acquire(move |postgres, connection| {
        let is_retired = retired.has(connection.age);
        Box::pin(async move {
            // Test only connections that were idle, because they may have died in an outage. One that was used a moment ago is alive.
            let is_tested = !is_retired && connection.idle_for >= TESTED_AFTER;
            Ok(!is_retired && (!is_tested || timeout(MOST_FOR_TEST, postgres.ping()).await.is_ok_and(|answer| answer.is_ok())))
        })
    });
    options.map_sqlx_postgres_pool_opts(move |pool| {
        let retired = Arc::clone(&released);
        pool.after_release(move |_, connection| {
            let is_good = !retired.has(connection.age);
            Box::pin(async move { Ok(is_good) })
        })
    });
    let pool = Database::connect(options).await.map_err(in_words)?;
    Ok(Connections { reader: pool.clone(), writer: pool, turn: None, file: None })
}

/// Takes the brackets off an IPv6 address. The driver would ask for the name of a host that includes them.
fn with_address(options: PgConnectOptions) -> PgConnectOptions {
    match options.get_host().strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::to_owned) {
        Some(address) => options.host(&address),
        None => options,
    }
}

/// Repeats `attempt` until it succeeds, until it fails with an error for which `passes` returns `false`, or until [`BUSY_TIMEOUT`]
/// is over.
pub(super) async fn persist<T, F>(mut attempt: impl FnMut() -> F, passes: impl Fn(&DbErr) -> bool) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, DbErr>>,
{
    let mut last = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
    let tries = async {
        // Made after the first failure, because even a timer that is due at once costs a millisecond.
        let mut pause = None;
        loop {
            match attempt().await {
                Err(error) if passes(&error) => last = error,
                done => return done,
            }
            pause.get_or_insert_with(|| tokio::time::interval(PAUSE)).tick().await;
        }
    };
    match tokio::time::timeout(BUSY_TIMEOUT, tries).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(last.into()),
    }
}
