//! The errors of the database, sorted by what a caller can do about them.

use std::path::PathBuf;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlErr, SqlxError, SqlxPostgresError, SqlxSqliteError};

use crate::oauth::error::{Code, OAuthError};

/// An error of the database, or of the data in it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be reached, or refused a statement.
    #[error("database: {0}")]
    Database(DbErr),
    /// The database works but is busy: all its connections are in use, or another process held a lock for too long. The same
    /// request may succeed a moment later.
    #[error("database: it is busy; try again in a moment ({0})")]
    Busy(DbErr),
    /// Between the read and the write of this command, another command added the same row, or removed a row that this command
    /// needs.
    #[error("another command changed the same data at the same moment; try again ({0})")]
    Conflict(DbErr),
    /// The server refused every connection, or did not answer.
    #[error(
        "database: no connection to PostgreSQL at {server} within {seconds} s; check that it runs, its max_connections, and database_url"
    )]
    #[expect(missing_docs, reason = "the names say it")]
    Unreachable { server: String, seconds: u64 },
    /// The schema is newer than this program.
    #[error("database: its schema is newer than this version of Signet; use the version that migrated it, or a later one")]
    NewerSchema,
    /// The SQLite file cannot be opened.
    #[error("database {path}: {error}")]
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
            _ if is_busy(&error) => Self::Busy(error),
            _ => Self::Database(error),
        }
    }
}

/// Every storage error becomes a 5xx answer, so that no token is given and no success is reported that the database did not store.
impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy(_) => Self { source: Some(error.into()), ..Self::new(Code::Busy, "the server is busy; try again") },
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

/// Returns whether the same statement may succeed a moment later.
pub(super) fn is_busy(error: &DbErr) -> bool {
    /// SQLITE_BUSY: another process holds the lock. SQLITE_LOCKED: another connection of this process does.
    const SQLITE: [u8; 2] = [5, 6];
    /// lock_not_available, query_canceled (by the statement timeout), too_many_connections.
    const POSTGRES: [&str; 3] = ["55P03", "57014", "53300"];
    is_pool_timeout(error)
        || match code(error) {
            Some(DatabaseCode::Sqlite(code)) => SQLITE.contains(&code),
            Some(DatabaseCode::Postgres(code)) => POSTGRES.contains(&code.as_str()),
            None => false,
        }
}
