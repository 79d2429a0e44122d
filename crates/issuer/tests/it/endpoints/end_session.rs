//! Signing out on a client's wish, and what an outsider can do with it.

use crate::support::{Browser, TestApp, claims};

const BYE: &str = "https://shop.example/bye";

async fn app() -> TestApp {
    TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await.with_web().await
}

fn end_session(parameters: &[(&str, &str)]) -> String {
    format!("/end_session?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish())
}

async fn is_signed_in(browser: &Browser) -> bool {
    browser.get("/account").await.heading() == "Profile"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_hint_signs_out_at_once_and_sends_back() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[]).await;
    let hint = tokens.str("id_token");
    // Old, signed by a key that has gone since, and still a hint.
    app.advance(7000);
    let answer = browser.get(&end_session(&[("id_token_hint", hint), ("post_logout_redirect_uri", BYE), ("state", "a b")])).await;
    assert_eq!((answer.status, answer.header("location")), (303, "https://shop.example/bye?state=a+b"));
    assert!(answer.header("set-cookie").contains("Max-Age=0") && answer.header("set-cookie").contains("HttpOnly"), "{:?}", answer.headers);
    assert!(!is_signed_in(&browser).await);
    assert_eq!(app.count("SELECT count(*) FROM sessions WHERE ended_at IS NULL").await, 0);
    // Again, with nobody signed in: nothing to do, and the way back is the same.
    let again = browser.get(&end_session(&[("id_token_hint", hint), ("post_logout_redirect_uri", BYE)])).await;
    assert_eq!(again.header("location"), BYE);
    assert_eq!(browser.get("/end_session").await.heading(), "You are signed out");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_hint_the_person_is_asked() {
    let app = app().await;
    let bob = app.signed_in("bob").await;
    let hint = app.code_flow(&bob, &[]).await.str("id_token").to_owned();
    for asked in [
        &[][..],
        &[("post_logout_redirect_uri", BYE)],
        &[("state", "s")],
        &[("client_id", "web"), ("post_logout_redirect_uri", BYE), ("state", "s")],
        &[("id_token_hint", hint.as_str())],
    ] {
        let browser = app.signed_in("alice").await;
        let page = browser.get(&end_session(asked)).await;
        assert_eq!(page.heading(), "Sign out?", "{asked:?}");
        assert!(is_signed_in(&browser).await);
        let stayed = browser.submit(&page, "/end_session/confirm", &[("choice", "stay")]).await;
        assert_eq!(stayed.heading(), "You are still signed in");
        let page = browser.get(&end_session(asked)).await;
        let gone = browser.submit(&page, "/end_session/confirm", &[("choice", "sign-out")]).await;
        if asked.len() == 3 {
            assert_eq!(gone.header("location"), format!("{BYE}?state=s"));
        } else {
            assert_eq!(gone.heading(), "You are signed out");
        }
        assert!(!is_signed_in(&browser).await);
    }
    assert!(is_signed_in(&bob).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_where_the_client_did_not_register() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let hint = app.code_flow(&browser, &[]).await.str("id_token").to_owned();
    app.add_client("other", true, "", &[]).await;
    for wrong in [
        &[("post_logout_redirect_uri", "https://evil.example"), ("id_token_hint", hint.as_str())][..],
        &[("post_logout_redirect_uri", "https://shop.example/bye/"), ("id_token_hint", &hint)],
        &[("post_logout_redirect_uri", BYE), ("client_id", "other"), ("id_token_hint", &hint)],
        &[("post_logout_redirect_uri", BYE), ("client_id", "other")],
        &[("post_logout_redirect_uri", BYE), ("client_id", "nobody")],
        &[("post_logout_redirect_uri", BYE), ("id_token_hint", "x.y.z")],
        &[("client_id", "web"), ("client_id", "web")],
    ] {
        let answer = browser.get(&end_session(wrong)).await;
        assert_eq!((answer.status, answer.heading()), (400, "This link does not work"), "{wrong:?}");
    }
    // What comes back with the form is checked again.
    let page = browser.get(&end_session(&[("client_id", "web"), ("post_logout_redirect_uri", BYE)])).await;
    let evil = [("choice", "sign-out"), ("post_logout_redirect_uri", "https://evil.example")];
    assert_eq!(browser.submit(&page, "/end_session/confirm", &evil).await.heading(), "This link does not work");
    assert!(is_signed_in(&browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_sends_nobody_on_by_a_sign_out() {
    let app = app().await;
    let page = app.browser().get(&end_session(&[("client_id", "web"), ("post_logout_redirect_uri", BYE)])).await;
    assert_eq!(page.heading(), "You are signed out", "nobody was signed in, and nobody proves that they were");
    // An answer of UserInfo is signed, too, but is no ID token.
    app.sql(r#"UPDATE clients SET metadata = '{"userinfo_signed_response_alg":"RS256"}' WHERE id = 'web'"#).await;
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[]).await;
    let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await;
    let answer = browser.get(&end_session(&[("id_token_hint", &userinfo.text)])).await;
    assert_eq!(answer.heading(), "This link does not work");
    assert!(is_signed_in(&browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_asked_again_with_get() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let hint = app.code_flow(&browser, &[]).await.str("id_token").to_owned();
    let answer = browser.post("/end_session", &[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE)]).await;
    assert_eq!(answer.header("location"), BYE);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_in_flight_brings_a_session_back() {
    let app = app().await;
    for _ in 0..20 {
        let browser = app.signed_in("alice").await;
        let account = browser.get("/account").await;
        let old = browser.cookie().unwrap();
        let sign_out = browser.submit(&account, "/account/sign-out", &[]);
        // Each of these changes what is kept for the browser, and would save it after the sign-out.
        let (a, b, c) = (app.authorize(&[("state", "1")]), app.authorize(&[("state", "2")]), app.authorize(&[("prompt", "login")]));
        tokio::join!(sign_out, browser.get_once(&a), browser.get_once(&b), browser.get_once(&c));
        let thief = app.browser();
        thief.set_cookie(&old);
        assert!(!is_signed_in(&thief).await);
        assert!(!is_signed_in(&browser).await);
    }
    assert_eq!(app.count("SELECT count(*) FROM browsers WHERE sid IS NOT NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_when_idle_and_in_any_case() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    app.advance(8 * 3600 - 1);
    assert!(is_signed_in(&browser).await);
    app.advance(8 * 3600);
    assert!(!is_signed_in(&browser).await);
    let browser = app.signed_in("alice").await;
    for _ in 0..23 {
        app.advance(7 * 3600);
        assert!(is_signed_in(&browser).await);
    }
    app.advance(7 * 3600);
    assert!(!is_signed_in(&browser).await, "seven days");
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
