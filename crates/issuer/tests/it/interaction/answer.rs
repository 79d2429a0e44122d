//! The answer goes to the redirect URI in its query, or in a form that the browser posts.

use signet_issuer::oauth::issuer::Issuer;

use crate::interaction::app;
use crate::support::{CALLBACK, TestApp};

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

/// Otherwise anybody could register a client by which a link signs people out: the issuer's own page would post the form.
#[tokio::test(flavor = "multi_thread")]
async fn no_form_is_posted_to_the_issuer_itself() {
    let app = app().await;
    let own = ["/account/sign-out", "/sign-in", "/docs/oauth2-redirect.html", "/"].map(|path| format!("{}{path}", app.app.settings.issuer));
    app.add_client_with("hostile", true, "authorization_code", &["openid"], |client| client.redirect_uris = own.to_vec()).await;
    let browser = app.signed_in("alice").await;
    for uri in &own {
        for scope in ["openid", "nonsense"] {
            let with = [("client_id", "hostile"), ("redirect_uri", uri), ("response_mode", "form_post"), ("scope", scope), ("state", "s")];
            let answer = browser.get(&app.authorize(&with)).await;
            assert_eq!(answer.status, 303, "{uri}: {}", answer.text);
            assert!(answer.header("location").starts_with(&format!("{uri}?error=invalid_request&")), "{}", answer.header("location"));
        }
    }
}

/// People may reach the server by another name than that of the issuer, whose pages no redirect URI is compared with.
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_client_signs_nobody_out() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let answer = [("error", "invalid_scope"), ("state", "s"), ("iss", "https://id.example")];
    browser.post_with("/account/sign-out", &answer, ("sec-fetch-site", "same-origin")).await;
    assert_eq!(browser.get("/account").await.heading(), "Profile");
    browser.post_with("/account/sign-out", &[], ("sec-fetch-site", "same-origin")).await;
    assert_eq!(browser.get("/account").await.heading(), "Sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_beside_an_issuer_with_a_path_gets_its_form() {
    let app =
        TestApp::with(|settings| settings.issuer = Issuer::parse(&format!("{}/auth", settings.issuer)).unwrap()).await.with_orders().await;
    let origin = app.app.settings.issuer.origin();
    for (path, status) in [("/app/cb", 200), ("/authority", 200), ("/auth/account/sign-out", 303), ("/auth", 303)] {
        let (id, uri) = (format!("at{}", path.replace('/', "-")), format!("{origin}{path}"));
        app.add_client_with(&id, true, "authorization_code", &["openid"], |client| client.redirect_uris = vec![uri.clone()]).await;
        let with = [("client_id", id.as_str()), ("redirect_uri", &uri), ("response_mode", "form_post"), ("scope", "nonsense")];
        assert_eq!(app.browser().get(&app.authorize(&with)).await.status, status, "{path}");
    }
}
