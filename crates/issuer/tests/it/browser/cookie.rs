//! The cookie has the strictest attributes that work, and only pages set it.

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_has_the_strictest_attributes() {
    let app = TestApp::new().await;
    assert!(app.browser().get_once("/sign-in").await.header("set-cookie").ends_with("; HttpOnly; SameSite=Lax; Path=/"));
    let https = TestApp::with(|settings| settings.issuer = "https://id.example".to_owned().try_into().unwrap()).await;
    let cookie = https.browser().get_once("/sign-in").await.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-signet=") && cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/"), "{cookie}");
    assert!(!cookie.contains("Domain") && !cookie.contains("Max-Age"), "{cookie}");
    // Answers that need no cookie set none.
    for path in ["/.well-known/openid-configuration", "/static/style.css", "/health/live", "/"] {
        assert_eq!(app.get(path).send().await.header("set-cookie").is_empty(), path != "/", "{path}");
    }
}
