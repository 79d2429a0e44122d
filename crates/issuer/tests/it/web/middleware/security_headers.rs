//! Every answer carries the security headers.

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    let app = TestApp::new().await;
    for path in ["/.well-known/jwks.json", "/token", "/nowhere", "/health/live"] {
        let answer = app.get(path).send().await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
        assert_eq!(answer.header("server"), "", "{path}");
    }
    let https = TestApp::with(|settings| settings.issuer = "https://id.example".to_owned().try_into().unwrap()).await;
    assert_eq!(https.get("/health/live").send().await.header("strict-transport-security"), "max-age=31536000; includeSubDomains");
}
