//! Says which users of the machine a file's mode lets read it.

use std::io;
use std::path::Path;

/// The users of the machine that may read a file or look into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Only the owner may.
    Owner,
    /// The owner and a group may. The process belongs to the group, as where Kubernetes mounts a volume with `fsGroup`.
    OwnGroup(u32),
    /// Others may, or a group to which the process does not belong.
    Others,
}

/// Returns the mode of the file, with the users that it lets read.
#[cfg(unix)]
pub fn readers(path: &Path) -> io::Result<(u32, Readers)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path)?;
    let (mode, group) = (metadata.mode() & 0o7777, metadata.gid());
    let readers = match (mode & 0o070, mode & 0o007) {
        (0, 0) => Readers::Owner,
        (_, 0) if is_own(group) => Readers::OwnGroup(group),
        _ => Readers::Others,
    };
    Ok((mode, readers))
}

/// Returns whether this process belongs to `group`.
#[cfg(unix)]
fn is_own(group: u32) -> bool {
    use rustix::process::{getegid, getgroups};
    getegid().as_raw() == group || getgroups().is_ok_and(|groups| groups.iter().any(|own| own.as_raw() == group))
}

/// Other systems have no modes, so nothing can be said against a file there.
#[cfg(not(unix))]
pub fn readers(path: &Path) -> io::Result<(u32, Readers)> {
    std::fs::metadata(path).map(|_| (0, Readers::Owner))
}
