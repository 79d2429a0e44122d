//! A resource is removed over REST, after a preview. Nobody holds its scopes any more, not even when their names come back.

use serde_json::json;
use signet_issuer::admin::{clients, roles};

use super::resources::{PATH, etag, house};
use crate::support::{ORDERS, TestApp};

const PREVIEW: &str = "/resources/https%3A%2F%2Forders%2Eexample/removal/preview";

async fn versions(app: &TestApp) -> Vec<i32> {
    let mut versions = vec![roles::show(&app.reading(), "clerk").await.unwrap().version];
    for client in ["shop", "web", "worker", "service"] {
        versions.push(clients::show(&app.reading(), client).await.unwrap().version);
    }
    versions
}

/// Returns the number of rows of `table` whose scopes have one of the resource.
async fn holding(app: &TestApp, table: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM {table} WHERE scope LIKE '%orders:%'")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_resource_is_taken_from_all_who_hold_its_scopes_as_the_preview_says() {
    let (app, token) = house().await;
    let browser = app.signed_in("alice").await;
    let web = app.code_flow(&browser, &[("scope", "openid orders:read orders:write")]).await;
    let (wide, narrow) = (app.sign_in("alice", "openid orders:read").await, app.sign_in("alice", "orders:write").await);
    let other = app.sign_in("alice", "openid").await;
    let worker = app.client_token("worker", "").await;
    let (tag, old) = (etag(&app, PATH, &token).await, versions(&app).await);
    assert_eq!((holding(&app, "consents").await, holding(&app, "authorizations").await), (1, 3));

    let preview = app.call("POST", PREVIEW, &token, None, None).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    let expected = json!([
        { "scope": "orders:read", "role_count": 1, "roles": ["clerk"], "client_count": 2, "clients": ["shop", "web"] },
        { "scope": "orders:write", "role_count": 1, "roles": ["clerk"], "client_count": 3, "clients": ["shop", "web", "worker"] },
    ]);
    assert_eq!(preview.json["scopes"], expected, "{}", preview.text);
    let effect = |scope: &str| json!({ "kind": "scope", "name": scope, "gained": false, "count": 2, "users": ["alice", "boss"] });
    assert_eq!(preview.json["effects"], json!([effect("orders:read"), effect("orders:write")]), "{}", preview.text);
    // Of Alice's four authorizations, one holds nothing else, and one holds none of its scopes.
    let counts = (&preview.json["authorizations"], &preview.json["refused_tokens"], &preview.json["complete"]);
    assert_eq!(counts, (&json!(1), &json!(2), &json!(true)), "{}", preview.text);
    assert_eq!((etag(&app, PATH, &token).await, versions(&app).await), (tag.clone(), old.clone()), "nothing was changed");
    assert_eq!((holding(&app, "consents").await, holding(&app, "authorizations").await), (1, 3), "nothing was changed");

    let removed = app.call("DELETE", PATH, &token, Some(&tag), None).await;
    assert_eq!(removed.status, 204, "{}", removed.text);
    assert_eq!((holding(&app, "consents").await, holding(&app, "authorizations").await), (0, 0));
    assert_eq!(app.count("SELECT count(*) FROM consents WHERE scope = 'openid'").await, 1, "the consent to the rest stays");
    // All of them held a scope of it, or had it as their default.
    let risen: Vec<i32> = old.iter().map(|version| version + 1).collect();
    assert_eq!(versions(&app).await, risen, "who reads role and clients again sees that they changed");
    assert_eq!(app.refresh(other.str("refresh_token")).await.status, 200, "it held none of the scopes");
    let again = app.refresh(wide.str("refresh_token")).await;
    assert_eq!((again.status, again.str("scope")), (200, "openid"), "{}", again.text);
    let ended = app.refresh(narrow.str("refresh_token")).await;
    assert_eq!((ended.status, ended.str("error")), (400, "invalid_grant"), "it must not become a token without scopes: {}", ended.text);
    assert_eq!(app.client_token("worker", "").await.status, 400, "there is nothing left to ask for");
    for (method, path, tag) in [("POST", PREVIEW, None), ("DELETE", PATH, Some("*"))] {
        assert_eq!(app.call(method, path, &token, tag, None).await.status, 404, "{method} {path}: it is gone");
    }
    // A service that takes its place is told that the old tokens are no longer good.
    take_place(&app, &token, ORDERS).await;
    for answer in [&web, &wide, &narrow, &worker] {
        assert_eq!(app.introspect("service", answer.str("access_token")).await.json["active"], false, "{}", answer.text);
    }
}

/// Adds a resource that owns scopes of the old names, gives them to the role and to the clients of people, and lets `service` introspect its
/// tokens.
async fn take_place(app: &TestApp, token: &str, identifier: &str) {
    app.add_resource(identifier, &["orders:read", "orders:write"], None).await;
    app.change_clerk(&["orders:read", "orders:write"], &[]).await;
    let patch = json!({ "scope": "openid orders:read orders:write", "default_resource": identifier });
    for (client, patch) in [("shop", patch.clone()), ("web", patch), ("service", json!({ "default_resource": identifier }))] {
        let patched = app.call("PATCH", &format!("/clients/{client}"), token, Some("*"), Some(patch)).await;
        assert_eq!(patched.status, 200, "{client}: {}", patched.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_gets_the_name_of_one_of_a_removed_resource_is_given_to_nobody() {
    // The names come back at another service, or at one that takes the place of the old one.
    for identifier in ["https://stock.example", ORDERS] {
        let (app, token) = house().await;
        let browser = app.signed_in("alice").await;
        app.code_flow(&browser, &[("scope", "openid orders:read")]).await;
        let shop = app.sign_in("alice", "openid orders:read orders:write").await;
        let only = app.sign_in("alice", "orders:read").await;
        assert_eq!(app.call("DELETE", PATH, &token, Some("*"), None).await.status, 204);
        take_place(&app, &token, identifier).await;
        let again = app.refresh(shop.str("refresh_token")).await;
        assert_eq!((again.status, again.str("scope")), (200, "openid"), "{identifier}: {}", again.text);
        assert_eq!(app.refresh(only.str("refresh_token")).await.str("error"), "invalid_grant", "{identifier}");
        for old in [&shop, &only] {
            assert_eq!(app.introspect("service", old.str("access_token")).await.json["active"], false, "{identifier}: {}", old.text);
        }
        let asked = browser.get(&app.authorize(&[("scope", "openid orders:read")])).await;
        assert!(
            asked.text.contains("action=\"/consent\""),
            "{identifier}: consent to the old scope is none to the new one: {}",
            asked.text
        );
        let fresh = app.sign_in("alice", "orders:read").await;
        assert_eq!((fresh.status, fresh.str("scope")), (200, "orders:read"), "{identifier}: whoever signs in gets it: {}", fresh.text);
        assert_eq!(app.introspect("service", fresh.str("access_token")).await.json["active"], true, "{identifier}: {}", fresh.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_with_hundreds_of_scopes_is_removed_and_built_in_ones_are_not() {
    let (app, token) = house().await;
    let many: Vec<_> = (0..250).map(|number| json!({ "name": format!("orders:{number}") })).collect();
    assert_eq!(app.call("PATCH", PATH, &token, Some("*"), Some(json!({ "scopes": many }))).await.status, 200);
    app.change_clerk(&["orders:7", "orders:249"], &[]).await;
    let patch = json!({ "scope": "openid orders:7 orders:249" });
    assert_eq!(app.call("PATCH", "/clients/shop", &token, Some("*"), Some(patch)).await.status, 200);
    let shop = app.sign_in("alice", "openid orders:7 orders:249").await;
    assert_eq!(shop.status, 200, "{}", shop.text);
    let preview = app.call("POST", PREVIEW, &token, None, None).await;
    assert_eq!(preview.json["scopes"].as_array().map(Vec::len), Some(250), "{}", preview.text);
    assert_eq!(app.call("DELETE", PATH, &token, Some("*"), None).await.status, 204);
    assert_eq!(holding(&app, "authorizations").await, 0);
    let again = app.refresh(shop.str("refresh_token")).await;
    assert_eq!((again.status, again.str("scope")), (200, "openid"), "{}", again.text);
    let issuer = format!("/resources/{}", app.url.replace(':', "%3A").replace('/', "%2F"));
    for path in [issuer.clone(), format!("{issuer}%2Fuserinfo")] {
        assert_eq!(app.call("POST", &format!("{path}/removal/preview"), &token, None, None).await.status, 409, "{path}");
    }
}
