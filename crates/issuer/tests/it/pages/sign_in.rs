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
    for (table, signs_in) in [
        ("users", false),
        ("sessions", false),
        ("attempts", false),
        ("audit_events", false),
        ("browsers", false),
        ("waiting_requests", false),
        ("authorization_codes", true),
        ("consents", true),
    ] {
        let browser = app.browser();
        let page = browser.get(&app.authorize(&[])).await;
        app.sql(&format!("ALTER TABLE {table} RENAME TO {table}_away")).await;
        let answer = browser.sign_in(&page, "alice", PASSWORD).await;
        match table {
            // Nobody needs a code yet.
            "authorization_codes" => assert_eq!(answer.heading(), "Allow Web Shop access?"),
            // The client is told: the person has signed in.
            "consents" => assert_eq!(answer.reply()["error"], "server_error"),
            _ => assert_eq!((answer.status, answer.heading()), (500, "Something went wrong"), "{table}"),
        }
        assert!(!answer.text.contains(table) && !answer.text.contains("SELECT"), "{table}: {}", answer.text);
        app.sql(&format!("ALTER TABLE {table}_away RENAME TO {table}")).await;
        assert_eq!(app.count("SELECT count(*) FROM sessions").await, i64::from(signs_in), "{table}");
        app.sql("DELETE FROM sessions").await;
        // Attempts that came to nothing are not forgotten at once.
        app.advance(3600);
        assert_eq!(app.signed_in("alice").await.get("/account").await.heading(), "Profile", "{table}: back by itself");
        app.sql("DELETE FROM sessions").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ended_by_halves() {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_is_saved_meanwhile_makes_no_password_wrong() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let editor = app.signed_in("alice").await;
    let page = editor.get("/account").await;
    for _ in 0..10 {
        let save = editor.submit(&page, "/account", &[("nickname", "Al")]);
        let (saved, token) = tokio::join!(save, app.sign_in("alice", "orders:read"));
        assert_eq!((saved.status, token.status), (200, 200), "{}", token.text);
        app.advance(1);
    }
}
