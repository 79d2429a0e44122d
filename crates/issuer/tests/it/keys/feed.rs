//! A node that reads in the feed that a key was revoked does without the key from then on.

use crate::keys::revoke;
use crate::support::{Answer, TestApp, header};

async fn issuer() -> TestApp {
    let app = TestApp::new().await.with_orders().await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    app.add_client("service", false, "", &[]).await;
    app
}

async fn token(node: &TestApp) -> String {
    node.client_token("worker", "").await.str("access_token").to_owned()
}

fn kid(token: &str) -> String {
    header(token)["kid"].as_str().unwrap().to_owned()
}

async fn is_active(node: &TestApp, token: &str) -> bool {
    node.introspect("service", token).await.json["active"].as_bool().unwrap()
}

async fn jwks(node: &TestApp) -> Answer {
    node.get("/.well-known/jwks.json").send().await
}

async fn told_kids(node: &TestApp) -> String {
    node.get("/revocations").send().await.json["revoked_kids"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_does_without_a_revoked_key_once_it_has_read_the_feed() {
    let app = issuer().await;
    let other = app.another_node().await;
    let old = token(&other).await;
    let stolen = kid(&old);
    for node in [&app, &other] {
        assert!(jwks(node).await.text.contains(&stolen) && is_active(node, &old).await);
    }
    assert!(revoke(&app.app, &stolen).await);
    for node in [&other, &app] {
        node.app.read_revocations().await.unwrap();
        assert!(told_kids(node).await.contains(&stolen));
        assert!(!jwks(node).await.text.contains(&stolen));
        assert!(!is_active(node, &old).await);
        let new = token(node).await;
        assert!(kid(&new) != stolen && jwks(node).await.text.contains(&kid(&new)) && is_active(node, &new).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_told_even_if_the_ring_cannot_be_read() {
    let app = issuer().await;
    let stolen = kid(&token(&app).await);
    app.sql("ALTER TABLE signing_keys RENAME TO signing_keys_away").await;
    app.sql("UPDATE signing_keys_away SET revoked_at = activates_at + 1, sealed_private = NULL").await;
    app.app.read_revocations().await.unwrap();
    assert!(told_kids(&app).await.contains(&stolen));
    assert!(jwks(&app).await.text.contains(&stolen));
    // The node tries again in the next round.
    app.sql("ALTER TABLE signing_keys_away RENAME TO signing_keys").await;
    app.app.read_revocations().await.unwrap();
    assert!(!jwks(&app).await.text.contains(&stolen));
}
