//! The errors of the database, sorted by what a caller can do about them.

use std::path::PathBuf;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlErr, SqlxError, SqlxPostgresError, SqlxSqliteError};

use crate::oauth::error::{Code, OAuthError};

/// An error of the database, or of the data in it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be reached, or refused a statement.
    #[error("database: {}", words(.0))]
    Database(#[source] DbErr),
    /// The database works but is busy: another process held a lock for too long, or two transactions waited for each other. The same
    /// request may succeed a moment later.
    #[error("database: it is busy; try again in a moment ({})", words(.0))]
    Busy(#[source] DbErr),
    /// No connection to the database could be made, or became free, in time.
    #[error(
        "database: no connection to it could be made, or became free, in time; check that it runs, and that no other process holds its lock ({})",
        words(.0)
    )]
    TimedOut(#[source] DbErr),
    /// The database can be read but not written: the server is a standby or was demoted, the disk is full, or the file is read-only.
    #[error(
        "database: it cannot be written; check that the server is the primary, that the disk has room, and that the file is writable ({})",
        words(.0)
    )]
    Unwritable(#[source] DbErr),
    /// The database is damaged, so that parts of it cannot be read.
    #[error("database: it is damaged; stop Signet and restore a backup, as docs/deploy.md says ({})", words(.0))]
    Damaged(#[source] DbErr),
    /// The connection was lost, or the server is stopping, starting or refuses connections.
    #[error("database: it cannot be reached; check that it runs, and database_url ({})", words(.0))]
    Away(#[source] DbErr),
    /// Between the read and the write of this command, another command added the same row, or removed a row that this command
    /// needs.
    #[error("another command changed the same data at the same moment; try again ({})", words(.0))]
    Conflict(#[source] DbErr),
    /// A text has a character that PostgreSQL cannot store, which is U+0000. No stored text has it, and none can be given it.
    #[error("text without the character U+0000 was expected; it cannot be stored ({})", words(.0))]
    Unstorable(#[source] DbErr),
    /// The server refused every connection, or did not answer.
    #[error(
        "database: no connection to PostgreSQL at {server} within {seconds} s; check that it runs, its max_connections, and database_url"
    )]
    #[expect(missing_docs, reason = "the names say it")]
    Unreachable { server: String, seconds: u64 },
    /// The server has no database of this name.
    #[error("database: PostgreSQL at {server} has no database {name}; create it there first, for example with `createdb {name}`")]
    #[expect(missing_docs, reason = "the names say it")]
    NoDatabase { server: String, name: String },
    /// The schema is newer than this program.
    #[error("database: its schema is newer than this version of Signet; use the version that migrated it, or a later one")]
    NewerSchema,
    /// The SQLite file cannot be opened.
    #[error("database {path}: expected a file in a folder that exists, which this user may read and write; {error}")]
    #[expect(missing_docs, reason = "the names say it")]
    File { path: PathBuf, error: std::io::Error },
    /// A stored value cannot be read, or a query gave no answer.
    #[error("database: {0}")]
    Corrupt(String),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_)) => Self::Conflict(error),
            _ if is_pool_timeout(&error) => Self::TimedOut(error),
            _ if code(&error) == Some(DatabaseCode::Postgres(UNSTORABLE.to_owned())) => Self::Unstorable(error),
            _ if is_busy(&error) => Self::Busy(error),
            _ if is_unwritable(&error) => Self::Unwritable(error),
            _ if is_away(&error) => Self::Away(error),
            _ if is_damaged(&error) => Self::Damaged(error),
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    /// Returns the same error for another request, if it concerns the whole database and may pass. `None` if it concerns one statement.
    pub(super) fn of_all(&self) -> Option<Self> {
        match self {
            Self::Busy(error) => Some(Self::Busy(error.clone())),
            Self::TimedOut(error) => Some(Self::TimedOut(error.clone())),
            Self::Unwritable(error) => Some(Self::Unwritable(error.clone())),
            Self::Away(error) => Some(Self::Away(error.clone())),
            Self::Damaged(error) => Some(Self::Damaged(error.clone())),
            _ => None,
        }
    }

    /// Says in a few words, which anybody may read, what is wrong with the database.
    pub fn reason(&self) -> &'static str {
        let code = match self {
            Self::Unwritable(error) | Self::Away(error) => code(error),
            Self::Busy(_) => return "it is busy, or another process holds its lock",
            Self::TimedOut(_) => return "it cannot be reached, or answers too slowly",
            Self::Unreachable { .. } => return "it cannot be reached",
            Self::Damaged(_) => return "it is damaged",
            _ => return "it failed; the log says why",
        };
        match (self, code) {
            (_, Some(DatabaseCode::Sqlite(SQLITE_FULL))) => "its disk is full",
            (_, Some(DatabaseCode::Postgres(code))) if code == DISK_FULL => "its disk is full",
            (_, Some(DatabaseCode::Sqlite(SQLITE_READONLY))) => "its file is read-only",
            (_, Some(DatabaseCode::Postgres(code))) if code == READ_ONLY => "its server is read-only",
            (Self::Unwritable(_), _) => "it cannot be written",
            _ => "it cannot be reached",
        }
    }
}

/// Every storage error becomes a 5xx answer, so that no token is given and no success is reported that the database did not store. Only a text
/// that cannot be stored is a fault of the request.
impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy(_) => Self { source: Some(error.into()), ..Self::new(Code::Busy, "the server is busy; try again") },
            StoreError::TimedOut(_)
            | StoreError::Unwritable(_)
            | StoreError::Away(_)
            | StoreError::Damaged(_)
            | StoreError::Unreachable { .. } => Self::unavailable(error),
            StoreError::Unstorable(_) => {
                let text = "the request: expected text without the character U+0000";
                Self { source: Some(error.into()), ..Self::invalid_request(text) }
            }
            _ => Self::server_error(error),
        }
    }
}

/// The error code that SQLite or PostgreSQL returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DatabaseCode {
    /// The primary result code of SQLite, <https://www.sqlite.org/rescode.html>. The extended codes of one primary code share
    /// its last byte.
    Sqlite(u8),
    /// The SQLSTATE of PostgreSQL, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    Postgres(String),
}

/// Returns the code with which the database refused a statement or a connection. `None` if the error came from elsewhere, for
/// example from the pool of connections.
pub(super) fn code(error: &DbErr) -> Option<DatabaseCode> {
    let SqlxError::Database(error) = driver_error(error)? else { return None };
    let code = error.code()?;
    if error.try_downcast_ref::<SqlxSqliteError>().is_some() {
        let [primary, ..] = code.parse::<i32>().ok()?.to_le_bytes();
        return Some(DatabaseCode::Sqlite(primary));
    }
    error.try_downcast_ref::<SqlxPostgresError>().map(|_| DatabaseCode::Postgres(code.into_owned()))
}

/// Returns `error` in words for people. An error of PostgreSQL is only its message here, because its `Display` names a line of the source
/// code of PostgreSQL; a log line that has the field `cause` shows that too.
fn words(error: &DbErr) -> String {
    match driver_error(error) {
        Some(SqlxError::Database(refused)) => match refused.try_downcast_ref::<SqlxPostgresError>() {
            Some(refused) => refused.message().to_owned(),
            None => error.to_string(),
        },
        _ => error.to_string(),
    }
}

fn driver_error(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// Returns whether `error` says that no connection became free in time.
pub(super) fn is_pool_timeout(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) || matches!(driver_error(error), Some(SqlxError::PoolTimedOut))
}

/// SQLITE_READONLY and SQLITE_FULL, result codes of SQLite.
const SQLITE_READONLY: u8 = 8;
const SQLITE_FULL: u8 = 13;
/// SQLSTATEs of PostgreSQL: read_only_sql_transaction and disk_full.
const READ_ONLY: &str = "25006";
const DISK_FULL: &str = "53100";
/// The SQLSTATE of PostgreSQL that is called character_not_in_repertoire.
const UNSTORABLE: &str = "22021";

/// Returns whether the server has no database of the name that the URL gives.
pub(super) fn is_missing(error: &DbErr) -> bool {
    /// The SQLSTATE of PostgreSQL that is called invalid_catalog_name.
    const POSTGRES: &str = "3D000";
    matches!(code(error), Some(DatabaseCode::Postgres(code)) if code == POSTGRES)
}

/// Returns whether the database refuses to write, or cannot.
fn is_unwritable(error: &DbErr) -> bool {
    /// SQLITE_PERM and SQLITE_IOERR, which a full file system causes too, and SQLITE_CANTOPEN.
    const SQLITE: [u8; 5] = [3, SQLITE_READONLY, 10, SQLITE_FULL, 14];
    match code(error) {
        Some(DatabaseCode::Sqlite(code)) => SQLITE.contains(&code),
        // Class 53 is "insufficient resources", such as memory, and class 58 "system error", such as io_error.
        Some(DatabaseCode::Postgres(code)) => code == READ_ONLY || code.starts_with("53") || code.starts_with("58"),
        None => false,
    }
}

/// Returns whether the connection was lost or could not be made, or this process has closed its connections because it ends.
fn is_away(error: &DbErr) -> bool {
    /// object_not_in_prerequisite_state, with which a server refuses connections to a database that takes none; invalid_catalog_name, of a
    /// database that was removed or renamed; idle_in_transaction_session_timeout and transaction_timeout, which end a connection.
    const POSTGRES: [&str; 4] = ["55000", "3D000", "25P03", "25P04"];
    /// Class 08 is "connection exception", class 28 "invalid authorization specification", such as a changed password, and 57P "operator
    /// intervention" that ends connections, such as admin_shutdown and cannot_connect_now.
    const CLASSES: [&str; 3] = ["08", "28", "57P"];
    match code(error) {
        Some(DatabaseCode::Postgres(code)) => POSTGRES.contains(&code.as_str()) || CLASSES.iter().any(|class| code.starts_with(class)),
        Some(DatabaseCode::Sqlite(_)) => false,
        None => {
            matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))
                || matches!(
                    driver_error(error),
                    Some(SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_) | SqlxError::PoolClosed | SqlxError::WorkerCrashed)
                )
        }
    }
}

/// Returns whether the database found that its own file or pages are damaged, or no database at all.
fn is_damaged(error: &DbErr) -> bool {
    /// SQLITE_CORRUPT and SQLITE_NOTADB.
    const SQLITE: [u8; 2] = [11, 26];
    /// data_corrupted and index_corrupted.
    const POSTGRES: [&str; 2] = ["XX001", "XX002"];
    match code(error) {
        Some(DatabaseCode::Sqlite(code)) => SQLITE.contains(&code),
        Some(DatabaseCode::Postgres(code)) => POSTGRES.contains(&code.as_str()),
        None => false,
    }
}

/// Returns whether the same statement may succeed a moment later, because the database is busy or was not reached in time.
pub(super) fn is_busy(error: &DbErr) -> bool {
    /// SQLITE_BUSY: another process holds the lock. SQLITE_LOCKED: another connection of this process does.
    const SQLITE: [u8; 2] = [5, 6];
    /// lock_not_available, query_canceled (by the statement timeout), too_many_connections, deadlock_detected, serialization_failure.
    const POSTGRES: [&str; 5] = ["55P03", "57014", "53300", "40P01", "40001"];
    is_pool_timeout(error)
        || match code(error) {
            Some(DatabaseCode::Sqlite(code)) => SQLITE.contains(&code),
            Some(DatabaseCode::Postgres(code)) => POSTGRES.contains(&code.as_str()),
            None => false,
        }
}
