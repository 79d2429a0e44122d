//! A node starts only with the versions of the master key that the database needs. A version can come and go without an outage.

use std::fs;
use std::sync::Arc;

use signet_issuer::clock::{Clock, FakeClock};
use signet_issuer::keys::master::MasterKeys;
use signet_issuer::start;
use tempfile::TempDir;

use crate::support::{Database, START, TestApp, test_settings};

/// Every node gets the new version before it is used. The old version is removed once nothing needs it.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_the_master_key_is_replaced_without_an_outage() {
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
    // A node without the new version cannot tell whether the token is good. It answers with an error and ends nothing.
    assert_eq!(old.refresh(&token).await.error(), (500, "server_error"));
    let revocation = old.post("/revoke").form(&[("client_id", "shop"), ("token", &token)]).send().await;
    assert_eq!(revocation.error(), (500, "server_error"));
    assert_eq!(new.refresh(&token).await.status, 200);
    // It cannot open the next key either. It publishes that key, and signs by the key that it has.
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
    // One authorization is ended, and the other has been idle for too long.
    let revoked = new.post("/revoke").form(&[("client_id", "shop"), ("token", &ended)]).send().await;
    assert_eq!(revoked.status, 200);
    old.sql("UPDATE authorizations SET refreshed_at = 0 WHERE key_version = 1").await;
    assert_eq!(open().await.unwrap_err().to_string(), needed, "the first signing key is sealed under it");
    old.advance(41);
    new.app.rotation().maintain().await.unwrap();
    assert!(open().await.unwrap().1.is_none());
    // Refresh tokens that have ended are refused, whether or not the node has the version that made them.
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
