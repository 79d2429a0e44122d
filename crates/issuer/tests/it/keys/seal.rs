use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use signet_issuer::clock::{Clock, FakeClock, SystemClock};
use signet_issuer::keys::master::MasterKeys;
use signet_issuer::keys::seal::{seal, unseal};
use signet_issuer::keys::signer::Signer;
use signet_issuer::start;
use signet_issuer::store::signing_keys;
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
    let sealed = seal(&one, b"secret").unwrap();
    assert_eq!(unseal(&one, &sealed).unwrap().as_slice(), b"secret");
    assert!(unseal(&other, &sealed).is_err());
    assert_ne!(sealed, seal(&one, b"secret").unwrap());
    let mut changed = sealed.clone().into_bytes();
    let middle = changed.len() - 30;
    changed[middle] ^= 1;
    assert!(unseal(&one, &String::from_utf8(changed).unwrap()).is_err());
    assert!(unseal(&one, "").is_err() && unseal(&one, "a.b.c.d.e").is_err());
}

#[test]
fn several_versions_live_side_by_side() {
    let dir = TempDir::new().unwrap();
    let clock = FakeClock::new(START);
    let old = MasterKeys::create(dir.path(), &clock).unwrap();
    let sealed = seal(&old, b"secret").unwrap();
    let file = dir.path().join("master.json");
    let content =
        fs::read_to_string(&file).unwrap().replace("]}", ", {\"version\": 2, \"key\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}");
    fs::write(&file, content).unwrap();
    let both = MasterKeys::load(dir.path()).unwrap().unwrap();
    assert_eq!(both.current(), 2);
    assert_eq!(unseal(&both, &sealed).unwrap().as_slice(), b"secret");
    assert!(unseal(&old, &seal(&both, b"new").unwrap()).is_err());
    assert_eq!(both.fingerprint(1), old.fingerprint(1));
    let current = fs::read_to_string(&file).unwrap().replace("]}", "], \"current\": 1}");
    fs::write(&file, &current).unwrap();
    let waiting = MasterKeys::load(dir.path()).unwrap().unwrap();
    assert_eq!((waiting.current(), unseal(&waiting, &seal(&both, b"new").unwrap()).unwrap().as_slice()), (1, b"new".as_slice()));
    for broken in [
        current.replace("\"current\": 1", "\"current\": 3"),
        current.replace("\"version\": 2", "\"version\": 1"),
        "{\"keys\": []}".to_owned(),
    ] {
        fs::write(&file, broken).unwrap();
        assert!(MasterKeys::load(dir.path()).unwrap_err().to_string().contains("expected"));
    }
}

/// A new version is handed out first, then used, and the old one leaves when nothing needs it any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_comes_and_goes_without_an_outage() {
    let old = TestApp::new().await.with_orders().await.with_user("alice").await;
    let file = old.keys_dir().join("master.json");
    let first = fs::read_to_string(&file).unwrap();
    let both = first.replace("]}", ", {\"version\": 2, \"key\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}");
    let second = "{\"keys\": [{\"version\": 2, \"key\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}";

    fs::write(&file, both.replace("]}", "], \"current\": 1}")).unwrap();
    let waiting = old.another_node().await;
    let token = waiting.sign_in("alice", "").await.str("refresh_token").to_owned();
    let idle = waiting.sign_in("alice", "").await.str("refresh_token").to_owned();
    let ended = old.refresh(&token).await.str("refresh_token").to_owned();

    fs::write(&file, &both).unwrap();
    let new = old.another_node().await;
    let ended = new.refresh(&ended).await.str("refresh_token").to_owned();
    let token = new.sign_in("alice", "").await.str("refresh_token").to_owned();
    assert_eq!(waiting.refresh(&token).await.status, 200);
    // A node that was left behind cannot tell whether the token is good: it says so, and ends nothing.
    assert_eq!(old.refresh(&token).await.error(), (500, "server_error"));
    let revocation = old.post("/revoke").form(&[("client_id", "shop"), ("token", &token)]).send().await;
    assert_eq!(revocation.error(), (500, "server_error"));
    assert_eq!(new.refresh(&token).await.status, 200);
    // Nor can it open the next key; it shows it, and signs by the one that it has.
    let ring = new.app.rotation().ring().await.unwrap();
    crate::keys::publish_after(&new.app, &ring).await.unwrap();
    old.advance(10);
    assert_eq!(old.get("/.well-known/jwks.json").send().await.json["keys"].as_array().unwrap().len(), 2);
    assert_eq!(old.sign_in("alice", "").await.status, 200);
    old.advance(900);
    assert_eq!(old.sign_in("alice", "").await.error(), (500, "server_error"));
    assert_eq!(old.get("/health/ready").send().await.status, 503);
    assert_eq!(new.sign_in("alice", "").await.status, 200);

    fs::write(&file, second).unwrap();
    let open =
        || start::open(test_settings("http://localhost:1", old.database_url(), old.keys_dir()), Arc::clone(&old.clock) as Arc<dyn Clock>);
    let needed = open().await.unwrap_err().to_string();
    assert!(needed.contains("version 1"), "{needed}");
    // One of them ended, the other not used for too long.
    let revoked = new.post("/revoke").form(&[("client_id", "shop"), ("token", &ended)]).send().await;
    assert_eq!(revoked.status, 200);
    old.sql("UPDATE authorizations SET refreshed_at = 0 WHERE key_version = 1").await;
    assert_eq!(open().await.unwrap_err().to_string(), needed, "the first signing key is sealed under it");
    old.advance(41);
    new.app.rotation().maintain().await.unwrap();
    assert!(open().await.unwrap().1.is_none());
    // What is dead is dead, with or without the version that made it.
    let without = old.another_node().await;
    for dead in [&ended, &idle] {
        assert_eq!(without.refresh(dead).await.error(), (400, "invalid_grant"));
        assert_eq!(without.post("/revoke").form(&[("client_id", "shop"), ("token", dead)]).send().await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_the_right_file_refuses_to_start_and_says_so() {
    let database = Database::create().await;
    let (right, wrong) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let open = |dir: &TempDir| start::open(test_settings("http://localhost:1", &database.url, dir.path()), Arc::new(FakeClock::new(START)));
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
    let rows = signing_keys::all(app.app.store.reader()).await.unwrap();
    let sealed = rows[0].sealed_private.as_deref().unwrap();
    let private = unseal(&app.app.master, sealed).unwrap();
    assert!(Signer::new(&rows[0].kid, &private).is_ok(), "with the master key it is the key that signs");
    // No stretch of the private part stands open in what is stored, in any encoding that is used here.
    let stored: Vec<u8> = sealed.split('.').flat_map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let jwk: serde_json::Value = serde_json::from_str(&rows[0].public_jwk).unwrap();
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let secret: Vec<_> = private.windows(16).filter(|part| !modulus.windows(16).any(|public| public == *part)).collect();
    assert!(secret.len() > 500 && secret.iter().all(|part| !stored.windows(16).any(|open| open == *part)));
    assert_eq!(jwk.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), ["kty", "kid", "use", "alg", "n", "e"]);
    assert!(unseal(&TestApp::new().await.app.master, sealed).is_err());
}
