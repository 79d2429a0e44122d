//! A change on the account pages is made as a whole, or not at all.

mod consents;
mod devices;
mod password;
mod profile;

use crate::support::{PASSWORD, TestApp};

async fn app() -> TestApp {
    TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await.with_web().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_fails_changes_nothing() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[]).await;
    let (account, consents, password) =
        (browser.get("/account").await, browser.get("/account/consents").await, browser.get("/account/password").await);
    app.sql("ALTER TABLE audit_events RENAME TO audit_events_away").await;
    let chosen =
        [("current_password", PASSWORD), ("new_password", "my very own horse staple"), ("repeat_password", "my very own horse staple")];
    for answer in [
        browser.submit(&account, "/account/sign-out", &[]).await,
        browser.submit(&consents, "/account/consents", &[]).await,
        browser.submit(&password, "/account/password", &chosen).await,
    ] {
        assert_eq!((answer.status, answer.heading()), (500, "Something went wrong"));
    }
    app.sql("ALTER TABLE audit_events_away RENAME TO audit_events").await;
    assert_eq!(browser.get("/account").await.heading(), "Profile");
    assert_eq!(app.get("/userinfo").bearer(tokens.str("access_token")).send().await.status, 200);
    assert!(browser.get(&app.authorize(&[("prompt", "none")])).await.reply().contains_key("code"));
}
