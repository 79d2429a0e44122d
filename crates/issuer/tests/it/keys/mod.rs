//! A node that fails to read the key ring fails all requests that waited for it. The other tests publish and revoke keys by the
//! functions here.

mod feed;
mod master;
mod master_check;
mod ring;
mod rotation;
mod seal;

use signet_issuer::admin::{self, Refused};
use signet_issuer::app::App;
use signet_issuer::audit::{Actor, Face, Who};
use signet_issuer::keys::KeyError;
use signet_issuer::keys::ring::{Entry, Ring};
use signet_issuer::store::{ConnectionTrait, commit};

use crate::support::{TestApp, at_once};

fn operator() -> Actor {
    Actor::local(Who::Operator, Face::CommandLine)
}

/// Publishes a key after the keys of `ring`, as a node does that has just read the ring. Returns `None` if another node was first.
pub async fn publish_after(app: &App, ring: &Ring) -> Option<Entry> {
    let rotation = app.rotation();
    let key = rotation.generate().unwrap();
    let transaction = app.store.begin().await.unwrap();
    let published = rotation.publish(&transaction, ring, key, &operator()).await.unwrap();
    commit(transaction).await.unwrap();
    published
}

/// Revokes a key by the operation. Returns `false` if there is no such key, or if it was already revoked.
pub async fn revoke(app: &App, kid: &str) -> bool {
    let spare = app.rotation().generate().unwrap();
    match admin::change(app, &operator(), |change| Box::pin(admin::keys::revoke(change, kid, spare))).await {
        Ok(_) => true,
        Err(Refused::NotFound { .. } | Refused::Conflict(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// The query for the number of statements that wait for a lock, on PostgreSQL.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";

/// This test runs on PostgreSQL only, where one read can be blocked until all others wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_for_a_failing_read_of_the_keys_fail_with_it() {
    let app = TestApp::new().await;
    if !app.database_url().starts_with("postgres") {
        return;
    }
    let blocker = app.app.store.begin().await.unwrap();
    blocker.execute_unprepared("ALTER TABLE signing_keys RENAME TO signing_keys_away").await.unwrap();
    app.advance(10);
    let release = async {
        while app.count(WAITING).await < 1 {}
        commit(blocker).await.unwrap();
    };
    let (failures, ()) = tokio::join!(at_once((0..20).map(|_| app.app.ring()).collect()), release);
    let asked = failures.iter().filter(|failure| !matches!(failure, Err(KeyError::JustFailed))).count();
    assert!(failures.iter().all(Result::is_err) && asked <= 1, "{asked} of 20 asked the database");
    app.sql("ALTER TABLE signing_keys_away RENAME TO signing_keys").await;
    assert!(app.app.ring().await.is_ok());
}
