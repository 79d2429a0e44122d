//! The checks of the files that hold secrets: the master key, its folder, and the SQLite database.

use std::path::Path;

use crate::admin::checks::Finding;
use crate::config::Settings;
use crate::keys::access::{Readers, STICKY, is_ours, readers};
use crate::keys::master;

/// Checks the access to each file that exists.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let key = master::file(&settings.keys_dir);
    let findings = [
        check_folder(&settings.keys_dir),
        check_file("master key", &key),
        settings.database_url.sqlite_file().and_then(|file| check_file("database file", file)),
    ];
    findings.into_iter().flatten().collect()
}

/// Reports a file that others than its owner may read. `None` if only the owner may, or if there is no such file yet.
fn check_file(check: &'static str, file: &Path) -> Option<Finding> {
    let (mode, readers) = readers(file).ok()?;
    let path = file.display();
    match readers {
        Readers::Owner => None,
        Readers::OwnGroup(group) => Some(Finding::good(
            check,
            format!(
                "{path} has mode {mode:04o}, so the group {group}, to which this process belongs, can read it; that is how Kubernetes mounts \
                 volumes with fsGroup. Elsewhere, `chmod 600` it unless the group has no other members"
            ),
        )),
        Readers::Others => {
            let detail = format!("{path} has mode {mode:04o}, so other users of this machine can read it; `chmod 600` it");
            Some(Finding::bad(check, detail))
        }
    }
}

/// Reports a folder into which others may look, or in which they could put another file in the place of the master key.
fn check_folder(folder: &Path) -> Option<Finding> {
    let (mode, readers) = readers(folder).ok()?;
    let path = folder.display();
    // A folder's mode lets others list its files, or only open those whose names they know. That of the master key is known.
    let read = if readers == Readers::Others { 0o044 } else { 0o040 };
    let do_what = if mode & read == 0 { "can reach a file in it by its name" } else { "see which files are in it" };
    // A group to which this process does not belong counts as others.
    let write = if readers == Readers::Others { 0o022 } else { 0o002 };
    match readers {
        Readers::Owner => None,
        // Kubernetes mounts secrets with mode 1777, and read-only.
        _ if mode & write != 0 && mode & STICKY == 0 => {
            let detail = format!("{path} has mode {mode:04o}, so other users of this machine can replace the master key; `chmod 700` it");
            Some(Finding::bad("keys_dir", detail))
        }
        Readers::Others if mode & STICKY == 0 && is_ours(folder).unwrap_or(false) => {
            let detail = format!(
                "{path} has mode {mode:04o}, so other users of this machine {do_what}; `chmod 700 {path}`. The server does \
                 so when it starts, unless something else than the master key lies there"
            );
            Some(Finding::bad("keys_dir", detail))
        }
        _ => {
            let detail = format!("{path} has mode {mode:04o}, so others {do_what}, which alone lets them read none; 0700 is enough");
            Some(Finding::good("keys_dir", detail))
        }
    }
}
