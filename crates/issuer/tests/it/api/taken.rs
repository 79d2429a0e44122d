//! Values that something else has are told with everything else that is wrong, and all of them at once.

use serde_json::{Value, json};
use signet_issuer::admin::users;

use super::all_faults::pointers;
use super::pointers::furnished;

const ORDERS: &str = "https://orders.example";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_tells_all_taken_values_with_all_other_faults() {
    let (app, token) = furnished().await;
    let call = async |method: &str, path: &str, body: &Value| app.call(method, path, &token, Some("*"), Some(body.clone())).await;
    let known = json!({
        "username": "zoe", "email": "zoe@example.com", "email_verified": true, "external_id": "7", "password": "a long and good passphrase",
    });
    let zoe = call("POST", "/users", &known).await.json["id"].clone();
    assert_eq!(call("POST", "/groups", &json!({ "name": "crew", "external_id": "7" })).await.status, 201);
    let alice = users::show(&app.reading(), "alice").await.unwrap().id.to_string();
    let crew = json!({ "name": "Crew", "external_id": "7" });
    let resource = json!({ "identifier": ORDERS, "name": "Orders", "scopes": [{ "name": "orders:read" }] });
    let role = json!({ "name": "clerk" });
    let attribute = json!({ "name": "team", "type": "string" });
    let client = json!({ "client_id": "web", "client_name": "Shop", "grant_types": ["client_credentials"], "access": "everyone" });
    for (method, path, body, taken, wrong, both) in [
        (
            "POST",
            "/users".to_owned(),
            json!({ "username": "ZOE", "email": "Zoe@example.com", "email_verified": true, "external_id": "7" }),
            vec!["#/email", "#/external_id", "#/username"],
            json!({ "name": "", "password": "short", "roles": ["none"] }),
            vec!["#/email", "#/external_id", "#/name", "#/password", "#/roles/0", "#/username"],
        ),
        (
            "PATCH",
            format!("/users/{alice}"),
            json!({ "username": "zoe", "email": "zoe@example.com", "email_verified": true, "external_id": "7" }),
            vec!["#/email", "#/external_id", "#/username"],
            json!({ "name": "", "attributes": { "team": "too long" } }),
            vec!["#/attributes/team", "#/email", "#/external_id", "#/name", "#/username"],
        ),
        (
            "POST",
            "/groups".to_owned(),
            crew.clone(),
            vec!["#/external_id", "#/name"],
            json!({ "display_name": "", "roles": ["none"] }),
            vec!["#/display_name", "#/external_id", "#/name", "#/roles/0"],
        ),
        (
            "PATCH",
            "/groups/team".to_owned(),
            crew,
            vec!["#/external_id", "#/name"],
            json!({ "display_name": "", "roles": ["none"] }),
            vec!["#/display_name", "#/external_id", "#/name", "#/roles/0"],
        ),
        (
            "POST",
            "/roles".to_owned(),
            role,
            vec!["#/name"],
            json!({ "display_name": "", "scopes": ["x:y"] }),
            vec!["#/display_name", "#/name", "#/scopes/0"],
        ),
        (
            "POST",
            "/attributes".to_owned(),
            attribute,
            vec!["#/name"],
            json!({ "scope": "openid", "pattern": "(" }),
            vec!["#/name", "#/pattern", "#/scope"],
        ),
        (
            "POST",
            "/clients".to_owned(),
            client,
            vec!["#/client_id"],
            json!({ "client_name": "", "scope": "x:y", "metadata": { "tos_uri": "no" } }),
            vec!["#/client_id", "#/client_name", "#/metadata/tos_uri", "#/scope"],
        ),
        (
            "POST",
            "/presets/grafana/clients".to_owned(),
            json!({ "client_id": "web", "url": "https://grafana.example", "access": "everyone" }),
            vec!["#/client_id"],
            json!({ "url": "no", "access": "groups", "groups": ["nobody"] }),
            vec!["#/client_id", "#/groups/0", "#/url"],
        ),
        (
            "POST",
            "/resources".to_owned(),
            resource,
            vec!["#/identifier"],
            json!({ "name": "", "scopes": [{ "name": "orders:read" }, { "name": "openid" }] }),
            vec!["#/identifier", "#/name", "#/scopes/1"],
        ),
    ] {
        let answer = call(method, &path, &body).await;
        assert_eq!((answer.status, pointers(&answer)), (409, taken), "{method} {path} {body}: {}", answer.text);
        let has_id = answer.json["id"].is_string();
        assert_eq!(has_id, method == "POST", "what there is already is named: {}", answer.text);
        if path == "/users" {
            assert_eq!(answer.json["id"], zoe);
        }
        let mut worse = body.clone();
        worse.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let answer = call(method, &path, &worse).await;
        assert_eq!((answer.status, pointers(&answer)), (422, both), "{method} {path} {worse}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_tells_all_taken_values_with_all_other_faults() {
    let (app, token) = furnished().await;
    let known = json!({ "username": "zoe", "email": "zoe@example.com", "email_verified": true, "external_id": "7" });
    assert_eq!(app.call("POST", "/users", &token, None, Some(known)).await.status, 201);
    assert_eq!(app.call("POST", "/groups", &token, None, Some(json!({ "name": "crew", "external_id": "7" }))).await.status, 201);
    let browser = app.signed_in("boss").await;
    for (path, fields, faults) in [
        (
            "/admin/users/new",
            vec![("username", "zoe"), ("email", "zoe@example.com"), ("email_verified", "true"), ("name", "x\u{7}"), ("groups", "nobody")],
            4,
        ),
        ("/admin/users/new", vec![("username", "zoe"), ("email", "zoe@example.com"), ("email_verified", "true")], 2),
        (
            "/admin/users/alice/edit",
            vec![("username", "zoe"), ("email", "zoe@example.com"), ("email_verified", "true"), ("external_id", "7"), ("name", "x\u{7}")],
            // Whether the new address is verified is asked after it is saved.
            3,
        ),
        ("/admin/groups/new", vec![("name", "crew"), ("external_id", "7"), ("roles", "none")], 3),
        ("/admin/groups/team/edit", vec![("name", "crew"), ("external_id", "7"), ("roles", "none")], 3),
        ("/admin/roles/new", vec![("name", "clerk"), ("display_name", "x\u{7}"), ("scopes", "x:y")], 3),
        ("/admin/attributes/new", vec![("name", "team"), ("min", "x"), ("pattern", "(")], 3),
        ("/admin/resources/new", vec![("identifier", ORDERS), ("token_lifetime", "x"), ("name", "")], 3),
        ("/admin/clients/new?preset=grafana", vec![("client_id", "web"), ("url", "grafana"), ("access", "everyone"), ("scope", "x:y")], 3),
    ] {
        let form = browser.get(path).await;
        let refused = browser.send_filled(&form, path.split('?').next().unwrap(), &fields).await;
        assert_eq!(refused.status, 400, "{path}: {}", refused.text);
        let found = refused.text.matches("aria-invalid=\"true\"").count();
        assert_eq!(found, faults, "{path} {fields:?}: {}", refused.text);
    }
}
