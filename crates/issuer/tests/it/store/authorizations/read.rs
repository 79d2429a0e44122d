//! An authorization is listed only as long as it can still be used.

use signet_issuer::store::authorizations;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn only_authorizations_that_can_still_be_used_are_listed() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.sign_in("alice", "").await;
    let idle = app.app.settings.refresh_idle_lifetime;
    let listed = async || authorizations::live(app.app.store.reader(), (None, None), app.app.now(), idle, None, 100).await.unwrap().len();
    assert_eq!(listed().await, 1);
    // Given in a session that is no more.
    app.sql("UPDATE authorizations SET sid = 'ended'").await;
    assert_eq!(listed().await, 0);
    let session = "INSERT INTO sessions (sid, user_id, passed, user_agent, address, created_at, last_used_at, expires_at) \
                   SELECT 'ended', user_id, '[]', '', '', 0, 0";
    app.sql(&format!("{session}, {} FROM authorizations", app.app.now() + 60)).await;
    assert_eq!(listed().await, 1);
    app.advance(60);
    assert_eq!(listed().await, 0);
    app.sql("UPDATE authorizations SET offline = TRUE").await;
    assert_eq!(listed().await, 1);
    app.advance(idle.unsigned_abs());
    assert_eq!(listed().await, 0);
}
