//! The JWKS holds public keys alone, can be cached and revalidated, and tells its age.

use serde_json::json;

use crate::support::{TestApp, header};

#[tokio::test(flavor = "multi_thread")]
async fn the_jwks_can_be_cached_and_revalidated() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let answer = app.get("/.well-known/jwks.json").send().await;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    let key = &answer.json["keys"][0];
    assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
    assert!(["d", "p", "q", "dp", "dq", "qi"].iter().all(|private| key[private].is_null()));
    assert_eq!(key["kid"], header(app.sign_in("alice", "").await.str("access_token"))["kid"]);
    let etag = answer.header("etag");
    for tags in [etag.to_owned(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let unchanged = app.get("/.well-known/jwks.json").header("if-none-match", &tags).send().await;
        assert_eq!((unchanged.status, unchanged.text.as_str(), unchanged.header("etag")), (304, "", etag), "{tags}");
    }
    assert_eq!(app.get("/.well-known/jwks.json").header("if-none-match", "\"x\"").send().await.status, 200);
    // `Age` states the age of this node's view.
    app.advance(9);
    assert_eq!(app.get("/.well-known/jwks.json").send().await.header("age"), "9");
    app.advance(1);
    assert_eq!(app.get("/.well-known/jwks.json").send().await.header("age"), "0");
}
