//! A database that is busy: each face answers 503 and says when to try again.

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbErr};
use signet_issuer::keys::KeyError;
use signet_issuer::oauth::error::{Code, OAuthError};
use signet_issuer::store::StoreError;

use crate::support::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn each_face_says_when_to_try_again() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let browser = app.browser();
    let page = browser.get("/sign-in").await;
    // Another process holds the lock that every sign-in needs.
    let blocker = Database::connect(ConnectOptions::new(app.database_url()).max_connections(1).clone()).await.unwrap();
    let lock = if app.database_url().starts_with("postgres") { "BEGIN; LOCK TABLE attempts" } else { "BEGIN IMMEDIATE" };
    blocker.execute_unprepared(lock).await.unwrap();
    let (token, form) = tokio::join!(app.sign_in("alice", ""), browser.sign_in(&page, "alice", PASSWORD));
    assert_eq!(token.error(), (503, "temporarily_unavailable"), "{}", token.text);
    assert!(["1", "5"].contains(&token.header("retry-after")), "{:?}", token.headers);
    // On SQLite one of the two has the connection that writes, and waits for the lock; the other one waits for the connection.
    let said = [("1", "The server is busy"), ("5", "This does not work at the moment")];
    assert!(form.status == 503 && said.contains(&(form.header("retry-after"), form.heading())), "{}", form.text);
    blocker.execute_unprepared("ROLLBACK").await.unwrap();
    assert_eq!(app.sign_in("alice", "").await.status, 200);
}

#[test]
fn a_key_ring_that_cannot_be_read_for_that_reason_is_busy_too() {
    let busy = || StoreError::Busy(DbErr::Custom("the lock is held".to_owned()));
    assert_eq!(OAuthError::from(busy()).code, Code::Busy);
    assert_eq!(OAuthError::from(KeyError::from(busy())).code, Code::Busy);
    assert_eq!(OAuthError::from(KeyError::NoneActive).code, Code::ServerError);
}
