//! The pointers of problems name members of the body that was sent. One test walks every member of every body of the OpenAPI document.

use serde_json::{Map, Value, json};
use signet_issuer::admin::users;
use signet_issuer::api::PREFIX;

use crate::support::TestApp;

const ORDERS_PATH: &str = "https%3A%2F%2Forders.example";

/// Returns an issuer with one of each thing, and a token of an administrator.
pub(super) async fn furnished() -> (TestApp, String) {
    let app = TestApp::administered().await.with_user("alice").await.with_web().await;
    let token = app.token_of("boss", "admin").await;
    for (path, body) in [
        ("/groups", json!({ "name": "staff", "roles": ["clerk"] })),
        ("/groups", json!({ "name": "team" })),
        ("/attributes", json!({ "name": "team", "type": "string", "max": 5 })),
        ("/attributes", json!({ "name": "tags", "type": "string", "multi_valued": true })),
        ("/clients/web/claims", claim("teams")),
    ] {
        let answer = app.call("POST", path, &token, None, Some(body)).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text);
    }
    (app, token)
}

fn claim(name: &str) -> Value {
    let map = json!([{ "group": "staff", "value": "a" }, { "group": "team", "value": "b" }]);
    json!({
        "claim": name, "source": "group_map", "map": map, "default": "x", "shape": "first", "in_id_token": true, "in_userinfo": true
    })
}

/// Returns a body that the operation `id` accepts, and the parameter of its path. What is added gets a name with the number `new`, so that
/// nothing is added twice.
pub(super) fn accepted(id: &str, alice: &str, new: usize) -> (String, Value) {
    let client = json!({
        "client_name": "Shop", "grant_types": ["authorization_code"], "redirect_uris": ["https://shop.example/cb"],
        "origins": ["https://shop.example"], "scope": "openid", "access": "groups", "groups": ["staff"],
        "metadata": { "contacts": ["help@shop.example"] },
    });
    let scopes =
        json!([{ "name": "orders:read", "description": "See orders" }, { "name": "orders:write", "description": "Change orders" }]);
    let (parameter, body) = match id.trim_end_matches("_preview") {
        "AttributeAdd" => ("", json!({ "name": format!("desk{new}"), "type": "string" })),
        "AttributeEdit" => ("team", json!({ "display_name": "Team" })),
        "ClientAdd" => ("", client),
        "ClientEdit" => ("web", client),
        "ClientClaimPut_claims" => ("web", claim(&format!("more{new}"))),
        "ClientClaimPut" => ("web", claim("teams")),
        "ClientRotateSecret" => ("web", json!({ "old_ends_in": 60 })),
        "ClientTry" => ("web", json!({ "username": "alice", "scope": "openid" })),
        "GroupAdd" => ("", json!({ "name": format!("crew{new}"), "roles": ["clerk"] })),
        "GroupEdit" => ("staff", json!({ "roles": ["clerk"] })),
        "GroupChangeMembers" => ("staff", json!({ "add": ["alice"], "remove": ["boss"] })),
        "ClientAdd_presets" => (
            "grafana",
            json!({
                "client_id": format!("grafana{new}"), "url": "https://grafana.example", "access": "groups", "groups": ["staff"],
            }),
        ),
        "RegistrationTokenIssue" => ("", json!({ "uses": 1, "lifetime": 60 })),
        "ResourceAdd" => (
            "",
            json!({
                "identifier": format!("https://new{new}.example"), "name": "New", "scopes": [{ "name": format!("new{new}:read") }],
                "token_claims": ["groups"],
            }),
        ),
        "ResourceEdit" => (ORDERS_PATH, json!({ "scopes": scopes, "token_claims": ["groups"] })),
        "RoleAdd" => ("", json!({ "name": format!("packer{new}"), "scopes": ["orders:read"] })),
        "RoleEdit" => ("clerk", json!({ "display_name": "Clerk" })),
        "RoleChangeScopes" => ("clerk", json!({ "add": ["orders:read"], "remove": ["orders:write"] })),
        "UserAdd" => (
            "",
            json!({
                "username": format!("carol{new}"), "email": "carol@example.com", "password": "a long and good passphrase", "roles": ["clerk"],
                "groups": ["staff"],
            }),
        ),
        "UserEdit" => (alice, json!({ "name": "Alice" })),
        "UserSetPassword" => (alice, json!({ "password": "a long and good passphrase" })),
        "UserChangeRoles" => (alice, json!({ "add": ["clerk"], "remove": ["clerk"] })),
        "ConsentWithdraw" => (alice, json!({ "client_id": "web" })),
        unknown => panic!("the walk needs a body that {unknown} accepts"),
    };
    (parameter.to_owned(), body)
}

/// Returns values of which most are wrong for a member, with the pointer below the member that a refusal of them names, if that is certain.
fn wrong(name: &str, schema: &Value, good: &Value) -> Vec<(Value, Option<&'static str>)> {
    let is = |kind: &str| schema["type"] == kind || schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind));
    let mut values = vec![(json!({ "no such": 7 }), None), (json!("no such \u{7}"), None), (json!(-1), None), (json!(i64::MAX), None)];
    if is("array") {
        let first = good.get(0).unwrap_or_else(|| panic!("the walk needs an item of {name}")).clone();
        let bad = match &first {
            Value::Object(members) => members.iter().map(|(name, _)| (name.clone(), json!("no such \u{7}"))).collect::<Map<_, _>>().into(),
            _ => json!("no such \u{7}"),
        };
        // A list of texts may repeat one, which is read once. The index is that of the list that was sent.
        let second = good.get(1).unwrap_or(&first);
        values.push((json!([first, second, bad]), Some("/2")));
        values.push((json!([first, 7]), Some("/1")));
    }
    if is("string") {
        values.extend([(json!(""), None), (json!("x".repeat(3000)), None), (json!(7), None)]);
    }
    values
}

/// Returns whether the member may have every JSON value that the walk sends.
fn takes_anything(id: &str, name: &str) -> bool {
    matches!((id, name), ("ClientClaimPut" | "ClientClaimPut_claims", "default"))
}

/// A route of the document whose requests have a body.
pub(super) struct BodyRoute<'d> {
    pub(super) method: String,
    /// The path below the prefix, about things that there are.
    pub(super) path: String,
    pub(super) id: &'d str,
    /// The members that a body may have, with their schemas.
    pub(super) members: &'d Map<String, Value>,
    /// A body that is accepted.
    pub(super) good: Value,
}

/// Returns each route of `document` whose requests have a body.
pub(super) fn routes_with_bodies<'d>(document: &'d Value, alice: &str) -> Vec<BodyRoute<'d>> {
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Some(content) = operation["requestBody"]["content"].as_object() else { continue };
            let name = content.values().next().unwrap()["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let id = operation["operationId"].as_str().unwrap();
            let (parameter, good) = accepted(id, alice, 0);
            let path = path.strip_prefix(PREFIX).unwrap().replace("{claim}", "teams");
            let path = ["{id}", "{name}", "{identifier}"].iter().fold(path, |path, name| path.replace(name, &parameter));
            let members = document["components"]["schemas"][name]["properties"].as_object().unwrap();
            routes.push(BodyRoute { method: method.to_uppercase(), path, id, members, good });
        }
    }
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refused_member_of_every_body_is_named_by_its_place() {
    let (app, token) = furnished().await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id.to_string();
    let document = super::document();
    let (mut refused, mut walked, mut sent) = (0, 0, 0);
    for BodyRoute { method, path, id, members, good } in routes_with_bodies(&document, &alice) {
        let call = async |body: &Value| app.call(&method, &path, &token, Some("*"), Some(body.clone())).await;
        for (member, schema) in members {
            walked += 1;
            let mut of_member = 0;
            for (value, place) in wrong(member, schema, &good[member]) {
                sent += 1;
                let mut body = accepted(id, &alice, sent).1;
                body[member] = value;
                let answer = call(&body).await;
                assert!(answer.status < 500, "{id} {body}: {}", answer.text);
                if answer.status != 422 {
                    continue;
                }
                of_member += 1;
                let expected = format!("#/{member}{}", place.unwrap_or_default());
                let mut is_named = false;
                for error in answer.json["errors"].as_array().unwrap() {
                    let (pointer, detail) = (error["pointer"].as_str().unwrap(), error["detail"].as_str().unwrap());
                    let exists = body.pointer(pointer.strip_prefix('#').unwrap()).is_some();
                    assert!(exists, "{id} {body}: {pointer} is no member: {}", answer.text);
                    // The value may only be wrong beside that of a member that was not sent, which the text names.
                    let names_another = pointer == "#" && detail.contains(": expected") && !detail.starts_with(member.as_str());
                    is_named |= pointer.starts_with(&expected) || place.is_none() && names_another;
                }
                assert!(is_named, "{id} {body}: expected {expected}: {}", answer.text);
            }
            assert!(of_member > 0 || takes_anything(id, member), "{id}: the walk found no wrong value of {member}");
            refused += of_member;
        }
    }
    assert!(walked > 150 && refused > 500, "{walked} members, {refused} refusals");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_item_at_fault_is_named_by_its_index() {
    let (app, token) = furnished().await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id.to_string();
    let post = async |path: &str, body: Value| ("POST", path.to_owned(), body);
    let web = json!({ "client_name": "Shop", "grant_types": ["authorization_code"], "access": "everyone" });
    let shop = |more: Value| {
        let mut body = web.clone();
        body["redirect_uris"] = json!(["https://shop.example/cb"]);
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let (members, roles) = ("/groups/staff/members", format!("/users/{alice}/roles"));
    let fallback = json!({
        "claim": "x", "source": "group_map", "map": [{ "group": "staff", "value": "a" }], "default": "x".repeat(2000), "shape": "first",
        "in_id_token": true, "in_userinfo": true,
    });
    let many: Vec<String> = (0..501).map(|index| format!("user-{index}")).collect();
    for ((method, path, body), pointers) in [
        (post(members, json!({ "add": ["ALICE", "Nobody"], "remove": [] })).await, vec!["#/add/1"]),
        (post(members, json!({ "add": ["alice"], "remove": ["boss", "nobody"] })).await, vec!["#/remove/1"]),
        (post(members, json!({ "remove": ["nobody"] })).await, vec!["#/remove/0"]),
        (post(members, json!({ "add": many })).await, vec!["#/add"]),
        (post(members, json!({ "add": [], "remove": many })).await, vec!["#/remove"]),
        (post(&roles, json!({ "remove": ["clerk", "nothing"] })).await, vec!["#/remove/1"]),
        (post(&format!("{roles}/preview"), json!({ "add": ["nothing"] })).await, vec!["#/add/0"]),
        (post("/roles/clerk/scopes", json!({ "add": ["orders:read"], "remove": ["x:y"] })).await, vec!["#/remove/0"]),
        (
            post("/clients", shop(json!({ "redirect_uris": ["https://a.example/", "https://a.example/", "no", "ftp:x"] }))).await,
            vec!["#/redirect_uris/2", "#/redirect_uris/3"],
        ),
        (post("/clients", web.clone()).await, vec!["#"]),
        (post("/clients", shop(json!({ "metadata": { "logo_uri": "javascript:x" } }))).await, vec!["#/metadata/logo_uri"]),
        (post("/clients", shop(json!({ "metadata": { "contacts": ["a", "b\u{7}"] } }))).await, vec!["#/metadata/contacts/1"]),
        (post("/clients", shop(json!({ "metadata": { "contacts": ["a", 7] } }))).await, vec!["#/metadata/contacts/1"]),
        (post("/clients", shop(json!({ "metadata": { "no/such": 1 } }))).await, vec!["#/metadata/no~1such"]),
        (
            post("/clients", shop(json!({ "metadata": { "frontchannel_logout_uri": "https://other.example/" } }))).await,
            vec!["#/metadata/frontchannel_logout_uri"],
        ),
        (("PATCH", "/clients/web".to_owned(), json!({ "public": true, "pkce": "nonce" })), vec!["#/pkce"]),
        (("PATCH", "/clients/web".to_owned(), json!({ "redirect_uris": ["no"] })), vec!["#/redirect_uris/0"]),
        (post("/presets/grafana/clients", json!({ "url": "http://x.example", "access": "everyone" })).await, vec!["#/url"]),
        (post("/clients/web/claims", fallback).await, vec!["#/default"]),
        (
            ("PATCH", format!("/users/{alice}"), json!({ "name": " x ", "claims": { "name": " y ", "website": "no" } })),
            vec!["#/name", "#/claims/name", "#/claims/website"],
        ),
        (("PATCH", format!("/users/{alice}"), json!({ "attributes": { "team": "purple" } })), vec!["#/attributes/team"]),
    ] {
        let answer = app.call(method, &path, &token, Some("*"), Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{path} {body}: {}", answer.text);
        let found: Vec<&str> = answer.json["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(found, pointers, "{path} {body}: {}", answer.text);
    }
    // The name of a member that is missing stands before the text.
    let missing = app.call("POST", "/clients", &token, None, Some(web)).await;
    assert!(missing.json["errors"][0]["detail"].as_str().unwrap().starts_with("redirect_uris: expected"), "{}", missing.text);
}
