//! The program refuses a database whose schema is newer than it knows.

use std::sync::Arc;

use signet_issuer::clock::FakeClock;
use signet_issuer::start;

use crate::support::{START, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let app = TestApp::new().await;
    app.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_future', 0)").await;
    let (clock, mut settings) = (Arc::new(FakeClock::new(START)), app.app.settings.clone());
    settings.issuer = "http://localhost:1".to_owned().try_into().unwrap();
    let error = start::open(settings, clock).await.unwrap_err().to_string();
    assert!(error.contains("newer"), "{error}");
}
