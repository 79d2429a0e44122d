//! While a command has its turn to write SQLite, everybody else waits, and while others write, the command waits, but neither for ever. Nobody
//! is kept from reading.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use signet_issuer::clock::FakeClock;
use signet_issuer::start;
use signet_issuer::store::{Store, StoreError, commit, registration_tokens};
use tempfile::TempDir;

use crate::support::{START, real_time, test_settings};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_waits_until_the_turn_of_a_command_is_over() {
    for named in ["signet.db", "link.db", "folder/signet.db"] {
        waits_for_a_command_that_names_the_database(named).await;
    }
}

/// The command opens the database by the path `named`, which may lead there by a link.
async fn waits_for_a_command_that_names_the_database(named: &str) {
    let dir = TempDir::new().unwrap();
    symlink("signet.db", dir.path().join("link.db")).unwrap();
    symlink(".", dir.path().join("folder")).unwrap();
    let settings = |name: &str| test_settings("http://localhost:1", &format!("sqlite:{}", dir.path().join(name).display()), dir.path());
    // A link to a file that is not there yet leads to the file that is made.
    let command = Store::connect(&settings(named).database_url, 1).await.unwrap();
    let (app, _) = start::open(settings("signet.db"), Arc::new(FakeClock::new(START))).await.unwrap();
    assert!(!dir.path().join("link.db-turn").exists());
    let write = async |hash: &'static str| registration_tokens::insert(app.store.writer(), hash, 1, START).await.unwrap();

    let turn = command.take_turn().await;
    let mut waiting = Box::pin(write("one"));
    tokio::select! {
        () = &mut waiting => panic!("the server wrote in the turn of the command"),
        () = real_time(100) => {}
    }
    assert!(!registration_tokens::is_good(app.store.reader(), "one", START - 1).await.unwrap());
    // The command itself does not wait for its own turn.
    registration_tokens::insert(command.writer(), "of the command", 1, START).await.unwrap();
    drop(turn);
    waiting.await;
    assert!(registration_tokens::is_good(app.store.reader(), "one", START - 1).await.unwrap());

    // A command that hangs in its turn without a transaction keeps nobody from writing.
    let turn = command.take_turn().await;
    write("two").await;
    assert!(registration_tokens::is_good(app.store.reader(), "two", START - 1).await.unwrap());
    drop(turn);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_waits_for_its_turn_until_the_server_has_written() {
    let dir = TempDir::new().unwrap();
    let settings = test_settings("http://localhost:1", &format!("sqlite:{}", dir.path().join("signet.db").display()), dir.path());
    let command = Store::connect(&settings.database_url, 1).await.unwrap();
    let (app, _) = start::open(settings, Arc::new(FakeClock::new(START))).await.unwrap();

    let transaction = app.store.begin().await.unwrap();
    registration_tokens::insert(&transaction, "one", 1, START).await.unwrap();
    let mut waiting = Box::pin(command.take_turn());
    tokio::select! {
        _ = &mut waiting => panic!("the command took its turn while the server wrote"),
        () = real_time(100) => {}
    }
    commit(transaction).await.unwrap();
    let turn = waiting.await;
    // The turn is over for the server as soon as its connection is free again, so the command writes without waiting in SQLite.
    registration_tokens::insert(command.writer(), "two", 1, START).await.unwrap();
    drop(turn);

    // A server that hangs in a transaction keeps no command from going on: SQLite decides who waits.
    let transaction = app.store.begin().await.unwrap();
    assert!(command.take_turn().await.is_some());
    drop(transaction);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_open_the_file_of_the_turns_writes_without_turns() {
    let dir = TempDir::new().unwrap();
    // As root these tests can open the file of any user, but not a folder.
    std::fs::create_dir(dir.path().join("signet.db-turn")).unwrap();
    let settings = test_settings("http://localhost:1", &format!("sqlite:{}", dir.path().join("signet.db").display()), dir.path());
    let command = Store::connect(&settings.database_url, 1).await.unwrap();
    let (app, _) = start::open(settings, Arc::new(FakeClock::new(START))).await.unwrap();
    assert!(command.take_turn().await.is_none());
    assert!(command.foreign_writes().await.unwrap().is_some());
    registration_tokens::insert(app.store.writer(), "hash", 1, START).await.unwrap();
    assert!(registration_tokens::is_good(app.store.reader(), "hash", START - 1).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_turns_that_others_can_open_is_closed_to_them() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("signet.db-turn");
    std::fs::write(&file, "").unwrap();
    for mode in [0o644, 0o660, 0o604] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let url = format!("sqlite:{}", dir.path().join("signet.db").display());
        let store = Store::connect(&url.try_into().unwrap(), 1).await.unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{mode:o}");
        assert!(store.take_turn().await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_imported_reaches_the_disk_however_the_database_is_named() {
    let dir = TempDir::new().unwrap();
    let real = dir.path().join("real");
    std::fs::create_dir(&real).unwrap();
    symlink("real/signet.db", dir.path().join("link.db")).unwrap();
    let url = format!("sqlite:{}", dir.path().join("link.db").display());
    let store = Store::connect(&url.try_into().unwrap(), 1).await.unwrap();
    store.sync().unwrap();
    // A log that cannot be opened shows which one is opened.
    let log = real.canonicalize().unwrap().join("signet.db-wal");
    std::fs::rename(&log, real.join("moved")).unwrap();
    symlink(&log, &log).unwrap();
    let failed = store.sync();
    assert!(matches!(&failed, Err(StoreError::File { path, .. }) if *path == log), "{failed:?}");
}
