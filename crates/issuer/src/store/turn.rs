//! Lets a command that writes large transactions share SQLite with a running server. SQLite has one writer at a time, and a connection that
//! waits for it sleeps between its tries, up to 100 ms in the end. So the command locks a file beside the database (flock) during each of
//! its transactions, and every other process locks it together with the others while it writes, so that nobody comes to wait in SQLite. Whoever
//! does not get the lock tries again each millisecond.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::store::StoreError;
use crate::store::private_file::{narrow, open_private};

/// The time between two tries.
const PAUSE: Duration = Duration::from_millis(1);
/// The longest wait, some five times as long as a turn. After it SQLite waits by itself, if there is anything to wait for: a command that hangs
/// in its turn without a transaction holds up each write by no more than this.
const LONGEST: Duration = Duration::from_millis(250);

/// The turn of this process among those that write the same database.
#[derive(Debug)]
pub(super) struct Turn {
    /// Nobody but the owner of the database can open it, so that no other user of the machine can hold up the server.
    file: File,
    /// `true` while this process holds the lock.
    taken: AtomicBool,
}

/// A turn that was taken. It ends when this value is dropped.
#[derive(Debug)]
pub struct Taken<'t>(&'t Turn);

impl Turn {
    /// Opens the file beside the SQLite file `database`, whose name ends with `-turn`. It stays empty. `None` if another user has made it, such
    /// as root by a command: then this process takes part in no turns, and SQLite keeps one of two that write waiting.
    ///
    /// `database` is the path of the file itself, without links, so that all processes share one turn, however they name the database.
    pub(super) fn of(database: &Path) -> Option<Self> {
        match open(beside(database, "-turn")) {
            Ok(file) => Some(Self { file, taken: AtomicBool::new(false) }),
            Err(error) => {
                tracing::warn!(%error, "writes wait longer while users are imported; remove the file, and it is made again");
                None
            }
        }
    }

    /// Waits until no other process has taken the turn, and keeps others from taking it until [`Turn::leave`].
    pub(super) async fn enter(&self) {
        if !self.taken.load(Ordering::Acquire) {
            persist(|| self.file.try_lock_shared()).await;
        }
    }

    /// Lets others take the turn. If a connection is closed because it failed, this is not called, and they go on after [`LONGEST`].
    pub(super) fn leave(&self) {
        if !self.taken.load(Ordering::Acquire) {
            // Where a file system has no locks, there is none to release.
            let _ = self.file.unlock();
        }
    }

    /// Takes the turn as soon as no other process has it or writes. If that takes too long, it goes on without the lock: SQLite keeps one of the two
    /// waiting.
    pub(super) async fn take(&self) -> Taken<'_> {
        persist(|| self.file.try_lock()).await;
        self.taken.store(true, Ordering::Release);
        Taken(self)
    }
}

/// Returns the path of the file beside `database` whose name ends with `suffix`.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens the file of the turns. An earlier program, or a copy of the folder, may have made it with a mode that lets others lock it.
fn open(path: PathBuf) -> Result<File, StoreError> {
    let file = open_private(&path)?;
    narrow(&file).map_err(|error| StoreError::File { path, error })?;
    Ok(file)
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let Self(turn) = self;
        // The system releases the lock of a process that has ended.
        let _ = turn.file.unlock();
        turn.taken.store(false, Ordering::Release);
    }
}

/// Repeats `attempt` until another process has no lock that forbids it. Where a file system has no locks, nobody waits.
async fn persist(attempt: impl Fn() -> Result<(), TryLockError>) {
    if !matches!(attempt(), Err(TryLockError::WouldBlock)) {
        return;
    }
    let tries = async {
        let mut pause = tokio::time::interval(PAUSE);
        while let Err(TryLockError::WouldBlock) = attempt() {
            pause.tick().await;
        }
    };
    let _ = tokio::time::timeout(LONGEST, tries).await;
}
