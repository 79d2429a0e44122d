//! Only the owner can read the SQLite file, and readers cannot write to it. A database that is locked or not there is reported as such.

use std::sync::Arc;

use signet_issuer::clock::FakeClock;
use signet_issuer::start;
use signet_issuer::store::{Store, StoreError, registration_tokens};
use tempfile::TempDir;

use crate::cli::Signet;
use crate::store::{connection, run};
use crate::support::{START, test_settings};

#[tokio::test(flavor = "multi_thread")]
async fn only_its_owner_can_read_the_sqlite_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("private.db");
    let settings = test_settings("http://localhost:1", &format!("sqlite:{}", file.display()), dir.path());
    let (app, _) = start::open(settings, Arc::new(FakeClock::new(START))).await.unwrap();
    for suffix in ["", "-wal", "-shm", "-turn"] {
        let mode = std::fs::metadata(format!("{}{suffix}", file.display())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
    drop(app);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_sqlite_refuse_to_write() {
    let dir = TempDir::new().unwrap();
    let settings = test_settings("http://localhost:1", &format!("sqlite:{}", dir.path().join("signet.db").display()), dir.path());
    let (app, _) = start::open(settings, Arc::new(FakeClock::new(START))).await.unwrap();
    let refused = registration_tokens::insert(app.store.reader(), "hash", 1, START).await;
    assert!(matches!(&refused, Err(StoreError::Unwritable(error)) if error.to_string().contains("readonly")), "{refused:?}");
    registration_tokens::insert(app.store.writer(), "hash", 1, START).await.unwrap();
    assert!(registration_tokens::is_good(app.store.reader(), "hash", START - 1).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_file_that_another_process_locks_is_opened_when_it_is_free_and_not_awaited_for_ever() {
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite:{}?mode=rwc", dir.path().join("signet.db").display());
    let store_url = url.clone().try_into().unwrap();
    let other = connection(&url).await;
    run(&other, &["CREATE TABLE t (id INTEGER PRIMARY KEY)", "BEGIN EXCLUSIVE"]).await.unwrap();
    // The file is not in write-ahead mode yet, and cannot be switched to it while it is locked.
    let refused = Store::connect(&store_url, 1024).await.unwrap_err();
    assert!(matches!(refused, StoreError::Busy(_) | StoreError::TimedOut(_)), "{refused:?}");

    let free = async {
        tokio::task::yield_now().await;
        run(&other, &["COMMIT"]).await.unwrap();
    };
    let (opened, ()) = tokio::join!(Store::connect(&store_url, 1024), free);
    opened.unwrap();
}

#[test]
fn a_database_that_nobody_has_created_is_named_with_the_command_that_does() {
    // SQLite makes its file itself.
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else { return };
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path("/nobody_made_it");
    let named = format!("{server}?dbname=nobody_made_it");
    for url in [url.as_str(), &named] {
        for command in ["migrate", "doctor"] {
            let out = Signet::new().run_with(&[("SIGNET_DATABASE_URL", url)], &[command], "");
            let said = format!("{}{}", out.stdout, out.stderr);
            assert!(!out.success && said.contains("has no database nobody_made_it; create it there first"), "{said}");
            assert!(said.contains("`createdb nobody_made_it`"), "{said}");
        }
    }
}

#[test]
fn a_database_server_that_is_not_there_is_named() {
    // Bind the port without listening on it, so that nobody else takes it and connections are refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let nobody = socket.local_addr().unwrap();
    let url = format!("postgres://signet:sek@{nobody}/signet");
    let out = Signet::new().run_with(&[("SIGNET_DATABASE_URL", &url)], &["migrate"], "");
    assert!(!out.success && out.stderr.contains(&format!("no connection to PostgreSQL at {nobody}")), "{}", out.stderr);
    assert!(!out.stderr.contains("sek"), "{}", out.stderr);
}
