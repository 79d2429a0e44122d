//! Notices when the file of SQLite is removed or another one is put in its place while connections to it are open. A connection goes on with
//! the file that it opened, so that a node would answer from several databases, and lose what it writes to the one that is gone.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::store::availability::Retired;

/// The device and the number of a file.
type Identity = (u64, u64);

/// The file that the connections of this process opened.
#[derive(Debug)]
pub(super) struct SameFile {
    path: PathBuf,
    /// The file that this process saw at `path` when it last looked; `None` if it saw none.
    last: Mutex<Option<Identity>>,
    /// The connections to what was there before.
    retired: Retired,
}

impl SameFile {
    /// Notes the file at `path`, before the first connection to it is made.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), last: Mutex::new(identity(path)), retired: Retired::default() }
    }

    /// Returns whether a connection that was made `age` ago leads to the file that is at the path now. Looking costs some microseconds.
    pub(super) fn is_of(&self, age: Duration) -> bool {
        let now = identity(&self.path);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != now {
            *last = now;
            self.retired.retire_all();
            tracing::error!(file = %self.path.display(), "the file of the database was removed or replaced; this node opens what is there now");
        }
        !self.retired.has(age)
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// Other systems do not let a file be removed or replaced while it is open.
#[cfg(not(unix))]
fn identity(_: &Path) -> Option<Identity> {
    None
}
