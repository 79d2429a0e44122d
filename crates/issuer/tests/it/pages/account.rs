//! Your account: each change asks what it must, and touches nobody else's.

use serde_json::json;

use crate::support::{PASSWORD, SECRET, TestApp};

async fn app() -> TestApp {
    TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await.with_web().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_and_checked() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let page = browser.get("/account").await;
    let fields = [
        ("name", "Alice <i>A</i>"),
        ("given_name", "Alice"),
        ("birthdate", "1990-02-28"),
        ("phone_number", "+49 30 901820"),
        ("locality", "Berlin"),
    ];
    app.advance(5);
    let page = browser.submit(&page, "/account", &fields).await;
    assert!(page.text.contains("Your profile is saved.") && page.text.contains("Alice &#60;i&#62;A"), "{}", page.text);
    let tokens = app.code_flow(&browser, &[("scope", "openid profile phone address")]).await;
    let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json;
    assert_eq!(
        (&userinfo["name"], &userinfo["birthdate"], &userinfo["phone_number"]),
        (&json!("Alice <i>A</i>"), &json!("1990-02-28"), &json!("+49 30 901820"))
    );
    assert_eq!(userinfo["address"]["formatted"], "Berlin");
    for (name, wrong) in [
        ("birthdate", "1990-02-30"),
        ("birthdate", "yesterday"),
        ("website", "javascript:alert(1)"),
        ("phone_number", "12"),
        ("nickname", "a\u{7}b"),
    ] {
        let page = browser.submit(&page, "/account", &[(name, wrong)]).await;
        assert_eq!(page.status, 400, "{wrong}");
        assert!(page.text.contains("Nothing was saved."), "{wrong}");
    }
    let after = app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json;
    assert_eq!(after, userinfo);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_by_who_knows_it() {
    let app = app().await;
    let (browser, other, phone) = (app.signed_in("alice").await, app.signed_in("alice").await, app.signed_in("alice").await);
    let by_grant = app.sign_in("alice", "orders:read").await;
    let offline = app.code_flow(&phone, &[("scope", "openid offline_access"), ("prompt", "consent")]).await;
    let page = browser.get("/account/password").await;
    assert!(page.text.contains("End my other sessions (2)"));
    let chosen = "my very own horse staple";
    for (current, new, repeated, expected) in [
        ("wrong password", chosen, chosen, "This is not your current password."),
        ("", chosen, chosen, "Type your current password."),
        (PASSWORD, chosen, "another one altogether", "The two new passwords differ."),
        (PASSWORD, PASSWORD, PASSWORD, "Choose a password that differs"),
        (PASSWORD, "short", "short", "Choose a password of 8 to 256 characters."),
        (PASSWORD, "password1", "password1", "too easy to guess"),
        (PASSWORD, "alice@example.com", "alice@example.com", "too easy to guess"),
    ] {
        let fields = [("current_password", current), ("new_password", new), ("repeat_password", repeated)];
        let answer = browser.submit(&page, "/account/password", &fields).await;
        assert_eq!(answer.status, 400, "{expected}");
        assert!(answer.text.contains(expected), "{expected}: {}", answer.text);
    }
    let before = browser.cookie();
    let fields = [("current_password", PASSWORD), ("new_password", chosen), ("repeat_password", chosen), ("end_others", "yes")];
    let answer = browser.submit(&page, "/account/password", &fields).await;
    assert!(answer.text.contains("Your password is changed."), "{}", answer.text);
    assert_ne!(browser.cookie(), before);
    assert_eq!(browser.get("/account").await.heading(), "Profile");
    for browser in [&other, &phone] {
        assert_eq!(browser.get("/account").await.heading(), "Sign in");
    }
    assert_eq!(app.refresh(by_grant.str("refresh_token")).await.error(), (400, "invalid_grant"));
    let form = [("grant_type", "refresh_token"), ("refresh_token", offline.str("refresh_token"))];
    assert_eq!(app.post("/token").basic_auth("web", SECRET).form(&form).send().await.error(), (400, "invalid_grant"));
    assert_eq!(app.sign_in("alice", "").await.error(), (400, "invalid_grant"));
    assert_eq!(app.try_password("alice", chosen, "").await.status, 200);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'password_changed'").await, 1);
}

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
    // Somebody else's session is out of reach.
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

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_withdrawn_with_all_that_came_of_it() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    assert!(browser.get("/account/consents").await.text.contains("No app has access to your account."));
    let tokens = app.code_flow(&browser, &[("scope", "openid orders:read offline_access"), ("prompt", "consent")]).await;
    let unspent = browser.code(&app.authorize(&[("scope", "openid")])).await;
    let page = browser.get("/account/consents").await;
    assert!(page.text.contains("Web Shop") && page.text.contains("orders:read"), "{}", page.text);
    let bob = app.signed_in("bob").await;
    let bobs = app.code_flow(&bob, &[]).await;
    let page = browser.submit(&page, "/account/consents", &[]).await;
    assert!(page.text.contains("Withdrawn."));
    let refresh = async |token: &str| {
        app.post("/token").basic_auth("web", SECRET).form(&[("grant_type", "refresh_token"), ("refresh_token", token)]).send().await
    };
    assert_eq!(refresh(tokens.str("refresh_token")).await.error(), (400, "invalid_grant"));
    assert_eq!(app.get("/userinfo").bearer(tokens.str("access_token")).send().await.status, 401);
    assert_eq!(app.redeem(&unspent, &[]).await.error(), (400, "invalid_grant"));
    assert_eq!(browser.get(&app.authorize(&[("prompt", "none")])).await.reply()["error"], "consent_required");
    assert_eq!(refresh(bobs.str("refresh_token")).await.status, 200);
}
