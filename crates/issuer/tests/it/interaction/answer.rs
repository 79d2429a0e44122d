//! The answer goes to the redirect URI in its query, or in a form that the browser posts.

use crate::interaction::app;
use crate::support::CALLBACK;

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_in_the_asked_mode() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    browser.code(&app.authorize(&[])).await;
    let page = browser.get(&app.authorize(&[("response_mode", "form_post")])).await;
    let (action, script) = (format!("action=\"{CALLBACK}\""), "document.forms[0].submit()");
    assert!(page.text.contains(&action) && page.text.contains(&format!("<script>{script}</script>")), "{}", page.text);
    let fields: std::collections::HashMap<_, _> = page.hidden(CALLBACK).into_iter().collect();
    assert_eq!((fields["state"].as_str(), fields["iss"].as_str()), ("the state", app.app.settings.issuer.as_str()));
    assert_eq!(app.redeem(&fields["code"], &[]).await.status, 200);
    let csp = page.header("content-security-policy");
    assert!(csp.contains(&format!("script-src {}", page.script_source())) && !csp.contains("form-action"), "{csp}");

    let error = browser.get(&app.authorize(&[("response_mode", "form_post"), ("prompt", "none"), ("scope", "admin")])).await;
    let fields: std::collections::HashMap<_, _> = error.hidden(CALLBACK).into_iter().collect();
    assert_eq!(fields["error"], "invalid_scope");
}
