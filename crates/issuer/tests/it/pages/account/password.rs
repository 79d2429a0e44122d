//! A user who knows the current password can change it, and the change ends the other sessions and the authorizations.

use crate::pages::account::app;
use crate::support::{PASSWORD, SECRET};

#[tokio::test(flavor = "multi_thread")]
async fn only_a_user_who_knows_the_password_can_change_it() {
    let app = app().await;
    let (browser, other, phone) = (app.signed_in("alice").await, app.signed_in("alice").await, app.signed_in("alice").await);
    let by_grant = app.sign_in("alice", "orders:read").await;
    let offline = app.code_flow(&phone, &[("scope", "openid offline_access"), ("prompt", "consent")]).await;
    let page = browser.get("/account/password").await;
    assert!(page.text.contains("End my other sessions (2)"));
    let chosen = "my very own horse staple";
    for (current, new, repeated, expected) in [
        ("wrong password", chosen, chosen, "This is not your current password."),
        ("", chosen, chosen, "Type your current password."),
        (PASSWORD, chosen, "another one altogether", "The two new passwords differ."),
        (PASSWORD, PASSWORD, PASSWORD, "Choose a password that differs"),
        (PASSWORD, "short", "short", "Choose a password of 8 to 256 characters."),
        (PASSWORD, "password1", "password1", "too easy to guess"),
        (PASSWORD, "alice@example.com", "alice@example.com", "too easy to guess"),
    ] {
        let fields = [("current_password", current), ("new_password", new), ("repeat_password", repeated)];
        let answer = browser.submit(&page, "/account/password", &fields).await;
        assert_eq!(answer.status, 400, "{expected}");
        assert!(answer.text.contains(expected), "{expected}: {}", answer.text);
    }
    let before = browser.cookie();
    let fields = [("current_password", PASSWORD), ("new_password", chosen), ("repeat_password", chosen), ("end_others", "yes")];
    let answer = browser.submit(&page, "/account/password", &fields).await;
    assert!(answer.text.contains("Your password is changed."), "{}", answer.text);
    assert_ne!(browser.cookie(), before);
    assert_eq!(browser.get("/account").await.heading(), "Profile");
    for browser in [&other, &phone] {
        assert_eq!(browser.get("/account").await.heading(), "Sign in");
    }
    assert_eq!(app.refresh(by_grant.str("refresh_token")).await.error(), (400, "invalid_grant"));
    let form = [("grant_type", "refresh_token"), ("refresh_token", offline.str("refresh_token"))];
    assert_eq!(app.post("/token").basic_auth("web", SECRET).form(&form).send().await.error(), (400, "invalid_grant"));
    assert_eq!(app.sign_in("alice", "").await.error(), (400, "invalid_grant"));
    assert_eq!(app.try_password("alice", chosen, "").await.status, 200);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'password_changed'").await, 1);
}
