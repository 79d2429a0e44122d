//! The administration says in its own words what was wrong with a request that it cannot read.

use crate::support::TestApp;

/// What pages of a sign-in say, which an administrator would not understand.
const OF_SIGN_INS: [&str; 3] = ["signing in to an app", "The app that sent you here", "This link does not work"];

#[tokio::test(flavor = "multi_thread")]
async fn the_administration_says_what_was_wrong_with_a_request() {
    let app = TestApp::administered().await;
    let browser = app.signed_in("boss").await;
    for (path, reason) in [
        ("/admin/search?q=%00", "it has other bytes, a NUL or a stray percent sign"),
        ("/admin/users?q=%FF", "it has other bytes, a NUL or a stray percent sign"),
        ("/admin/groups?q=a&q=b", "Q: expected once; found several."),
    ] {
        let page = browser.get(path).await;
        assert_eq!((page.status, page.heading()), (400, "This address does not work"), "{path}");
        assert!(page.text.contains(reason) && page.text.contains("Go to the administration"), "{path}: {}", page.text);
        assert!(!OF_SIGN_INS.iter().any(|words| page.text.contains(words)), "{path}: {}", page.text);
    }
    let page = browser.post("/admin/users", &[("action", "disable"), ("action", "enable")]).await;
    assert_eq!((page.status, page.heading()), (400, "Nothing was changed"));
    assert!(page.text.contains("Action: expected once; found several."), "{}", page.text);
    assert!(!OF_SIGN_INS.iter().any(|words| page.text.contains(words)), "{}", page.text);

    // Pages of a sign-in speak of it as before, and people who are no administrators learn no more than that.
    assert!(browser.get("/consent?request=%00").await.text.contains("signing in to an app"));
    app.add_user("carol", &[]).await;
    let carol = app.signed_in("carol").await;
    assert_eq!(carol.get("/admin/search?q=%00").await.heading(), "This page is for administrators");
}
