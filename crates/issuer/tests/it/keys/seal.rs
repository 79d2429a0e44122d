use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use signet_issuer::app::App;
use signet_issuer::clock::{FakeClock, SystemClock};
use signet_issuer::keys::seal::MasterKeys;
use tempfile::TempDir;

use crate::support::{Database, START, TestApp, test_settings};

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

    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(MasterKeys::load(&keys).unwrap_err().to_string().contains("0600"));
}

#[test]
fn what_is_sealed_opens_only_with_its_key() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let clock = FakeClock::new(START);
    let (one, other) = (MasterKeys::create(one.path(), &clock).unwrap(), MasterKeys::create(other.path(), &clock).unwrap());
    let sealed = one.seal(b"secret").unwrap();
    assert_eq!(one.unseal(&sealed).unwrap().as_slice(), b"secret");
    assert!(other.unseal(&sealed).is_err());
    assert_ne!(sealed, one.seal(b"secret").unwrap());
    let mut changed = sealed.clone().into_bytes();
    let middle = changed.len() - 30;
    changed[middle] ^= 1;
    assert!(one.unseal(&String::from_utf8(changed).unwrap()).is_err());
    assert!(one.unseal("").is_err() && one.unseal("a.b.c.d.e").is_err());
}

#[test]
fn several_versions_live_side_by_side() {
    let dir = TempDir::new().unwrap();
    let clock = FakeClock::new(START);
    let old = MasterKeys::create(dir.path(), &clock).unwrap();
    let sealed = old.seal(b"secret").unwrap();
    let file = dir.path().join("master.json");
    let content =
        fs::read_to_string(&file).unwrap().replace("]}", ", {\"version\": 2, \"key\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}");
    fs::write(&file, content).unwrap();
    let both = MasterKeys::load(dir.path()).unwrap().unwrap();
    assert_eq!(both.current(), 2);
    assert_eq!(both.unseal(&sealed).unwrap().as_slice(), b"secret");
    assert!(old.unseal(&both.seal(b"new").unwrap()).is_err());
    assert!(both.check(&old.fingerprints().map(|(version, print)| (version, print.to_owned())).collect::<Vec<_>>()).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_the_right_file_refuses_to_start_and_says_so() {
    let database = Database::create().await;
    let (right, wrong) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let open = |dir: &TempDir| App::open(test_settings("http://localhost:1", &database.url, dir.path()), Arc::new(FakeClock::new(START)));
    assert!(open(&right).await.unwrap().1.is_some());
    assert!(open(&right).await.unwrap().1.is_none());
    let missing = open(&wrong).await.unwrap_err().to_string();
    assert!(missing.contains("master.json") && missing.contains("missing or differs"), "{missing}");
    assert!(!wrong.path().join("master.json").exists(), "no file is made for a database that has its key");
    MasterKeys::create(wrong.path(), &FakeClock::new(START)).unwrap();
    assert_eq!(open(&wrong).await.unwrap_err().to_string(), missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_database_signs_nothing() {
    let app = TestApp::new().await;
    let rows = signet_issuer::store::signing_keys::all(app.app.store.reader()).await.unwrap();
    let sealed = rows[0].sealed_private.as_deref().unwrap();
    assert_eq!(sealed.split('.').count(), 5);
    assert!(!rows[0].public_jwk.contains("\"d\""));
}
