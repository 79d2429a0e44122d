//! No request in flight brings a signed-out browser back, and the id in the cookie stands in no token and no column.

use crate::browser::{app, is_signed_in, live_sessions};
use crate::support::{Answer, Browser, PASSWORD, claims};

#[tokio::test(flavor = "multi_thread")]
async fn no_request_in_flight_brings_a_session_back() {
    let app = app().await;
    for _ in 0..20 {
        let browser = app.signed_in("alice").await;
        let account = browser.get("/account").await;
        let old = browser.cookie().unwrap();
        let sign_out = browser.submit(&account, "/account/sign-out", &[]);
        // Each of these requests changes the row of the browser, and may save it after the sign-out.
        let (a, b, c) = (app.authorize(&[("state", "1")]), app.authorize(&[("state", "2")]), app.authorize(&[("prompt", "login")]));
        tokio::join!(sign_out, browser.get_once(&a), browser.get_once(&b), browser.get_once(&c));
        let thief = app.browser();
        thief.set_cookie(&old);
        assert!(!is_signed_in(&thief).await);
        assert!(!is_signed_in(&browser).await);
    }
    assert_eq!(app.count("SELECT count(*) FROM browsers WHERE id_hash IS NOT NULL").await, 0);
}

/// Signs `username` in with the form of `page`, as a browser sends it that has not yet been told that `cookie` was replaced.
async fn sign_in_by_old(browser: &Browser, cookie: &str, page: &Answer, username: &str) -> Answer {
    browser.set_cookie(cookie);
    browser.sign_in(page, username, PASSWORD).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_comes_by_the_replaced_cookie_continues_the_session() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    browser.code(&app.authorize(&[])).await;
    let old = browser.cookie().unwrap();
    let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
    let first = browser.sign_in(&page, "alice", PASSWORD).await;
    let second = sign_in_by_old(&browser, &old, &page, "alice").await;
    assert_ne!(first.reply()["code"], second.reply()["code"]);
    assert_eq!(live_sessions(&app).await, 1);
    assert!(is_signed_in(&browser).await);
    // The form for a request that waits in the database is found by the key of the browser, which the old cookie does not tell.
    let old = browser.cookie().unwrap();
    let page = browser.get(&app.authorize(&[("prompt", "select_account")])).await;
    let page = browser.submit(&page, "/select-account", &[("choice", "other")]).await;
    browser.sign_in(&page, "alice", PASSWORD).await.reply();
    assert!(sign_in_by_old(&browser, &old, &page, "alice").await.reply().contains_key("code"));
    assert_eq!(live_sessions(&app).await, 1);
    // A wrong password is refused as it always is.
    browser.set_cookie(&old);
    assert_eq!(browser.sign_in(&page, "alice", "wrong").await.status, 400);
    // Who has stolen the old cookie cannot end the session by a password of their own.
    let thief = app.browser();
    let page = thief.get("/sign-in").await;
    sign_in_by_old(&thief, &old, &page, "bob").await;
    assert_eq!((live_sessions(&app).await, is_signed_in(&thief).await), (2, true));
    assert_eq!(app.count("SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_continues_the_session_of_another_person_that_the_first_began() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let old = browser.cookie().unwrap();
    let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
    browser.sign_in(&page, "bob", PASSWORD).await;
    let answer = sign_in_by_old(&browser, &old, &page, "bob").await;
    assert_eq!(answer.heading(), "Allow Web Shop access?");
    assert_eq!(live_sessions(&app).await, 1);
    assert!(browser.get("/account").await.text.contains("bob"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_out_by_a_replaced_cookie_is_signed_out() {
    for path in ["/account/sign-out", "/end_session/confirm"] {
        let app = app().await;
        let browser = app.signed_in("alice").await;
        let old = browser.cookie().unwrap();
        let shown = if path == "/account/sign-out" { browser.get("/account").await } else { browser.get("/end_session").await };
        let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
        browser.sign_in(&page, "alice", PASSWORD).await;
        browser.set_cookie(&old);
        let mut fields = shown.hidden(path);
        fields.push(("choice".to_owned(), "sign-out".to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = browser.post_with(path, &fields, ("origin", &app.url)).await;
        assert_eq!(answer.heading(), "You are signed out", "{path}");
        assert_eq!((live_sessions(&app).await, is_signed_in(&browser).await), (0, false), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_cookie_signs_nobody_in_and_removes_no_cookie() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let old = browser.cookie().unwrap();
    let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
    browser.sign_in(&page, "alice", PASSWORD).await;
    let new = browser.cookie().unwrap();
    assert_ne!(old, new);
    // Another tab sent its request before the browser learned the new value. The answer leaves that value alone.
    let tab = app.browser();
    for path in ["/account", "/sign-in", "/end_session"] {
        tab.set_cookie(&old);
        let answer = tab.get(path).await;
        assert_ne!(answer.heading(), "Profile", "{path}");
        assert_eq!(tab.cookie(), Some(old.clone()), "{path}");
    }
    assert!(!is_signed_in(&tab).await);
    assert_eq!(live_sessions(&app).await, 1);
    // It never does, however late an answer may be.
    app.advance(1000);
    tab.get("/account").await;
    assert_eq!(tab.cookie(), Some(old.clone()));
    let page = tab.get("/sign-in").await;
    sign_in_by_old(&tab, &old, &page, "alice").await;
    assert_eq!(live_sessions(&app).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_remembered_of_a_cookie_whose_session_has_ended() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let old = browser.cookie().unwrap();
    let account = browser.get("/account").await;
    browser.submit(&account, "/account/sign-out", &[]).await;
    let tab = app.browser();
    tab.set_cookie(&old);
    let page = tab.get("/sign-in").await;
    sign_in_by_old(&tab, &old, &page, "alice").await;
    assert_eq!(live_sessions(&app).await, 1);
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_id_of_tokens_is_not_the_cookie() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[]).await;
    let sid = claims(tokens.str("id_token"))["sid"].as_str().unwrap().to_owned();
    assert_ne!(Some(&sid), browser.cookie().as_ref());
    let cookie = browser.cookie().unwrap();
    assert_eq!(
        app.count(&format!(
            "SELECT count(*) FROM browsers WHERE id_hash = '{cookie}' OR csrf = '{cookie}' OR request_key = '{cookie}' OR sid = '{cookie}'"
        ))
        .await,
        0
    );
}
