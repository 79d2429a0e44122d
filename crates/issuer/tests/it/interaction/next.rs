//! The interaction asks for sign-in, choice of account, a new password or consent where they are due, and never for more.

use crate::support::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_while_the_password_is_chosen() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.sql(&format!("UPDATE users SET password_generated_at = {}", crate::support::START)).await;
    let browser = app.browser();
    let page = browser.get(&app.authorize(&[])).await;
    let page = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!(page.heading(), "Choose your password");
    assert_eq!(browser.get(&app.authorize(&[("prompt", "none")])).await.reply()["error"], "interaction_required");
    let chosen = "my very own horse staple";
    let fields = [("current_password", PASSWORD), ("new_password", chosen), ("repeat_password", chosen)];
    let page = browser.submit(&page, "/account/password", &fields).await;
    assert_eq!(page.heading(), "Allow Web Shop access?");
}
