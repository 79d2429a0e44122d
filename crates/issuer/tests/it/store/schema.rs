//! The program tells whether a schema is older or newer than its own: it migrates an older one, and refuses a newer one.

use std::sync::Arc;

use signet_issuer::admin::checks;
use signet_issuer::clock::FakeClock;
use signet_issuer::config::Settings;
use signet_issuer::start::{self, StartError};
use signet_issuer::store::StoreError;
use signet_issuer::store::schema::{self, SchemaState};

use crate::support::{START, TestApp};

/// The settings of another node on the database of `app`.
fn settings(app: &TestApp) -> Settings {
    let mut settings = app.app.settings.clone();
    settings.issuer = "http://localhost:1".to_owned().try_into().unwrap();
    settings
}

async fn state(app: &TestApp) -> SchemaState {
    schema::state(&app.app.store).await.unwrap()
}

/// Asserts that `signet doctor` finds a fault of the database alone, and says `expected` about it.
async fn assert_doctor_says(app: &TestApp, expected: &str) {
    let findings = checks::run(&settings(app)).await;
    let faults: Vec<_> = findings.iter().filter(|finding| !finding.ok).map(|finding| (finding.check, finding.detail.as_str())).collect();
    assert!(matches!(faults[..], [("database", detail)] if detail.contains(expected)), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_lacks_the_last_migration_counts_as_older_and_a_start_runs_it() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    assert_eq!(state(&app).await, SchemaState::Current);
    let applied = app.count("SELECT count(*) FROM seaql_migrations").await;
    app.sql("DELETE FROM seaql_migrations WHERE version = (SELECT max(version) FROM seaql_migrations)").await;
    assert_eq!(state(&app).await, SchemaState::Older);
    assert_doctor_says(&app, "older than this program; `signet migrate` updates it").await;
    assert_eq!(state(&app).await, SchemaState::Older, "the doctor changes nothing");

    // The start applies the migration, which fails here because its tables exist. That leaves the database as it was.
    let users = app.count("SELECT count(*) FROM users").await;
    let error = start::open(settings(&app), Arc::new(FakeClock::new(START))).await.unwrap_err().to_string();
    assert!(error.contains("already exists"), "{error}");
    assert_eq!(app.count("SELECT count(*) FROM seaql_migrations").await, applied - 1);
    assert_eq!(app.count("SELECT count(*) FROM users").await, users);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let app = TestApp::new().await;
    app.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_future', 0)").await;
    assert_eq!(state(&app).await, SchemaState::Newer);
    let error = start::open(settings(&app), Arc::new(FakeClock::new(START))).await.unwrap_err();
    assert!(matches!(error, StartError::Store(StoreError::NewerSchema)), "{error}");
    assert!(matches!(schema::migrate(&app.app.store).await, Err(StoreError::NewerSchema)), "`signet migrate` refuses it too");
    assert_doctor_says(&app, "newer than this program").await;

    // The unknown migration decides, even if one of this program's own is missing.
    app.sql("DELETE FROM seaql_migrations WHERE version = (SELECT min(version) FROM seaql_migrations)").await;
    assert_eq!(state(&app).await, SchemaState::Newer);
}
