//! Whether the master key of this node is the one that the database needs.

use crate::clock::UnixSeconds;
use crate::config::Settings;
use crate::keys::KeyError;
use crate::keys::seal::{MasterKeys, SealError, version_of};
use crate::store::{Store, authorizations, signing_keys};

/// Reads the master key of a database that may have one. None if it has none, and there is no file either.
///
/// Every version that the database knows must be the same here, and those in use must be here: what they sealed, or the
/// refresh tokens that they authenticate, would be lost. A version that nothing needs any more may leave the file.
pub async fn load(settings: &Settings, store: &Store, now: UnixSeconds) -> Result<Option<MasterKeys>, KeyError> {
    let known = signing_keys::master_fingerprints(store.reader()).await?;
    let Some(master) = MasterKeys::load(&settings.keys_dir)? else {
        return match known.last() {
            Some((version, _)) => Err(SealError::foreign(&settings.keys_dir, *version).into()),
            None => Ok(None),
        };
    };
    let mut missing = Vec::new();
    for (version, fingerprint) in known {
        match master.fingerprint(version) {
            Some(own) if own == fingerprint => {}
            Some(_) => return Err(SealError::foreign(&settings.keys_dir, version).into()),
            None => missing.push(version),
        }
    }
    if !missing.is_empty() {
        let in_use = in_use(store, now).await?;
        if let Some(version) = missing.into_iter().find(|version| in_use.contains(version)) {
            return Err(SealError::foreign(&settings.keys_dir, version).into());
        }
    }
    Ok(Some(master))
}

async fn in_use(store: &Store, now: UnixSeconds) -> Result<Vec<i32>, KeyError> {
    let mut versions = authorizations::key_versions(store.reader(), now).await?;
    let keys = signing_keys::all(store.reader()).await?;
    versions.extend(keys.iter().filter_map(|key| version_of(key.sealed_private.as_deref()?)));
    Ok(versions)
}
