//! The cookie has the strictest attributes that work, and only pages set it.

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_has_the_strictest_attributes() {
    let app = TestApp::new().await;
    assert!(app.browser().get_once("/sign-in").await.header("set-cookie").ends_with("; HttpOnly; SameSite=Lax; Path=/"));
    let https = TestApp::with(|settings| settings.issuer = "https://id.example".to_owned().try_into().unwrap()).await;
    let browser = https.browser();
    let page = browser.get_once("/sign-in").await;
    let fields = [("csrf", page.hidden("/sign-in")[0].1.clone()), ("username", "admin".into()), ("password", https.admin_password.clone())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let signed_in = browser.post_once("/sign-in", &fields).await;
    assert_eq!(signed_in.status, 303, "{}", signed_in.text);
    for (answer, name) in [(&page, "__Host-signet-visitor="), (&signed_in, "__Host-signet=")] {
        let cookie = answer.header("set-cookie");
        assert!(cookie.starts_with(name) && cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/"), "{cookie}");
        assert!(!cookie.contains("Domain") && !cookie.contains("Max-Age"), "{cookie}");
    }
    // Answers that need no cookie set none.
    for path in ["/.well-known/openid-configuration", "/static/style.css", "/health/live", "/"] {
        assert_eq!(app.get(path).send().await.header("set-cookie").is_empty(), path != "/", "{path}");
    }
}
