//! Checks that the master key of this node is the one that the database needs.

use crate::clock::UnixSeconds;
use crate::config::Settings;
use crate::keys::KeyError;
use crate::keys::master::{MasterKeyError, MasterKeys};
use crate::keys::seal::version_of;
use crate::store::{Store, authorizations, signing_keys};

/// Reads the master key and checks it against the database. `None` if there is no file and the database knows no master key.
///
/// A version that the database knows must be the same key in the file. A version in use must be in the file, because otherwise the
/// private keys that it sealed and the refresh tokens that it authenticates would be lost. A version out of use may be missing.
pub async fn load(settings: &Settings, store: &Store, now: UnixSeconds) -> Result<Option<MasterKeys>, KeyError> {
    match MasterKeys::load(&settings.keys_dir)? {
        Some(master) => {
            check(&master, settings, store, now).await?;
            Ok(Some(master))
        }
        None => match signing_keys::master_fingerprints(store.reader()).await?.last() {
            Some((version, _)) => Err(MasterKeyError::foreign(&settings.keys_dir, *version).into()),
            None => Ok(None),
        },
    }
}

/// Refuses `master` if the database knows another key for one of its versions, or needs a version that `master` lacks.
pub async fn check(master: &MasterKeys, settings: &Settings, store: &Store, now: UnixSeconds) -> Result<(), KeyError> {
    let mut missing = Vec::new();
    for (version, fingerprint) in signing_keys::master_fingerprints(store.reader()).await? {
        match master.fingerprint(version) {
            Some(own) if own == fingerprint => {}
            Some(_) => return Err(MasterKeyError::foreign(&settings.keys_dir, version).into()),
            None => missing.push(version),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let in_use = in_use(settings, store, now).await?;
    match missing.into_iter().find(|version| in_use.contains(version)) {
        Some(version) => Err(MasterKeyError::foreign(&settings.keys_dir, version).into()),
        None => Ok(()),
    }
}

async fn in_use(settings: &Settings, store: &Store, now: UnixSeconds) -> Result<Vec<i32>, KeyError> {
    let mut versions = authorizations::key_versions(store.reader(), now, settings.refresh_idle_lifetime).await?;
    let keys = signing_keys::all(store.reader()).await?;
    versions.extend(keys.iter().filter_map(|key| version_of(key.sealed_private.as_deref()?)));
    Ok(versions)
}
