//! The reasons why a body cannot be read are in words of JSON, not in those of the program. One test walks all routes that take a body.

use reqwest::Method;
use serde_json::{Value, json};
use signet_issuer::admin::users;
use signet_issuer::api::PREFIX;

use super::pointers::{BodyRoute, furnished, routes_with_bodies};

/// Words of the program that nobody who sends a body knows.
const FOREIGN: [&str; 27] = [
    "struct", "field", "enum", "variant", "untagged", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f64", "usize", "bool",
    "String", "Option", "Vec", "tuple", "sequence", "map", "unit", "Patch", "Body", "Draft", "newtype",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_route_answers_in_the_words_of_the_program() {
    let (app, token) = furnished().await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id.to_string();
    let document = super::document();
    let mut refused = 0;
    for BodyRoute { method, path, id, members, good } in routes_with_bodies(&document, &alice) {
        let mut bodies = vec![json!([]), json!([good]), json!(7), json!("text"), Value::Null, json!({}), json!({ "no such": 1 })];
        for (member, _) in members {
            for value in [
                json!({ "no such": [] }),
                json!([{ "no such": 1 }]),
                json!(7),
                json!(7.5),
                json!(true),
                json!("no such"),
                json!(-1),
                json!([[]]),
                Value::Null,
                json!(u64::MAX),
            ] {
                let mut body = good.clone();
                body[member] = value;
                bodies.push(body);
            }
        }
        for body in bodies {
            let answer = app.call(&method, &path, &token, Some("*"), Some(body.clone())).await;
            assert!(answer.status < 500, "{id} {body}: {}", answer.text);
            if !body.is_object() {
                assert_eq!(answer.status, 422, "{id} {body}: {}", answer.text);
                let detail = answer.json["errors"][0]["detail"].as_str().unwrap();
                assert!(detail.starts_with("expected an object; found "), "{id} {body}: {detail}");
            }
            let Some(errors) = answer.json["errors"].as_array() else { continue };
            for detail in errors.iter().map(|error| error["detail"].as_str().unwrap()).chain([answer.str("detail")]) {
                refused += 1;
                let said = detail.replace("no such", "");
                // The names of members, such as field and map of a claim, stand at the beginning or in a list.
                let says = |word: &&&str| said.split(|c: char| !c.is_alphanumeric()).any(|own| own == **word);
                let word = FOREIGN.iter().find(says).filter(|word| !["field", "map"].contains(word) || !id.starts_with("ClientClaimPut"));
                assert!(word.is_none() && !said.contains('`'), "{id} {body}: {word:?} in {detail}");
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_names_the_member_what_was_expected_and_what_was_found() {
    let (app, token) = furnished().await;
    for (path, body, pointer, detail) in [
        ("/users", json!({}), "#", "username: expected a value, because it must be given"),
        ("/users", json!({ "username": 7 }), "#/username", "expected a text; found a number"),
        ("/users", json!({ "username": "x", "enabled": "yes" }), "#/enabled", "expected true or false; found a text"),
        ("/users", json!({ "username": "x", "password": 12_345_678 }), "#/password", "expected a text; found a number"),
        ("/users", json!({ "username": "x", "roles": "clerk" }), "#/roles", "expected a list; found a text"),
        ("/users", json!({ "username": "x", "roles": ["clerk", 7] }), "#/roles/1", "expected a text; found a number"),
        (
            "/roles",
            json!({ "name": "x", "scope": [] }),
            "#/scope",
            "expected one of name, display_name, scopes, delegated; found the unknown member scope",
        ),
        (
            "/resources",
            json!({ "identifier": "https://x.example", "name": "X", "scopes": [{}] }),
            "#",
            "scopes.0.name: expected a value, because it must be given",
        ),
        (
            "/resources",
            json!({ "identifier": "https://x.example", "name": "X", "token_lifetime": 0.5 }),
            "#/token_lifetime",
            "expected a whole number; found a number that is not whole",
        ),
        ("/attributes", json!({ "name": "x", "type": "text" }), "#/type", "expected one of string, number, boolean; found text"),
        ("/attributes", json!({ "name": "x", "type": 7 }), "#/type", "expected one of string, number, boolean; found a number"),
        (
            "/registration-tokens",
            json!({ "uses": 9_999_999_999_i64, "lifetime": 60 }),
            "#/uses",
            "expected a whole number from -2147483648 to 2147483647; found a number",
        ),
    ] {
        let answer = app.call("POST", path, &token, None, Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{path} {body}: {}", answer.text);
        let error = &answer.json["errors"][0];
        assert_eq!((&error["pointer"], &error["detail"]), (&json!(pointer), &json!(detail)), "{path} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_there_twice_is_refused_at_every_depth() {
    let (app, token) = furnished().await;
    for (path, body, pointer) in [
        ("/users", r#"{"username":"x","username":"y"}"#, "#/username"),
        ("/users", r#"{"username":"x","claims":{"nickname":"a","nickname":"b"}}"#, "#/claims/nickname"),
        ("/users", r#"{"username":"x","attributes":{"team":"a","te\u0061m":"b"}}"#, "#/attributes/team"),
        (
            "/clients/web/claims",
            r#"{"claim":"x","source":"fixed","value":{"a":[{"b/c":1,"b/c":2}]},"shape":"first","in_id_token":true,"in_userinfo":true}"#,
            "#/value/a/0/b~1c",
        ),
        ("/clients", r#"{"client_name":"X","metadata":{"jwks":{"keys":[],"keys":[]}}}"#, "#/metadata/jwks/keys"),
    ] {
        let request = app.http.post(format!("{}{PREFIX}{path}", app.url)).bearer_auth(&token).header("content-type", "application/json");
        let answer = crate::support::Answer::of(request.body(body).send().await.unwrap()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        let error = &answer.json["errors"][0];
        let detail = "expected each member once; this one is there twice";
        assert_eq!((&error["pointer"], &error["detail"]), (&json!(pointer), &json!(detail)), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_is_told_in_plain_words() {
    let (app, token) = furnished().await;
    for (body, status, detail) in [
        ("", 400, "the body is empty; expected a JSON object"),
        (" \r\n", 400, "the body is empty; expected a JSON object"),
        (r#"{"name":"#, 400, "the body: expected a JSON object; the text is not JSON: it ends too early"),
        ("name=x", 400, "the body: expected a JSON object; the text is not JSON: expected ident at column 2"),
    ] {
        for method in [Method::POST, Method::PATCH] {
            let path = if method == Method::POST { "/groups" } else { "/groups/staff" };
            let request =
                app.http.request(method.clone(), format!("{}{PREFIX}{path}", app.url)).bearer_auth(&token).header("if-match", "*");
            let request = request.header("content-type", "application/json").body(body);
            let answer = crate::support::Answer::of(request.send().await.unwrap()).await;
            assert_eq!((answer.status, answer.str("detail")), (status, detail), "{method} {body:?}: {}", answer.text);
        }
    }
}
