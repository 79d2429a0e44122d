//! The file of the master key is private and made once, and it may hold several versions.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use signet_issuer::clock::{FakeClock, SystemClock};
use signet_issuer::keys::master::MasterKeys;
use signet_issuer::keys::seal::{Purpose::SigningKey, seal, unseal};
use tempfile::TempDir;

use crate::support::START;

#[test]
fn the_file_is_private_and_made_once() {
    let dir = TempDir::new().unwrap();
    let keys = dir.path().join("keys");
    assert!(MasterKeys::load(&keys).unwrap().is_none());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let keys = keys.clone();
            std::thread::spawn(move || {
                MasterKeys::create(&keys, &SystemClock::default()).unwrap().fingerprints().next().unwrap().1.to_owned()
            })
        })
        .collect();
    let fingerprints: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(fingerprints.iter().all(|fingerprint| *fingerprint == fingerprints[0]));
    let file = keys.join("master.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&keys).unwrap().count(), 1, "no temporary file is left");

    assert_eq!(fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn nobody_but_the_owner_and_a_group_of_the_process_may_read_the_file() {
    let dir = TempDir::new().unwrap();
    MasterKeys::create(dir.path(), &SystemClock::default()).unwrap();
    let file = dir.path().join("master.json");
    let load = |mode| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        MasterKeys::load(dir.path()).map(|_| ()).map_err(|error| error.to_string())
    };
    // Kubernetes gives a volume to a group of the process (fsGroup) with these modes.
    for mode in [0o400, 0o600, 0o440, 0o640, 0o660] {
        assert_eq!(load(mode), Ok(()), "{mode:o}");
    }
    for mode in [0o444, 0o644, 0o604, 0o666, 0o602] {
        let refused = load(mode).unwrap_err();
        assert!(refused.contains(&format!("because its mode is {mode:04o}; expected 0600")), "{refused}");
    }
    // Only root may give the file to a group that is not its own.
    if std::os::unix::fs::chown(&file, None, Some(65_533)).is_ok() {
        assert!(load(0o440).unwrap_err().contains("0440"));
        assert_eq!(load(0o600), Ok(()));
    }
}

#[test]
fn the_file_holds_several_versions() {
    let dir = TempDir::new().unwrap();
    let clock = FakeClock::new(START);
    let old = MasterKeys::create(dir.path(), &clock).unwrap();
    let sealed = seal(&old, SigningKey, b"secret").unwrap();
    let file = dir.path().join("master.json");
    let content =
        fs::read_to_string(&file).unwrap().replace("]}", ", {\"version\": 2, \"key\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}");
    fs::write(&file, content).unwrap();
    let both = MasterKeys::load(dir.path()).unwrap().unwrap();
    assert_eq!(both.current(), 2);
    assert_eq!(unseal(&both, SigningKey, &sealed).unwrap().as_slice(), b"secret");
    assert!(unseal(&old, SigningKey, &seal(&both, SigningKey, b"new").unwrap()).is_err());
    assert_eq!(both.fingerprint(1), old.fingerprint(1));
    let current = fs::read_to_string(&file).unwrap().replace("]}", "], \"current\": 1}");
    fs::write(&file, &current).unwrap();
    let waiting = MasterKeys::load(dir.path()).unwrap().unwrap();
    assert_eq!(
        (waiting.current(), unseal(&waiting, SigningKey, &seal(&both, SigningKey, b"new").unwrap()).unwrap().as_slice()),
        (1, b"new".as_slice())
    );
    for broken in [
        current.replace("\"current\": 1", "\"current\": 3"),
        current.replace("\"version\": 2", "\"version\": 1"),
        "{\"keys\": []}".to_owned(),
    ] {
        fs::write(&file, broken).unwrap();
        assert!(MasterKeys::load(dir.path()).unwrap_err().to_string().contains("expected"));
    }
}
