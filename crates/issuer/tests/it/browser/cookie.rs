//! The cookie has the strictest attributes that work, and only pages set it.

use crate::support::{Answer, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_has_the_strictest_attributes() {
    let app = TestApp::new().await;
    assert!(app.browser().get_once("/sign-in").await.header("set-cookie").ends_with("; HttpOnly; SameSite=Lax; Path=/"));
    let https = TestApp::with(|settings| settings.issuer = "https://id.example".to_owned().try_into().unwrap()).await;
    // A sign-in with a generated password makes no device.
    https.sql("UPDATE users SET password_generated_at = NULL").await;
    let browser = https.browser();
    let page = browser.get_once("/sign-in").await;
    let fields = [("csrf", page.hidden("/sign-in")[0].1.clone()), ("username", "admin".into()), ("password", https.admin_password.clone())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let signed_in = browser.post_once("/sign-in", &fields).await;
    assert_eq!(signed_in.status, 303, "{}", signed_in.text);
    let set = |answer: &Answer| -> Vec<String> {
        answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
    };
    let mut cookies = [set(&page), set(&signed_in)].concat();
    cookies.sort();
    let names: Vec<&str> = cookies.iter().map(|cookie| cookie.split('=').next().unwrap()).collect();
    assert_eq!(names, ["__Host-signet-device", "__Host-signet-visitor", "__Host-signet"]);
    for cookie in &cookies {
        assert!(cookie.contains("; HttpOnly; SameSite=Lax; Secure; Path=/") && !cookie.contains("Domain"), "{cookie}");
        // Only the device outlives the browser.
        assert_eq!(cookie.contains("Max-Age=34560000"), cookie.contains("-device"), "{cookie}");
    }
    // Answers that need no cookie set none.
    for path in ["/.well-known/openid-configuration", "/static/style.css", "/health/live", "/"] {
        assert_eq!(app.get(path).send().await.header("set-cookie").is_empty(), path != "/", "{path}");
    }
}
