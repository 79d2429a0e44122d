//! The sign-in page: guessing, errors, and a password that was made for someone.

use crate::support::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_say_nothing_and_are_counted_with_the_password_grant() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let browser = app.browser();
    let mut page = browser.get("/sign-in").await;
    for (username, password) in [("alice", "wrong"), ("nobody", PASSWORD), ("alice", ""), ("", ""), ("<b>", "x")] {
        page = browser.sign_in(&page, username, password).await;
        assert_eq!(page.status, 400);
        assert!(page.text.contains("The username or the password is wrong."), "{}", page.text);
        assert!(!page.text.contains("<b>") && !page.text.contains(PASSWORD));
    }
    for _ in 0..3 {
        app.try_password("alice", "wrong", "").await;
    }
    let page = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!(page.status, 429);
    assert!(page.text.contains("Too many attempts. Try again in"));
    app.advance(60);
    let page = browser.sign_in(&page, "ALICE ", PASSWORD).await;
    assert_eq!(page.heading(), "Profile");
    assert_eq!(browser.get("/sign-in").await.heading(), "Profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_password_must_be_replaced() {
    let app = TestApp::new().await;
    let generated = app.admin_password.clone();
    let grant =
        async |app: &TestApp| app.token(&[("grant_type", "password"), ("username", "admin"), ("password", &generated)]).await.status;
    assert_eq!(grant(&app).await, 200);
    let browser = app.browser();
    let page = browser.sign_in(&browser.get("/sign-in").await, "admin", &generated).await;
    assert_eq!(page.heading(), "Choose your password");
    for path in ["/account", "/account/devices", "/account/consents"] {
        assert_eq!(browser.get(path).await.heading(), "Choose your password", "{path}");
    }
    app.advance(24 * 3600);
    assert_eq!(grant(&app).await, 400, "a day is enough");
    let page = browser.sign_in(&browser.get("/sign-in").await, "admin", &generated).await;
    let chosen = "my very own horse staple";
    let fields = [("current_password", generated.as_str()), ("new_password", chosen), ("repeat_password", chosen)];
    let page = browser.submit(&page, "/account/password", &fields).await;
    assert!(page.text.contains("Your password is changed."), "{}", page.text);
    assert_eq!(browser.get("/account").await.heading(), "Profile");
    assert_eq!(app.token(&[("grant_type", "password"), ("username", "admin"), ("password", chosen)]).await.status, 200);
}

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

#[tokio::test(flavor = "multi_thread")]
async fn the_database_gone_is_a_page_and_no_session() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    for table in ["users", "sessions", "attempts", "audit_events", "browsers", "authorization_codes", "consents", "clients"] {
        let browser = app.browser();
        let page = browser.get(&app.authorize(&[])).await;
        app.sql(&format!("ALTER TABLE {table} RENAME TO {table}_away")).await;
        let answer = browser.sign_in(&page, "alice", PASSWORD).await;
        assert!(
            answer.status >= 500 || answer.header("location").contains("error=server_error") || answer.status == 200,
            "{table}: {}",
            answer.status
        );
        assert!(!answer.text.contains(table), "{table}: {}", answer.text);
        let account = browser.get("/account").await;
        app.sql(&format!("ALTER TABLE {table}_away RENAME TO {table}")).await;
        if !["consents", "authorization_codes", "clients"].contains(&table) {
            assert!(!account.text.contains("<h1>Profile</h1>"), "{table}");
            assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0, "{table}");
        }
        app.sql("DELETE FROM sessions").await;
        app.advance(3600);
        assert_eq!(app.signed_in("alice").await.get("/account").await.heading(), "Profile", "{table}: back by itself");
        app.sql("DELETE FROM sessions").await;
    }
}
