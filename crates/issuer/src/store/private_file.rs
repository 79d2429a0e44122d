//! Files that only their owner can open.

use std::fs::{File, OpenOptions};
use std::path::Path;

use crate::store::StoreError;

/// Opens the file, and creates it with mode 0600 if it does not exist, because it holds password hashes. SQLite gives its other files the same
/// mode.
pub(super) fn open_private(file: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let made = options.write(true).create(true).truncate(false).open(file);
    made.map_err(|error| StoreError::File { path: file.to_owned(), error })
}
