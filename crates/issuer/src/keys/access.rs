//! Says which users of the machine a file's mode lets read it, and keeps others out of a folder of this process.

use std::io;
use std::path::Path;

/// The bit of a folder's mode that lets only the owner of a file replace it.
pub const STICKY: u32 = 0o1000;

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

/// Returns whether the file or folder belongs to the user as whom this process runs, so that the process may change its mode.
#[cfg(unix)]
pub fn is_ours(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata(path)?.uid() == rustix::process::geteuid().as_raw())
}

/// Other systems have no modes that could be changed.
#[cfg(not(unix))]
pub fn is_ours(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Sets the mode of `folder` to 0700 if others may look into it, and returns the mode that it had. Returns `None` and changes nothing if only
/// the owner and a group of this process may, as in volumes of Kubernetes, if the folder is not ours, if it is sticky, or if it holds a file
/// for which `is_own` returns `false`, because others may need that one.
#[cfg(unix)]
pub fn narrow(folder: &Path, is_own: impl Fn(&str) -> bool) -> io::Result<Option<u32>> {
    use std::fs::{Permissions, read_dir, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let (mode, readers) = readers(folder)?;
    if readers != Readers::Others || mode & STICKY != 0 || !is_ours(folder)? {
        return Ok(None);
    }
    for entry in read_dir(folder)? {
        if !entry?.file_name().to_str().is_some_and(&is_own) {
            return Ok(None);
        }
    }
    set_permissions(folder, Permissions::from_mode(0o700))?;
    Ok(Some(mode))
}

/// Other systems have no modes, so nothing is done there.
#[cfg(not(unix))]
pub fn narrow(_: &Path, _: impl Fn(&str) -> bool) -> io::Result<Option<u32>> {
    Ok(None)
}
