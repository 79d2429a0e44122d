//! Scripts of any site may read the public documents. Other endpoints answer only scripts of origins that a client registered.

use crate::support::{Answer, TestApp};

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
            async move { Answer::of(request.send().await.unwrap()).await }
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
    for path in ["/authorize", "/introspect", "/sign-in", "/account"] {
        assert_eq!(asked(path, "https://shop.example").await.header("access-control-allow-origin"), "", "{path}");
    }
}

/// A client that runs in a browser reads the metadata, registers itself, and manages its registration, before any origin is known.
#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_any_site_may_register_a_client() {
    let app = TestApp::with(|settings| settings.open_registration = true).await;
    let origin = "http://localhost:6274";
    let url = |path: &str| if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", app.url) };
    let preflight = async |path: &str, method: &str, headers: &str| {
        let request = app.http.request(reqwest::Method::OPTIONS, url(path)).header("origin", origin);
        let request = request.header("access-control-request-method", method).header("access-control-request-headers", headers);
        Answer::of(request.send().await.unwrap()).await
    };
    for (path, method, headers) in [
        ("/.well-known/openid-configuration", "GET", "mcp-protocol-version"),
        ("/.well-known/oauth-authorization-server", "GET", "mcp-protocol-version"),
        ("/register", "POST", "content-type,mcp-protocol-version"),
        ("/register/x", "GET", "authorization"),
        ("/register/x", "DELETE", "authorization"),
    ] {
        let allowed = preflight(path, method, headers).await;
        assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, "*"), "{path}");
        assert_eq!(allowed.header("access-control-allow-headers"), headers, "{path}");
        assert!(allowed.header("access-control-allow-methods").contains(method), "{path}");
        assert_eq!(allowed.header("access-control-allow-credentials"), "", "{path}");
    }
    let metadata = serde_json::json!({ "redirect_uris": ["http://localhost:6274/cb"], "token_endpoint_auth_method": "none" });
    let post = app.http.post(url("/register")).header("origin", origin).json(&metadata);
    let made = Answer::of(post.send().await.unwrap()).await;
    assert_eq!((made.status, made.header("access-control-allow-origin")), (201, "*"));
    let wrong = app.http.get(url(made.str("registration_client_uri"))).header("origin", origin).bearer_auth("x");
    let wrong = Answer::of(wrong.send().await.unwrap()).await;
    assert_eq!((wrong.status, wrong.header("access-control-allow-origin")), (401, "*"), "scripts can read errors");
    assert_eq!(wrong.header("access-control-expose-headers"), "www-authenticate,retry-after");
    // The client's own site may now call the token endpoint.
    assert_eq!(preflight("/token", "POST", "content-type").await.header("access-control-allow-origin"), origin);
}
