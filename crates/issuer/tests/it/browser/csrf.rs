//! A form is taken only from the browser that was given it, so that no step can be skipped or forged.

use crate::browser::app;
use crate::support::PASSWORD;

#[tokio::test(flavor = "multi_thread")]
async fn forms_without_the_csrf_token_of_the_browser_are_refused() {
    let app = app().await;
    let browser = app.browser();
    let page = browser.get(&app.authorize(&[])).await;
    let id = page.request("/sign-in");
    for path in ["/consent", "/select-account"] {
        let skipped = browser.get(&format!("{path}?request={id}")).await;
        assert_eq!(skipped.heading(), "This sign-in is not known in this browser", "{path}");
    }
    for (path, fields) in [
        ("/consent", vec![("request", id.as_str()), ("choice", "allow")]),
        ("/consent", vec![("request", id.as_str()), ("choice", "allow"), ("csrf", "x")]),
        ("/select-account", vec![("request", id.as_str()), ("choice", "continue")]),
        ("/account", vec![("name", "Mallory")]),
        ("/account/password", vec![]),
        ("/account/devices", vec![("action", "end-others")]),
        ("/account/consents", vec![("client_id", "web")]),
        ("/account/sign-out", vec![]),
        ("/end_session/confirm", vec![("choice", "sign-out")]),
    ] {
        let anonymous = browser.post(path, &fields).await;
        assert!(anonymous.status == 403 || anonymous.heading() == "Sign in", "{path}");
        assert_eq!(app.signed_in("alice").await.post(path, &fields).await.status, 403, "{path}");
    }
    let forged = browser.post("/sign-in", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(forged.heading(), "Sign in", "login CSRF");
    assert_eq!(browser.get("/account").await.heading(), "Sign in");
}
