//! Scripts of any site may read the public documents. Other endpoints answer only scripts of origins that a client registered.

use crate::support::TestApp;

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
