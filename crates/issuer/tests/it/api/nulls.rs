//! One rule for every merge patch: `null` gives a member the value that a new object has without it, and is refused by name where a new object
//! must have the member.

use serde_json::{Value, json};
use signet_issuer::admin::users;

use super::pointers::furnished;

const ORDERS: &str = "/resources/https%3A%2F%2Forders.example";

#[tokio::test(flavor = "multi_thread")]
async fn null_is_what_a_new_object_has_or_is_refused_by_name() {
    let (app, token) = furnished().await;
    let alice = format!("/users/{}", users::show(&app.reading(), "alice").await.unwrap().id);
    let call = async |method: &str, path: &str, body: Value| app.call(method, path, &token, Some("*"), Some(body)).await;
    for (path, set, removed, refused) in [
        (
            "/groups/team",
            json!({ "display_name": "x", "external_id": "7", "roles": ["clerk"], "delegated": true, "is_default": true }),
            json!({ "display_name": null, "external_id": null, "roles": [], "delegated": false, "is_default": false }),
            vec!["name"],
        ),
        ("/roles/clerk", json!({ "display_name": "x", "delegated": true }), json!({ "display_name": null, "delegated": false }), vec![]),
        (
            "/attributes/team",
            json!({
                "display_name": "x", "mutability": "user", "visibility": "user", "scope": "profile", "min": 1, "max": 9, "pattern": "[a-z]+",
            }),
            json!({
                "display_name": "team", "mutability": "admin", "visibility": "admin", "scope": null, "min": null, "max": null, "pattern": null,
            }),
            vec![],
        ),
        (
            ORDERS,
            json!({
                "scopes": [{ "name": "orders:read" }, { "name": "orders:write" }], "token_lifetime": 60, "open": true,
                "access_token_typ": "JWT", "token_claims": ["groups"], "group_prefix": "x",
            }),
            json!({
                "scopes": [], "token_lifetime": 600, "open": false, "access_token_typ": "at+jwt", "token_claims": [], "group_prefix": "",
            }),
            vec!["name"],
        ),
        (
            &alice,
            json!({ "email": "a@x.example", "email_verified": true, "name": "Alice", "external_id": "7", "claims": { "nickname": "Al" } }),
            json!({ "email": null, "email_verified": false, "name": null, "external_id": null, "claims": {} }),
            vec!["username"],
        ),
        (
            "/clients/web",
            json!({
                "first_party": true, "id_token_claims": true, "groups": ["staff"], "claims_allowed": false, "signals_of_all_users": true,
                "session_management": true, "group_filter": "prefix", "group_prefix": "x", "origins": ["https://x.example"],
            }),
            json!({
                "first_party": false, "id_token_claims": false, "groups": [], "claims_allowed": true, "signals_of_all_users": false,
                "session_management": false, "group_filter": "assigned", "group_prefix": "",
            }),
            vec!["client_name", "access"],
        ),
    ] {
        for member in &refused {
            let answer = call("PATCH", path, json!({ (*member): null })).await;
            let pointer = format!("#/{member}");
            assert_eq!((answer.status, answer.json["errors"][0]["pointer"].as_str()), (422, Some(&*pointer)), "{path}: {}", answer.text);
        }
        let made = call("PATCH", path, set.clone()).await;
        assert_eq!(made.status, 200, "{path}: {}", made.text);
        let nulls: Value =
            set.as_object().unwrap().keys().map(|name| (name.clone(), Value::Null)).collect::<serde_json::Map<_, _>>().into();
        let answer = call("PATCH", path, nulls).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let shown = answer.json.get("client").unwrap_or(&answer.json);
        for (member, value) in removed.as_object().unwrap() {
            assert_eq!(&shown[member], value, "{path} {member}: {}", answer.text);
        }
    }
    // If two members do not fit each other, the fault names the one that was sent.
    let body = json!({ "name": "level", "type": "number", "max": 9, "visibility": "user", "mutability": "user" });
    assert_eq!(call("POST", "/attributes", body).await.status, 201);
    for (body, pointer) in [
        (json!({ "min": 500 }), "#/min"),
        (json!({ "max": 5, "min": 7 }), "#/max"),
        (json!({ "visibility": "admin" }), "#/visibility"),
        (json!({ "visibility": null }), "#/visibility"),
        (json!({ "visibility": "admin", "mutability": "user" }), "#/mutability"),
    ] {
        let answer = call("PATCH", "/attributes/level", body.clone()).await;
        assert_eq!((answer.status, answer.json["errors"][0]["pointer"].as_str()), (422, Some(pointer)), "{body}: {}", answer.text);
    }
}
