//! The master key. It seals private keys in the database and authenticates refresh tokens. It is kept in a file and never in the
//! database, so that a dump of the database alone signs nothing. The issuer uses only keys derived from it by HKDF (RFC 5869).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::{hkdf, hmac};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::keys::access::{self, Readers};

/// The name of the file within `keys_dir`.
const FILE: &str = "master.json";
/// How the name of a file begins that a process has left behind when it was killed while it created the file.
const UNFINISHED: &str = ".master-";

/// The reason why the master key cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum MasterKeyError {
    /// The file cannot be read or written.
    #[error("master key {path}: {source}")]
    File { path: PathBuf, source: io::Error },
    /// The file is not in the expected format.
    #[error(
        "master key {0}: expected {{\"keys\": [{{\"version\": 1, \"key\": \"<32 bytes in base64url>\"}}]}}, \
         with distinct versions, and \"current\", if given, one of them"
    )]
    Malformed(PathBuf),
    /// The permissions of the file let other users of the machine read it.
    #[error(
        "master key {path}: other users can read it, because its mode is {mode:04o}; expected 0600, or, in a group of this process, 0440 or \
         0660 as Kubernetes sets them for fsGroup"
    )]
    Exposed {
        /// The file of the master key.
        path: PathBuf,
        /// The permissions, such as 0o644.
        mode: u32,
    },
    /// The database is sealed under a key that this node does not have.
    #[error(
        "master key {path}: it is missing or differs from the one that this database is sealed under (version {version}); \
         copy it from another node or from your backup"
    )]
    Foreign {
        /// The place where this node looked for the file.
        path: PathBuf,
        /// The version that the database needs.
        version: i32,
    },
    /// The file lacks a version that other nodes already use.
    #[error("master key: version {0} is not in this node's file; add it and start the node again")]
    NoVersion(i32),
}

impl MasterKeyError {
    /// The error of a node whose file in `dir` lacks `version` or has another key for it.
    pub fn foreign(dir: &Path, version: i32) -> Self {
        Self::Foreign { path: file(dir), version }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    keys: Vec<KeyFileEntry>,
    /// The version that seals and signs new values; the highest version if absent.
    current: Option<i32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFileEntry {
    version: i32,
    key: String,
}

pub(super) struct Version {
    pub(super) version: i32,
    pub(super) seal: Zeroizing<[u8; 32]>,
    pub(super) seal_requests: Zeroizing<[u8; 32]>,
    pub(super) seal_headers: Zeroizing<[u8; 32]>,
    refresh: hmac::Key,
    names: hmac::Key,
    browsers: hmac::Key,
    cookies: hmac::Key,
    fingerprint: String,
}

/// All versions of the master key that the file holds.
pub struct MasterKeys {
    path: PathBuf,
    versions: Vec<Version>,
    current: i32,
    is_new: bool,
}

impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MasterKeys").field("path", &self.path).finish_non_exhaustive()
    }
}

impl MasterKeys {
    /// Reads the file in `dir`. Returns `None` if it does not exist.
    pub fn load(dir: &Path) -> Result<Option<Self>, MasterKeyError> {
        let path = file(dir);
        let content = match fs::read_to_string(&path) {
            Ok(content) => Zeroizing::new(content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(MasterKeyError::File { path, source }),
        };
        refuse_exposed(&path)?;
        let malformed = || MasterKeyError::Malformed(path.clone());
        let file: KeyFile = serde_json::from_str(&content).map_err(|_| malformed())?;
        let mut versions = Vec::new();
        for KeyFileEntry { version, key } in file.keys {
            let bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(Zeroizing::new(key).as_bytes()).map_err(|_| malformed())?);
            if bytes.len() != 32 {
                return Err(malformed());
            }
            versions.push(Version::derive(version, &bytes));
        }
        versions.sort_by_key(|version| version.version);
        let current = file.current.or(versions.last().map(|version| version.version)).ok_or_else(malformed)?;
        let master = Self { path: path.clone(), versions, current, is_new: false };
        let repeated = master.versions.windows(2).any(|pair| pair[0].version == pair[1].version);
        if repeated || master.version(current).is_none() {
            return Err(malformed());
        }
        Ok(Some(master))
    }

    /// Creates the file in `dir` with mode 0600, or reads the one that is there: the operator has put it there, or another node has just
    /// created it.
    pub fn create(dir: &Path, clock: &dyn Clock) -> Result<Self, MasterKeyError> {
        let path = file(dir);
        let failed = |source| MasterKeyError::File { path: path.clone(), source };
        let key = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(Zeroizing::new(clock.random_bytes::<32>()).as_slice()));
        let content = Zeroizing::new(format!("{{\"keys\": [{{\"version\": 1, \"key\": \"{}\"}}]}}\n", key.as_str()));
        create_private(dir).map_err(failed)?;
        // The file gets its name only once it is written in full, and replaces no other, so that a node sees all of it or none.
        let mut made = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(dir).map_err(failed)?;
        made.write_all(content.as_bytes()).and_then(|()| made.as_file().sync_all()).map_err(failed)?;
        let is_new = match made.persist_noclobber(&path) {
            Ok(_) => {
                File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
                true
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(failed(error.error)),
        };
        let master = Self::load(dir)?.ok_or_else(|| failed(io::Error::from(io::ErrorKind::NotFound)))?;
        Ok(Self { is_new, ..master })
    }

    /// Returns whether this process has created the file.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The fingerprint of `version`. `None` if the file lacks that version.
    pub fn fingerprint(&self, version: i32) -> Option<&str> {
        self.version(version).map(|version| version.fingerprint.as_str())
    }

    /// The version and the fingerprint of each key. A fingerprint reveals nothing about its key.
    pub fn fingerprints(&self) -> impl Iterator<Item = (i32, &str)> {
        self.versions.iter().map(|version| (version.version, version.fingerprint.as_str()))
    }

    /// The version that seals new private keys and authenticates new refresh tokens.
    pub fn current(&self) -> i32 {
        self.current
    }

    /// The key that authenticates refresh tokens under `version`. `None` if the file lacks that version.
    pub fn refresh_key(&self, version: i32) -> Option<&hmac::Key> {
        self.version(version).map(|version| &version.refresh)
    }

    /// Returns the keyed hash of a retired name under each version of the master key, that of the current version first. A copy of the
    /// database alone does not reveal whose names they were.
    pub fn name_hashes(&self, kind: &str, name: &str) -> Vec<String> {
        let hash = |version: &Version| BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&version.names, format!("{kind}\0{name}").as_bytes()));
        let current = self.versions.iter().filter(|version| version.version == self.current);
        current.chain(self.versions.iter().filter(|version| version.version != self.current)).map(hash).collect()
    }

    /// Returns what the scripts of a browser are told of the session `sid` that it is signed in with. It proves nothing, and does not reveal
    /// the `sid`.
    pub fn browser_state(&self, sid: &str) -> Result<String, MasterKeyError> {
        Ok(BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&self.current_version()?.browsers, sid.as_bytes())))
    }

    /// Returns the id of the cookie that was made from `seed`: 16 bytes in base64url. Without the master key nobody can tell it from the seed.
    pub fn cookie_id(&self, seed: &str) -> Result<String, MasterKeyError> {
        Ok(BASE64_URL_SAFE_NO_PAD.encode(&hmac::sign(&self.current_version()?.cookies, seed.as_bytes()).as_ref()[..16]))
    }

    /// The derived keys of the current version.
    pub(super) fn current_version(&self) -> Result<&Version, MasterKeyError> {
        self.version(self.current).ok_or(MasterKeyError::NoVersion(self.current))
    }

    pub(super) fn version(&self, version: i32) -> Option<&Version> {
        self.versions.iter().find(|own| own.version == version)
    }
}

impl Version {
    fn derive(version: i32, key: &[u8]) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"signet").extract(key);
        let derived = |label: &[u8]| {
            let mut bytes = Zeroizing::new([0; 32]);
            let info = [label];
            // Neither call can fail, because HKDF always gives as many bytes as its hash has.
            let filled = prk.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(bytes.as_mut_slice()));
            debug_assert!(filled.is_ok(), "SHA-256 has 32 bytes, which HKDF always gives");
            bytes
        };
        Self {
            version,
            seal: derived(b"seal signing keys"),
            seal_requests: derived(b"seal authorization requests"),
            seal_headers: derived(b"seal authorization headers"),
            refresh: hmac::Key::new(hmac::HMAC_SHA256, derived(b"authenticate refresh tokens").as_slice()),
            names: hmac::Key::new(hmac::HMAC_SHA256, derived(b"hash retired names").as_slice()),
            browsers: hmac::Key::new(hmac::HMAC_SHA256, derived(b"state of browsers").as_slice()),
            cookies: hmac::Key::new(hmac::HMAC_SHA256, derived(b"ids of cookies").as_slice()),
            fingerprint: BASE64_URL_SAFE_NO_PAD.encode(&derived(b"fingerprint")[..16]),
        }
    }
}

/// Returns the file of the master key in the folder `dir`.
pub fn file(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// Sets the mode of `dir` to 0700 if others may look into it, it is ours, and nothing else lies in it, as in the folder `keys` of a fresh
/// clone of the repository. The log says so. Any other folder is left as it is, because others may need what lies there: the home of a
/// user with its dot files, or a volume of Kubernetes, which keeps its files under the name `..data`. `signet doctor` says what to do.
pub fn keep_private(dir: &Path) {
    let is_own = |name: &str| [FILE, "README.md", ".gitignore", ".gitkeep"].contains(&name) || name.starts_with(UNFINISHED);
    let path = dir.display();
    match access::narrow(dir, is_own) {
        Ok(None) => {}
        Ok(Some(mode)) => tracing::info!(%path, "keys_dir had mode {mode:04o}; it has mode 0700 now, so that only its owner looks into it"),
        Err(error) => tracing::warn!(%path, %error, "the mode of keys_dir lets others look into it and could not be changed to 0700"),
    }
}

fn refuse_exposed(path: &Path) -> Result<(), MasterKeyError> {
    match access::readers(path) {
        Ok((_, Readers::Owner | Readers::OwnGroup(_))) => Ok(()),
        Ok((mode, Readers::Others)) => Err(MasterKeyError::Exposed { path: path.to_owned(), mode }),
        Err(source) => Err(MasterKeyError::File { path: path.to_owned(), source }),
    }
}

/// Creates `dir` and the folders above it, with mode 0700, so that other users of the machine do not look into them.
fn create_private(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
