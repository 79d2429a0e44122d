//! A resource that the request names is the only audience, and it is refused if nothing was granted for it.

use serde_json::json;

use crate::support::{ORDERS, PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_named_resource_is_the_only_audience() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let ask = |resource: String, scope: &'static str| {
        let app = &app;
        async move {
            let parameters = [
                ("grant_type", "password"),
                ("client_id", "shop"),
                ("username", "alice"),
                ("password", PASSWORD),
                ("scope", scope),
                ("resource", &resource),
            ];
            app.token(&parameters).await
        }
    };
    let orders = ask(ORDERS.to_owned(), "openid orders:read").await;
    assert_eq!((&orders.claims()["aud"], orders.str("scope")), (&json!(ORDERS), "orders:read"));
    assert!(orders.json["id_token"].is_string());
    let userinfo = ask(format!("{}/userinfo", app.url), "openid orders:read").await;
    assert_eq!((&userinfo.claims()["aud"], userinfo.str("scope")), (&json!(format!("{}/userinfo", app.url)), "openid"));
    // The authorization keeps all granted scopes, so that a refresh can ask for the other resource.
    let refreshed = app
        .token(&[
            ("grant_type", "refresh_token"),
            ("client_id", "shop"),
            ("refresh_token", userinfo.str("refresh_token")),
            ("resource", ORDERS),
        ])
        .await;
    assert_eq!((&refreshed.claims()["aud"], refreshed.str("scope")), (&json!(ORDERS), "orders:read"));

    assert_eq!(ask("https://unknown.example".to_owned(), "").await.error(), (400, "invalid_target"));
    assert_eq!(ask(format!("{ORDERS}/"), "").await.error(), (400, "invalid_target"));
    // This resource exists, but the client may ask for none of its scopes.
    assert_eq!(ask(app.url.clone(), "").await.error(), (400, "invalid_target"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_granted_no_scope_of_the_resource_is_refused() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_resource("https://invoices.example", &["invoices:read"], None).await;
    app.change_clerk(&["invoices:read"], &[]).await;
    app.add_client("books", true, "password", &["orders:read", "invoices:read"]).await;
    let ask = |resource: &'static str, scope: &'static str| {
        let mut form =
            vec![("grant_type", "password"), ("client_id", "books"), ("username", "alice"), ("password", PASSWORD), ("scope", scope)];
        if !resource.is_empty() {
            form.push(("resource", resource));
        }
        let request = app.post("/token").form(&form);
        async move { request.send().await }
    };
    assert_eq!(ask("", "invoices:read").await.error(), (400, "invalid_scope"), "the default resource does not own the scope");
    assert_eq!(ask("https://invoices.example", "orders:read").await.error(), (400, "invalid_scope"));
    let both = ask("https://invoices.example", "orders:read invoices:read").await;
    assert_eq!((both.str("scope"), &both.claims()["aud"]), ("invoices:read", &json!("https://invoices.example")));
}
