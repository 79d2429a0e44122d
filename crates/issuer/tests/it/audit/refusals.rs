//! The last refusals of each registered client can be read, bounded, and without what may be a secret.

use signet_issuer::admin::Refused;
use signet_issuer::admin::audit::refusals;
use signet_issuer::audit::refusals::Refusals;
use signet_issuer::store::client_refusals;

use crate::support::{CALLBACK, SECRET, START, TestApp};

async fn of(app: &TestApp, client: &str) -> Vec<(String, String, Option<String>)> {
    app.app.refusals.flush(&app.app.store).await.unwrap();
    let found = refusals(&app.reading(), client).await.unwrap();
    found.into_iter().map(|refusal| (refusal.error, refusal.reason, refusal.redirect_uri)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_refusals_say_why_and_which_redirect_uri_came() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let browser = app.browser();
    // A redirect URI that is not registered, with a query that may hold a secret.
    browser.get(&app.authorize(&[("redirect_uri", "https://shop.example/callback?code=s3cret&x#fragment")])).await;
    // A wrong parameter, of which the client is told.
    browser.get(&app.authorize(&[("response_type", "token")])).await;
    // A page that is needed is no refusal.
    browser.get(&app.authorize(&[("prompt", "none")])).await;
    // A wrong secret, and a wrong code.
    app.post("/token").basic_auth("web", "a wrong secret").form(&[("grant_type", "authorization_code"), ("code", "x")]).send().await;
    let code = [("grant_type", "authorization_code"), ("code", "t0p-s3cret"), ("redirect_uri", CALLBACK), ("code_verifier", "v")];
    app.post("/token").basic_auth("web", SECRET).form(&code).send().await;
    let found = of(&app, "web").await;
    let errors: Vec<&str> = found.iter().map(|(error, ..)| error.as_str()).collect();
    assert_eq!(errors, ["invalid_grant", "invalid_client", "unsupported_response_type", "invalid_request"], "{found:?}");
    assert_eq!(found[3].2.as_deref(), Some("https://shop.example/callback?code=...&...#..."));
    assert!(found[3].1.starts_with("redirect_uri: it is not registered"), "{found:?}");
    assert_eq!((found[2].2.as_deref(), found[1].2.as_deref(), found[0].2.as_deref()), (Some(CALLBACK), None, Some(CALLBACK)));
    assert_eq!(found[1].1, "the client secret is wrong or has ended");
    let stored = app.dump("client_refusals").await;
    assert!(!stored.contains("s3cret") && !stored.contains("fragment") && !stored.contains("wrong secret "), "{stored}");

    // Another client has none, and one that does not exist is neither noted nor found.
    assert!(of(&app, "cli").await.is_empty());
    app.token(&[("grant_type", "refresh_token"), ("client_id", "nobody"), ("refresh_token", "x")]).await;
    app.app.refusals.flush(&app.app.store).await.unwrap();
    assert_eq!(app.count("SELECT count(*) FROM client_refusals WHERE client_id = 'nobody'").await, 0);
    assert!(matches!(refusals(&app.reading(), "nobody").await, Err(Refused::NotFound { noun: "client", .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_refusals_of_a_client_are_kept_however_many_come() {
    let app = TestApp::new().await.with_orders().await.with_web().await;
    for round in 0..3 {
        for number in 0..30 {
            app.app.refusals.note(START, "web", "invalid_request", &format!("{round}-{number}; found a password"), None);
        }
        let found = of(&app, "web").await;
        let reasons: Vec<&str> = found.iter().map(|(_, reason, _)| reason.as_str()).collect();
        let expected: Vec<String> = (10..30).rev().map(|number| format!("{round}-{number}")).collect();
        assert_eq!(reasons, expected);
    }
    app.app.refusals.note(START, "web", "invalid_request", "one more", None);
    let found = of(&app, "web").await;
    assert_eq!((found.len(), found[0].1.as_str(), found[19].1.as_str()), (20, "one more", "2-11"));
    // Refusals of a client that was removed are dropped, and those of others are stored all the same.
    let waiting = Refusals::default();
    for client in ["gone", "web", "gone too"] {
        waiting.note(START, client, "invalid_request", "the last", Some("no URL\n"));
    }
    assert!(waiting.flush(&app.app.store).await.is_err());
    assert_eq!(of(&app, "web").await[0], ("invalid_request".to_owned(), "the last".to_owned(), Some("no URL?".to_owned())));
    let plans = app.plans().await;
    client_refusals::of_client(&plans, "web").await.unwrap();
    plans.assert_indexed(&["client_refusals_client_id_id"]);
    client_refusals::purge(&plans, START, 500).await.unwrap();
    plans.assert_indexed(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_and_password_of_a_redirect_uri_are_not_kept() {
    let app = TestApp::new().await.with_orders().await.with_web().await;
    let long = format!("https://shop.example/{}", "x".repeat(1000));
    for uri in ["https://alice:pa55@shop.example/cb", "myapp:/cb?token", &long] {
        app.app.refusals.note(START, "web", "invalid_request", &format!("redirect_uri: {uri} is wrong"), Some(uri));
    }
    let found = of(&app, "web").await;
    let uris: Vec<&str> = found.iter().map(|(.., uri)| uri.as_deref().unwrap()).collect();
    assert_eq!((uris[0].len(), uris[1], uris[2]), (300, "myapp:/cb?...", "https://...@shop.example/cb"));
    assert!(found.iter().all(|(_, reason, _)| reason == "redirect_uri: it is wrong"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_that_people_would_not_see_are_shown_by_their_numbers() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    app.browser().get(&app.authorize(&[("redirect_uri", "javascript:alert(1)//\u{202e}\u{200b}x")])).await;
    app.app.refusals.note(START, "web", "invalid_request", "a\u{2066}reason", None);
    let found = of(&app, "web").await;
    assert_eq!((found[0].1.as_str(), found[1].2.as_deref()), ("a<U+2066>reason", Some("javascript:alert(1)//<U+202E><U+200B>x")));
    let page = app.signed_in("boss").await.get("/admin/clients/web").await;
    assert!(page.text.contains("javascript:alert(1)//&#60;U+202E&#62;"), "{}", page.text);
    assert!(!page.text.contains(['\u{202e}', '\u{200b}', '\u{2066}']), "{}", page.text);
}
