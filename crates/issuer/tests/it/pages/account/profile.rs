//! A profile that is saved reaches UserInfo, and a wrong value is not saved.

use serde_json::json;

use crate::pages::account::app;
use crate::support::TestApp;

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
async fn a_profile_that_is_saved_meanwhile_makes_no_password_wrong() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let editor = app.signed_in("alice").await;
    let page = editor.get("/account").await;
    for _ in 0..10 {
        let save = editor.submit(&page, "/account", &[("nickname", "Al")]);
        let (saved, token) = tokio::join!(save, app.sign_in("alice", "orders:read"));
        assert_eq!((saved.status, token.status), (200, 200), "{}", token.text);
        app.advance(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_of_an_administrator_leads_to_the_administration() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_user("boss", &["admin"]).await;
    for (username, leads) in [("alice", false), ("boss", true)] {
        let browser = app.signed_in(username).await;
        for path in ["/account", "/account/password", "/account/devices", "/account/consents"] {
            let page = browser.get(path).await;
            assert_eq!(page.text.contains("href=\"/admin\""), leads, "{username} {path}: {}", page.text);
        }
    }
}
