//! No request in flight brings a signed-out browser back, and the id in the cookie stands in no token and no column.

use crate::browser::{app, is_signed_in};
use crate::support::{Answer, Browser, PASSWORD, START, TestApp, claims};

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
    assert_eq!(app.count(&format!("SELECT count(*) FROM browsers WHERE expires_at > {START}")).await, 0);
}

/// Signs `username` in with the form of `page`, as a browser sends it that has not yet been told that `cookie` was replaced.
async fn sign_in_by_old(browser: &Browser, cookie: &str, page: &Answer, username: &str) -> Answer {
    browser.set_cookie(cookie);
    browser.sign_in(page, username, PASSWORD).await
}

async fn live_sessions(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM sessions WHERE ended_at IS NULL").await
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
    // Another person's password ends the session, as it does where the cookie is the present one.
    let page = browser.get("/sign-in").await;
    sign_in_by_old(&browser, &old, &page, "bob").await;
    assert_eq!(live_sessions(&app).await, 1);
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 2);
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
    // Later the value is unknown, and the browser may forget it.
    app.advance(11);
    tab.get("/account").await;
    assert_eq!(tab.cookie(), None);
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
    assert_eq!(tab.cookie(), None);
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
