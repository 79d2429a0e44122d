//! Settings of the connection that writes, for a command that writes many rows beside a running server. They concern SQLite alone.

use std::fs::File;
use std::io::ErrorKind;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::store::turn::{Taken, beside};
use crate::store::{Store, StoreError};

/// The memory for pages, in KiB. Otherwise SQLite keeps 2,000 KiB.
const CACHE_KIB: u32 = 16_384;

impl Store {
    /// Prepares the connection that writes for transactions that change many pages.
    ///
    /// - It keeps more pages in memory. Otherwise SQLite would write pages to the log in the middle of a transaction, and read them again
    ///   when they change once more.
    /// - It holds the lock no longer than it takes to write the log: it neither waits until the log has reached the disk, which
    ///   [`Store::sync`] does once in the end, nor moves the log into the file, which [`Store::checkpoint`] does without the lock. If
    ///   the machine loses power before, the last transactions may be missing, but each is there as a whole or not at all.
    pub async fn expect_large_writes(&self) -> Result<(), StoreError> {
        let pragmas = format!("PRAGMA cache_size = -{CACHE_KIB}; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0");
        self.on_sqlite(&pragmas).await
    }

    /// Takes the turn for one large transaction, as [`crate::store::turn`] describes. `None` on PostgreSQL, where transactions run beside each
    /// other.
    pub async fn take_turn(&self) -> Option<Taken<'_>> {
        match &self.turn {
            Some(turn) => Some(turn.take().await),
            None => None,
        }
    }

    /// Returns a number of SQLite that changes when others write. `None` on PostgreSQL.
    pub async fn foreign_writes(&self) -> Result<Option<i64>, StoreError> {
        if self.writer.get_database_backend() != DbBackend::Sqlite {
            return Ok(None);
        }
        let statement = Statement::from_string(DbBackend::Sqlite, "PRAGMA data_version");
        let rows = self.writer.query_all_raw(statement).await?;
        Ok(rows.first().map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// Moves the write-ahead log into the file, as far as nobody reads an older state. Other processes can write meanwhile.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.on_sqlite("PRAGMA wal_checkpoint(PASSIVE)").await
    }

    /// Waits until everything that was committed has reached the disk.
    pub fn sync(&self) -> Result<(), StoreError> {
        let Some(file) = &self.file else { return Ok(()) };
        let path = beside(file, "-wal");
        match File::open(&path).and_then(|log| log.sync_all()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::File { path, error }),
            _ => Ok(()),
        }
    }

    async fn on_sqlite(&self, sql: &str) -> Result<(), StoreError> {
        if self.writer.get_database_backend() == DbBackend::Sqlite {
            self.writer.execute_unprepared(sql).await?;
        }
        Ok(())
    }
}
