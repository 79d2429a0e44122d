//! The sign-in page reveals nothing about wrong credentials, and asks for a new password in place of a generated one. If the database
//! fails, it starts no session.

use signet_issuer::admin::{sessions, users};

use crate::support::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_reveal_nothing_and_are_counted_with_the_password_grant() {
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
    let grant = async |app: &TestApp| {
        app.token(&[("grant_type", "password"), ("username", "admin"), ("password", &generated), ("scope", "openid")]).await.status
    };
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
    assert_eq!(
        app.token(&[("grant_type", "password"), ("username", "admin"), ("password", chosen), ("scope", "openid")]).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_change_of_the_password_leads_to_the_page_that_was_asked_for() {
    let app = TestApp::new().await;
    let (generated, chosen) = (app.admin_password.clone(), "my very own horse staple");
    let browser = app.browser();
    let asked = browser.get("/admin/audit?by=user&value=admin").await;
    let page = browser.sign_in(&asked, "admin", &generated).await;
    assert_eq!(page.heading(), "Choose your password");
    // Another tab asks for another page. Each form leads to its own, also after a mistake.
    assert_eq!(browser.get("/admin/keys").await.heading(), "Choose your password");
    let typed = |current: &'static str| [("current_password", current), ("new_password", chosen), ("repeat_password", chosen)];
    let wrong = browser.submit(&page, "/account/password", &typed("not the password")).await;
    assert_eq!((wrong.status, wrong.heading()), (400, "Choose your password"));
    let fields = [("current_password", generated.as_str()), ("new_password", chosen), ("repeat_password", chosen)];
    let done = browser.submit(&wrong, "/account/password", &fields).await;
    assert!(done.heading() == "Audit" && done.text.contains("value=\"admin\""), "{}", done.text);
    // No stranger leads people elsewhere by a link or a form.
    for elsewhere in ["https://evil.example/", "//evil.example", "/admin/../account", "/end_session"] {
        let page = browser.get(&format!("/account/password?next={}", encoded(elsewhere))).await;
        assert!(!page.text.contains("name=\"next\""), "{elsewhere}: {}", page.text);
        let there = [("current_password", chosen), ("new_password", &generated), ("repeat_password", &generated), ("next", elsewhere)];
        let done = browser.submit(&page, "/account/password", &there).await;
        assert!(done.text.contains("Your password is changed."), "{elsewhere}: {}", done.text);
        let back = [("current_password", generated.as_str()), ("new_password", chosen), ("repeat_password", chosen)];
        browser.submit(&done, "/account/password", &back).await;
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_database_gives_an_error_page_and_no_session() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let end_sessions = async || app.operate(|change| Box::pin(sessions::end_all(change, alice))).await.unwrap();
    for (table, signs_in) in [
        ("users", false),
        ("sessions", false),
        ("attempts", false),
        ("audit_events", false),
        ("browsers", false),
        ("waiting_requests", true),
        ("authorization_codes", true),
        ("consents", true),
    ] {
        let browser = app.browser();
        let page = browser.get(&app.authorize(&[])).await;
        app.sql(&format!("ALTER TABLE {table} RENAME TO {table}_away")).await;
        let answer = browser.sign_in(&page, "alice", PASSWORD).await;
        match table {
            // The person is signed in before the request is stored.
            "waiting_requests" => assert_eq!((answer.status, answer.heading()), (500, "Something went wrong")),
            // The consent page comes before a code is made.
            "authorization_codes" => assert_eq!(answer.heading(), "Allow Web Shop access?"),
            // The person has signed in, so the error goes to the client.
            "consents" => assert_eq!(answer.reply()["error"], "server_error"),
            _ => assert_eq!((answer.status, answer.heading()), (500, "Something went wrong"), "{table}"),
        }
        assert!(!answer.text.contains(table) && !answer.text.contains("SELECT"), "{table}: {}", answer.text);
        app.sql(&format!("ALTER TABLE {table}_away RENAME TO {table}")).await;
        let alive = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
        assert_eq!(app.count(alive).await, i64::from(signs_in), "{table}");
        end_sessions().await;
        // The failed attempts still count; wait until they do not.
        app.advance(3600);
        assert_eq!(app.signed_in("alice").await.get("/account").await.heading(), "Profile", "{table}: back by itself");
        end_sessions().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_that_the_app_asks_for_another_account_but_not_for_which() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await.with_web().await;
    let alice = app.signed_in("alice").await;
    let hint = app.code_flow(&alice, &[]).await.str("id_token").to_owned();
    let bob = app.signed_in("bob").await;
    let page = bob.get(&app.authorize(&[("id_token_hint", &hint)])).await;
    assert_eq!(page.heading(), "Sign in");
    assert!(page.text.contains("You are signed in as bob, but the app asks for another account."), "{}", page.text);
    assert!(!page.text.contains("alice") && !page.text.contains("value=\"bob\""), "{}", page.text);
    // Whoever is asked for is not told that somebody else is.
    let page = alice.get(&app.authorize(&[("id_token_hint", &hint), ("prompt", "login")])).await;
    assert!(page.text.contains("You are signed in as alice. Sign in again to go on."), "{}", page.text);
    let nobody = app.browser().get(&app.authorize(&[("id_token_hint", &hint)])).await;
    assert!(nobody.heading() == "Sign in" && !nobody.text.contains("another account"), "{}", nobody.text);
}
