//! A person sees the devices on which they are signed in and can end them, but no device of anybody else.

use crate::pages::account::app;

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_shown_and_ended() {
    let app = app().await;
    let (browser, other, bob) = (app.signed_in("alice").await, app.signed_in("alice").await, app.signed_in("bob").await);
    let tokens = app.code_flow(&other, &[]).await;
    let page = browser.get("/account/devices").await;
    assert!(page.text.matches("Firefox on Linux").count() >= 2, "{}", page.text);
    assert!(
        page.text.contains("127.0.0.1") && page.text.contains("This device") && page.text.contains("1 January 2026, 00:00 UTC"),
        "{}",
        page.text
    );
    // A person cannot end the session of somebody else.
    let foreign = bob.get("/account/devices").await.hidden("/account/devices").into_iter().find(|(name, _)| name == "sid").unwrap().1;
    browser.submit(&page, "/account/devices", &[("action", "end"), ("sid", &foreign)]).await;
    assert_eq!(bob.get("/account").await.heading(), "Profile");
    let page = browser.submit(&page, "/account/devices", &[("action", "end-others")]).await;
    assert!(page.text.contains("Your other devices are signed out."));
    assert_eq!(other.get("/account").await.heading(), "Sign in");
    assert_eq!(app.get("/userinfo").bearer(tokens.str("access_token")).send().await.status, 401);
    let own = page.hidden("/account/devices").into_iter().find(|(name, _)| name == "sid").unwrap().1;
    let gone = browser.submit(&page, "/account/devices", &[("action", "end"), ("sid", &own)]).await;
    assert_eq!(gone.heading(), "You are signed out");
    assert_eq!(browser.get("/account").await.heading(), "Sign in");
    let (one, two) = (app.signed_in("alice").await, app.signed_in("alice").await);
    let page = one.get("/account/devices").await;
    assert_eq!(one.submit(&page, "/account/devices", &[("action", "end-all")]).await.heading(), "You are signed out");
    for browser in [&one, &two] {
        assert_eq!(browser.get("/account").await.heading(), "Sign in");
    }
    assert_eq!(bob.get("/account").await.heading(), "Profile");
}
