//! While a command has its turn to write SQLite, everybody else waits, but not for ever, and nobody is kept from reading.

use std::sync::Arc;

use signet_issuer::clock::FakeClock;
use signet_issuer::start;
use signet_issuer::store::{Store, registration_tokens};
use tempfile::TempDir;

use crate::support::{START, real_time, test_settings};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_waits_until_the_turn_of_a_command_is_over() {
    let dir = TempDir::new().unwrap();
    let settings = test_settings("http://localhost:1", &format!("sqlite:{}", dir.path().join("signet.db").display()), dir.path());
    let command = Store::connect(&settings.database_url, 1).await.unwrap();
    let (app, _) = start::open(settings, Arc::new(FakeClock::new(START))).await.unwrap();
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
