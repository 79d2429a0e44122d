//! Redirect URIs that are ambiguous, unencrypted or dangerous cannot be registered.

use signet_issuer::oauth::application_type::ApplicationType;
use signet_issuer::oauth::redirect_uri;

#[test]
fn redirect_uris_that_may_be_registered() {
    for good in [
        "https://app.example/cb",
        "https://app.example/cb?x=1",
        "http://localhost:3000/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:1/cb",
        "com.example.app:/cb",
    ] {
        assert!(redirect_uri::validate(good, ApplicationType::Native).is_ok(), "{good}");
    }
    for bad in [
        "",
        "/cb",
        "app.example",
        "http://app.example/cb",
        "https://app.example/cb#x",
        "https://user:pw@app.example/cb",
        "myapp:/cb",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "https://app.example\\@evil.example/",
        "https://app.example/\tcb",
        "http://localhost.evil.example/cb",
        "https:///cb",
    ] {
        assert!(redirect_uri::validate(bad, ApplicationType::Native).is_err(), "{bad}");
    }
}
