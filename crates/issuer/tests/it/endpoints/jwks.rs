//! The JWKS holds public keys alone, can be cached and revalidated, and tells its age.

use serde_json::json;

use crate::support::{TestApp, header, real_time};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_nobody_asks_for_anything_has_a_young_jwks_when_the_database_goes_away() {
    let app = TestApp::new().await;
    let _jobs = signet_issuer::jobs::start(&app.app);
    for _ in 0..30 {
        app.advance(10);
        real_time(20).await;
    }
    app.sql("ALTER TABLE signing_keys RENAME TO signing_keys_away").await;
    let answer = app.get("/.well-known/jwks.json").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let age: u32 = answer.header("age").parse().unwrap();
    assert!(age < 150, "the view that is left is {age} s old");
}
