//! A token gets the scopes that were asked for, or the defaults, as far as the client and the user hold them.

use serde_json::json;

use crate::support::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn scopes_are_narrowed_to_those_of_the_client_and_the_user() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_user("bob", &[]).await;
    app.add_client("reader", true, "password", &["orders:read"]).await;
    // Scopes that do not exist, and those that the client or the user may not have, are dropped.
    let through = |client: &'static str, user: &'static str, scope: &'static str| {
        let app = &app;
        async move {
            app.token(&[("grant_type", "password"), ("client_id", client), ("username", user), ("password", PASSWORD), ("scope", scope)])
                .await
        }
    };
    assert_eq!(
        through("shop", "alice", "orders:write orders:read orders:read admin nonsense").await.str("scope"),
        "orders:read orders:write"
    );
    assert_eq!(through("reader", "alice", "orders:read orders:write").await.str("scope"), "orders:read");
    assert_eq!(through("reader", "alice", "orders:write").await.error(), (400, "invalid_scope"));
    assert_eq!(through("shop", "bob", "orders:read").await.error(), (400, "invalid_scope"));
    assert_eq!(through("shop", "alice", "orders\"read").await.error(), (400, "invalid_scope"));
    // A request without scope gets the client's scopes of its default resource that the user may have.
    assert_eq!(through("shop", "alice", "").await.str("scope"), "orders:read orders:write");
    let nothing = through("shop", "bob", "").await;
    assert_eq!(nothing.error(), (400, "invalid_target"));
    assert!(nothing.text.contains("no scope of https://orders.example was granted; name one of its scopes"), "{}", nothing.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_scopes_are_never_granted_by_default() {
    let app = TestApp::new().await;
    let ask = |scope: &'static str| {
        let app = &app;
        async move { app.token(&[("grant_type", "password"), ("username", "admin"), ("password", &app.admin_password), ("scope", scope)]).await }
    };
    assert_eq!(ask("").await.error(), (400, "invalid_target"));
    let asked = ask("admin").await;
    assert_eq!((asked.str("scope"), &asked.claims()["aud"]), ("admin", &json!(app.url)));
}
