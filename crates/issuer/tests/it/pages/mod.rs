//! The pages of people: their headers, and what each lets whom do.

mod account;
mod sign_in;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_keeps_others_out() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let browser = app.signed_in("alice").await;
    let consent = app.authorize(&[]);
    for path in [
        "/sign-in",
        "/account",
        "/account/password",
        "/account/devices",
        "/account/consents",
        "/end_session",
        "/signed-out",
        &consent,
        "/consent?request=x",
    ] {
        for browser in [&browser, &app.browser()] {
            let page = browser.get(path).await;
            assert!(page.header("content-type").starts_with("text/html"), "{path}");
            let csp = page.header("content-security-policy");
            for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'self'"] {
                assert!(csp.contains(directive), "{path}: {csp}");
            }
            assert!(!page.text.contains("<script") && !page.text.contains("style=\"") && !page.text.contains("http-equiv"), "{path}");
            assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "no-referrer"), "{path}");
            assert_eq!(page.header("access-control-allow-origin"), "", "{path}");
            assert_eq!(page.header("cross-origin-opener-policy"), "same-origin-allow-popups", "{path}");
        }
    }
    // Pages that lead to clients name no form-action: browsers would apply it to the redirect.
    assert!(!browser.get(&consent).await.header("content-security-policy").contains("form-action"));
    assert!(browser.get("/account").await.header("content-security-policy").contains("form-action 'self'"));
    let style = browser.get("/static/style.css").await;
    assert_eq!((style.status, style.header("content-type"), style.header("set-cookie")), (200, "text/css; charset=utf-8", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_as_strict_as_it_can_be() {
    let app = TestApp::new().await;
    assert!(app.browser().get_once("/sign-in").await.header("set-cookie").ends_with("; HttpOnly; SameSite=Lax; Path=/"));
    let https = TestApp::with(|settings| settings.issuer = "https://id.example".to_owned().try_into().unwrap()).await;
    let cookie = https.browser().get_once("/sign-in").await.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-signet=") && cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/"), "{cookie}");
    assert!(!cookie.contains("Domain") && !cookie.contains("Max-Age"), "{cookie}");
    // Those who need none get none.
    for path in ["/.well-known/openid-configuration", "/static/style.css", "/health/live", "/"] {
        assert_eq!(app.get(path).send().await.header("set-cookie").is_empty(), path != "/", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_other_sites_call_what_their_clients_may() {
    let app = TestApp::new().await.with_orders().await.with_web().await;
    let asked = |path: &str, origin: &str| app.get(path).header("origin", origin).send();
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"] {
        let preflight = app.http.request(reqwest::Method::OPTIONS, format!("{}{path}", app.url)).header("origin", "https://anyone.example");
        assert_eq!(preflight.header("access-control-request-method", "GET").send().await.unwrap().status().as_u16(), 200, "{path}");
        let answer = asked(path, "https://anyone.example").await;
        assert_eq!((answer.header("access-control-allow-origin"), answer.header("access-control-allow-credentials")), ("*", ""), "{path}");
    }
    for path in ["/token", "/revoke", "/userinfo"] {
        let url = format!("{}{path}", app.url);
        let preflight = |origin: &str| {
            let request =
                app.http.request(reqwest::Method::OPTIONS, &url).header("origin", origin).header("access-control-request-method", "POST");
            async move { crate::support::Answer::of(request.send().await.unwrap()).await }
        };
        let own = preflight("https://shop.example").await;
        assert_eq!((own.status, own.header("access-control-allow-origin")), (200, "https://shop.example"), "{path}");
        assert_eq!(own.header("access-control-allow-headers"), "authorization,content-type,x-requested-with", "{path}");
        assert_eq!(asked(path, "https://shop.example").await.header("access-control-allow-origin"), "https://shop.example", "{path}");
        for other in
            ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "https://shop.example:8443", "null"]
        {
            assert_eq!(preflight(other).await.header("access-control-allow-origin"), "", "{path} {other}");
        }
    }
    for path in ["/authorize", "/introspect", "/register", "/sign-in", "/account"] {
        assert_eq!(asked(path, "https://shop.example").await.header("access-control-allow-origin"), "", "{path}");
    }
}
