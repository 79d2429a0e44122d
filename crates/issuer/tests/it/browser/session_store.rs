//! No request in flight brings a signed-out browser back, and the id in the cookie stands in no token and no column.

use crate::browser::{app, is_signed_in};
use crate::support::claims;

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
    assert_eq!(app.count("SELECT count(*) FROM browsers WHERE sid IS NOT NULL").await, 0);
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
