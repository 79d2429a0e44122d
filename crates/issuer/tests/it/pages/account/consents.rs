//! A person can withdraw a consent, together with everything that came of it.

use crate::pages::account::app;
use crate::support::SECRET;

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
