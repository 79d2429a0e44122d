//! An authorization is listed only as long as it can still be used.

use signet_issuer::store::{authorizations, sessions};

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn only_authorizations_that_can_still_be_used_are_listed() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let (idle, session_idle) = (app.app.settings.refresh_idle_lifetime, app.app.settings.session_idle_lifetime);
    let listed = async || authorizations::live(app.app.store.reader(), (None, None), app.app.now(), idle, None, 100).await.unwrap().len();
    let browser = app.signed_in("alice").await;
    assert_eq!(app.code_flow(&browser, &[("scope", "openid offline_access")]).await.status, 200);
    assert_eq!(app.code_flow(&browser, &[("scope", "openid")]).await.status, 200);
    assert_eq!(app.sign_in("alice", "").await.status, 200);
    assert_eq!(listed().await, 3);
    app.advance(session_idle.unsigned_abs());
    assert_eq!(listed().await, 2, "the session has ended, and only one of its authorizations is offline");
    // A job deletes the row of the session later, which must not bring the authorization back.
    assert_eq!(sessions::purge(app.app.store.writer(), app.app.now() + 1, 500).await.unwrap(), 1);
    assert_eq!(listed().await, 2);
    app.advance((idle - session_idle).unsigned_abs());
    assert_eq!(listed().await, 0);
}
