//! A form of one of our own pages that cannot be read gets a page that says so. No app has made a mistake there.

use crate::support::TestApp;

/// The forms of our pages, each with the path that receives it.
const OWN_FORMS: [&str; 11] = [
    "/sign-in",
    "/set-password",
    "/consent",
    "/select-account",
    "/no-access",
    "/account",
    "/account/password",
    "/account/devices",
    "/account/consents",
    "/account/sign-out",
    "/end_session/confirm",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_our_own_that_cannot_be_read_is_not_blamed_on_an_app() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let browser = app.signed_in("alice").await;
    for path in OWN_FORMS {
        let long = "x".repeat(70_000);
        for (what, body, status, advice) in [
            ("too long", format!("new_password={long}").into_bytes(), 413, "type less"),
            ("a NUL", b"new_password=a%00b".to_vec(), 400, "cannot be typed"),
            ("not UTF-8", b"new_password=%FF".to_vec(), 400, "cannot be typed"),
            ("twice", b"csrf=a&csrf=a".to_vec(), 400, "came twice"),
        ] {
            let page = browser.post_raw(path, Some("application/x-www-form-urlencoded"), body).await;
            assert_eq!((page.status, page.heading()), (status, "This form could not be read"), "{path}, {what}: {}", page.text);
            assert!(page.text.contains("The form was not used.") && page.text.contains(advice), "{path}, {what}: {}", page.text);
            assert!(!page.text.contains("app that sent you here"), "{path}, {what}: {}", page.text);
        }
        let without = browser.post_raw(path, None, Vec::new()).await;
        assert_eq!((without.status, without.heading()), (400, "This form could not be read"), "{path}: {}", without.text);
        let signs_out = ["/account/sign-out", "/end_session/confirm"].contains(&path);
        assert_eq!(without.text.contains("href=\"/end_session\""), signs_out, "{path}: {}", without.text);
    }
    assert_eq!(browser.get("/account").await.heading(), "Profile", "nothing was done");
    // The page about a faulty request of an app still says that the app sent it.
    let foreign = browser.get("/authorize?client_id=%FF").await;
    assert_eq!(foreign.heading(), "This link does not work");
}
