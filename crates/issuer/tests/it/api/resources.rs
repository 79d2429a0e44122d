//! The scopes of a resource are changed over REST, after a preview. Whoever held a scope that is removed holds it no longer.

use serde_json::{Value, json};
use signet_issuer::admin::{clients, roles};

use crate::support::{Answer, ORDERS, PASSWORD, TestApp, at_once};

pub(super) const PATH: &str = "/resources/https%3A%2F%2Forders%2Eexample";
const PREVIEW: &str = "/resources/https%3A%2F%2Forders%2Eexample/edit/preview";

/// An issuer with alice, who is a clerk, the clients `shop`, `web` and `worker`, and a token of an administrator.
pub(super) async fn house() -> (TestApp, String) {
    let app = TestApp::administered().await.with_web().await.with_user("alice").await;
    app.add_client("worker", false, "client_credentials", &["orders:write"]).await;
    app.add_client("service", false, "", &[]).await;
    let token = app.token_of("boss", "admin").await;
    (app, token)
}

fn scope(name: &str, description: &str) -> Value {
    json!({ "name": name, "description": description })
}

/// The change that removes `orders:write`, describes `orders:read`, and adds `orders:cancel`.
fn patch() -> Value {
    json!({ "scopes": [scope("orders:read", "See your orders"), scope("orders:cancel", "")] })
}

pub(super) async fn etag(app: &TestApp, path: &str, token: &str) -> String {
    app.call("GET", path, token, None, None).await.header("etag").to_owned()
}

fn lost(preview: &Answer) -> Value {
    preview.json["scopes"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_scope_is_taken_from_all_who_hold_it_as_the_preview_says() {
    let (app, token) = house().await;
    let browser = app.signed_in("alice").await;
    let web = app.code_flow(&browser, &[("scope", "openid orders:read orders:write")]).await;
    let (wide, narrow) = (app.sign_in("alice", "orders:read orders:write").await, app.sign_in("alice", "orders:write").await);
    let other = app.sign_in("alice", "openid orders:read").await;
    let worker = app.client_token("worker", "").await;
    let versions = async || {
        let of_role = roles::show(&app.reading(), "clerk").await.unwrap().version;
        (of_role, clients::show(&app.reading(), "worker").await.unwrap().version)
    };
    let (tag, old) = (etag(&app, PATH, &token).await, versions().await);

    let preview = app.call("POST", PREVIEW, &token, None, Some(patch())).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    let expected = json!([{ "scope": "orders:write", "role_count": 1, "roles": ["clerk"], "client_count": 3,
        "clients": ["shop", "web", "worker"] }]);
    assert_eq!(lost(&preview), expected, "{}", preview.text);
    let effect = json!({ "kind": "scope", "name": "orders:write", "gained": false, "count": 2, "users": ["alice", "boss"] });
    assert_eq!(preview.json["effects"], json!([effect]), "{}", preview.text);
    // Of Alice's four authorizations, one holds nothing else, and one does not hold the scope.
    let counts = (&preview.json["authorizations"], &preview.json["refused_tokens"], &preview.json["complete"]);
    assert_eq!(counts, (&json!(1), &json!(2), &json!(true)), "{}", preview.text);
    assert_eq!((etag(&app, PATH, &token).await, versions().await), (tag.clone(), old), "nothing was changed");

    let changed = app.call("PATCH", PATH, &token, Some(&tag), Some(patch())).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let scopes = json!([scope("orders:cancel", "orders:cancel"), scope("orders:read", "See your orders")]);
    assert_eq!(changed.json["scopes"], scopes);
    assert_eq!(app.call("GET", PATH, &token, None, None).await.json["scopes"], scopes);
    assert_eq!(app.call("PATCH", PATH, &token, Some(&tag), Some(patch())).await.status, 412, "the version rose");
    assert_eq!(versions().await, (old.0 + 1, old.1 + 1), "who reads role and client again sees that they changed");
    assert_eq!(roles::show(&app.reading(), "clerk").await.unwrap().scopes, ["orders:read"]);
    assert_eq!(clients::show(&app.reading(), "worker").await.unwrap().scope, "");

    for (answer, active) in [(&web, false), (&wide, false), (&narrow, false), (&worker, false), (&other, true)] {
        assert_eq!(app.introspect("service", answer.str("access_token")).await.json["active"], active, "{}", answer.text);
    }
    let again = app.refresh(wide.str("refresh_token")).await;
    assert_eq!((again.status, again.str("scope")), (200, "orders:read"), "{}", again.text);
    let ended = app.refresh(narrow.str("refresh_token")).await;
    assert_eq!((ended.status, ended.str("error")), (400, "invalid_grant"), "it must not become a token without scopes: {}", ended.text);
    assert_eq!(app.client_token("worker", "orders:write").await.str("error"), "invalid_scope");
    let events = app.call("GET", "/audit?event=resource_changed", &token, None, None).await;
    let event = &events.json["items"][0];
    assert_eq!(event["after"]["scopes"], scopes, "{}", events.text);
    assert_eq!(event["before"]["scopes"][1], scope("orders:write", "orders:write"), "{}", events.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_gets_the_name_of_a_removed_one_is_given_to_nobody() {
    let (app, token) = house().await;
    let browser = app.signed_in("alice").await;
    app.code_flow(&browser, &[("scope", "openid orders:read orders:write")]).await;
    let shop = app.sign_in("alice", "orders:read orders:write").await;
    let remove = json!({ "scopes": [scope("orders:read", "")] });
    assert_eq!(app.call("PATCH", PATH, &token, Some("*"), Some(remove)).await.status, 200);
    // The name comes back as a scope of another service, and client and role get it.
    app.add_resource("https://stock.example", &["orders:write"], None).await;
    app.change_clerk(&["orders:write"], &[]).await;
    for client in ["/clients/shop", "/clients/web"] {
        let patch = json!({ "scope": "openid orders:read orders:write" });
        assert_eq!(app.call("PATCH", client, &token, Some("*"), Some(patch)).await.status, 200);
    }
    let again = app.refresh(shop.str("refresh_token")).await;
    assert_eq!((again.status, again.str("scope")), (200, "orders:read"), "{}", again.text);
    let asked = browser.get(&app.authorize(&[("scope", "openid orders:read orders:write")])).await;
    assert!(asked.text.contains("action=\"/consent\""), "consent to the old scope is none to the new one: {}", asked.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_that_cannot_be_changed_are_refused_by_their_field() {
    let (app, token) = house().await;
    app.add_resource("https://stock.example", &["stock:read"], None).await;
    let before = app.call("GET", PATH, &token, None, None).await.json;
    let with = |name: &str, description: &str| json!({ "scopes": [scope("orders:read", ""), scope(name, description)] });
    for (body, status, reason) in [
        (with("stock:read", ""), 422, "found stock:read, which belongs to https://stock.example"),
        (with("admin", ""), 422, "found admin, which belongs to"),
        (with("openid", ""), 422, "found openid, which belongs to"),
        (with("two words", ""), 422, "without spaces"),
        (with("", ""), 422, "without spaces"),
        (with("orders:new", "a\u{202e}b"), 422, "without control characters"),
        (with("orders:read", ""), 422, "appears twice"),
        (json!({ "scopes": [{ "label": "orders:new" }] }), 422, ""),
    ] {
        for (method, path, tag) in [("PATCH", PATH, Some("*")), ("POST", PREVIEW, None)] {
            let refused = app.call(method, path, &token, tag, Some(body.clone())).await;
            assert_eq!(refused.status, status, "{body}: {}", refused.text);
            assert!(refused.text.contains(reason) && refused.text.contains("scopes"), "{body}: {}", refused.text);
        }
    }
    // Those of the issuer itself stay as they are.
    let issuer = format!("/resources/{}", app.url.replace(':', "%3A").replace('/', "%2F"));
    for path in [issuer.clone(), format!("{issuer}%2Fuserinfo")] {
        let none = json!({ "scopes": [] });
        assert_eq!(app.call("PATCH", &path, &token, Some("*"), Some(none.clone())).await.status, 409, "{path}");
        assert_eq!(app.call("POST", &format!("{path}/edit/preview"), &token, None, Some(none)).await.status, 409, "{path}");
    }
    assert_eq!(app.call("GET", PATH, &token, None, None).await.json, before);
    // A scope that is removed needs a recent sign-in; one that is added does not.
    let form =
        [("grant_type", "password"), ("client_id", "cli"), ("username", "boss"), ("password", PASSWORD), ("scope", "admin offline_access")];
    let refresh = app.token(&form).await.str("refresh_token").to_owned();
    app.advance(601);
    let refreshed = app.token(&[("grant_type", "refresh_token"), ("client_id", "cli"), ("refresh_token", &refresh)]).await;
    let token = refreshed.str("access_token");
    let (remove, add) = (json!({ "scopes": [] }), json!({ "scopes": [before["scopes"][0], before["scopes"][1], scope("orders:new", "")] }));
    for (method, path, tag) in [("PATCH", PATH, Some("*")), ("POST", PREVIEW, None)] {
        let refused = app.call(method, path, token, tag, Some(remove.clone())).await;
        assert!(refused.header("www-authenticate").contains("insufficient_user_authentication"), "{}", refused.text);
    }
    assert_eq!(app.call("PATCH", PATH, token, Some("*"), Some(add)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_resources_that_want_a_scope_at_once_one_gets_it() {
    let (app, token) = house().await;
    app.add_resource("https://stock.example", &[], None).await;
    let body = || Some(json!({ "scopes": [scope("shared", "")] }));
    let stock = "/resources/https%3A%2F%2Fstock%2Eexample";
    let both = at_once(vec![app.call("PATCH", PATH, &token, Some("*"), body()), app.call("PATCH", stock, &token, Some("*"), body())]).await;
    let mut found: Vec<u16> = both.iter().map(|answer| answer.status).collect();
    found.sort_unstable();
    assert!(matches!(found[..], [200, 409 | 422]), "{found:?}: {} {}", both[0].text, both[1].text);
    assert_eq!(app.count("SELECT count(*) FROM scopes WHERE name = 'shared'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_scopes_are_removed_at_once() {
    let (app, token) = house().await;
    let many: Vec<Value> = (0..450).map(|number| scope(&format!("orders:{number}"), "")).collect();
    assert_eq!(app.call("PATCH", PATH, &token, Some("*"), Some(json!({ "scopes": many }))).await.status, 200);
    app.change_clerk(&["orders:7", "orders:449"], &[]).await;
    let patch = json!({ "scope": "orders:7 orders:449" });
    assert_eq!(app.call("PATCH", "/clients/shop", &token, Some("*"), Some(patch)).await.status, 200);
    let shop = app.sign_in("alice", "orders:7 orders:449").await;
    let preview = app.call("POST", PREVIEW, &token, None, Some(json!({ "scopes": [scope("orders:449", "")] }))).await;
    assert_eq!((lost(&preview).as_array().unwrap().len(), &preview.json["refused_tokens"]), (449, &json!(1)), "{}", preview.text);
    assert_eq!(app.call("PATCH", PATH, &token, Some("*"), Some(json!({ "scopes": [] }))).await.status, 200);
    assert_eq!(app.refresh(shop.str("refresh_token")).await.str("error"), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preview_of_closing_a_resource_names_the_clients_that_lose_it() {
    let (app, token) = house().await;
    assert_eq!(app.call("PATCH", PATH, &token, Some("*"), Some(json!({ "open": true }))).await.status, 200);
    app.add_client("guest", true, "password refresh_token", &[]).await;
    let guest = [("grant_type", "password"), ("client_id", "guest"), ("username", "alice"), ("password", PASSWORD)];
    let by_guest = app.token(&[&guest[..], &[("scope", "orders:read"), ("resource", ORDERS)]].concat()).await;
    assert_eq!(by_guest.status, 200, "{}", by_guest.text);
    app.sign_in("alice", "orders:read").await;
    let preview = app.call("POST", PREVIEW, &token, None, Some(json!({ "open": false }))).await;
    let expected = json!([{ "scope": "orders:read", "role_count": 0, "roles": [], "client_count": 1, "clients": ["guest"] }]);
    assert_eq!(lost(&preview), expected, "{}", preview.text);
    assert_eq!((&preview.json["effects"], &preview.json["refused_tokens"]), (&json!([]), &json!(2)), "{}", preview.text);
    // Closing it and removing a scope at once does both.
    let both = json!({ "open": false, "scopes": [scope("orders:read", "")] });
    let preview = app.call("POST", PREVIEW, &token, None, Some(both.clone())).await;
    assert_eq!(lost(&preview).as_array().unwrap().len(), 2, "{}", preview.text);
    assert_eq!(app.call("PATCH", PATH, &token, Some("*"), Some(both)).await.status, 200);
    assert_eq!(app.introspect("service", by_guest.str("access_token")).await.json["active"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_resource_says_what_its_tokens_tell() {
    let (app, token) = house().await;
    let body = |prefix: &str| json!({ "identifier": "https://b.example", "name": "B", "token_claims": ["roles", "groups", "roles"], "group_prefix": prefix });
    let refused = app.call("POST", "/resources", &token, None, Some(body(&"x".repeat(129)))).await;
    assert_eq!((refused.status, &refused.json["errors"][0]["pointer"]), (422, &json!("#/group_prefix")), "{}", refused.text);
    let added = app.call("POST", "/resources", &token, None, Some(body("b-"))).await;
    let told = (&added.json["token_claims"], added.str("group_prefix"));
    assert_eq!((added.status, told), (201, (&json!(["groups", "roles"]), "b-")), "{}", added.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_whose_identifier_names_no_service_is_refused() {
    let (app, token) = house().await;
    for identifier in
        ["javascript:alert(1)", "data:text/html,x", "http://orders.example", "https://me@orders.example", "HTTPS://orders.example"]
    {
        let refused = app.call("POST", "/resources", &token, None, Some(json!({ "identifier": identifier, "name": "Other" }))).await;
        assert_eq!(
            (refused.status, &refused.json["errors"][0]["pointer"]),
            (422, &json!("#/identifier")),
            "{identifier}: {}",
            refused.text
        );
    }
    for identifier in ["urn:example:orders", "api://orders", "http://localhost:8000/mcp"] {
        let added = app.call("POST", "/resources", &token, None, Some(json!({ "identifier": identifier, "name": "Other" }))).await;
        assert_eq!(added.status, 201, "{identifier}: {}", added.text);
    }
}
