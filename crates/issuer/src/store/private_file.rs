//! Files that only their owner can open.

use std::fs::{File, OpenOptions};
use std::io;
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

/// Sets the mode of `file` to 0600 if others could open it. Fails if it belongs to another user.
#[cfg(unix)]
pub(super) fn narrow(file: &File) -> io::Result<()> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { file.set_permissions(Permissions::from_mode(0o600)) }
}

/// Other systems have no modes, so nothing is done there.
#[cfg(not(unix))]
pub(super) fn narrow(_: &File) -> io::Result<()> {
    Ok(())
}
