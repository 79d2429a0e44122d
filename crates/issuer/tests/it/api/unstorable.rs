//! PostgreSQL stores no text with the character U+0000. A body that has it is refused with a pointer to it, whatever the database.

use serde_json::{Value, json};

use crate::api::document;
use crate::support::TestApp;

/// The routes of the document that take a body, each with the names of the members.
fn routes_with_body() -> Vec<(String, String, Vec<String>)> {
    let document = document();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Some(content) = operation["requestBody"]["content"].as_object() else { continue };
            let name = content.values().next().unwrap()["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let members = document["components"]["schemas"][name]["properties"].as_object().unwrap().keys().cloned().collect();
            let path = path.strip_prefix(signet_issuer::api::PREFIX).unwrap().to_owned();
            let path = if path.starts_with("/users") { path.replace("{id}", "00000000-0000-4000-8000-000000000000") } else { path };
            let path = path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part }).collect::<Vec<_>>().join("/");
            routes.push((method.to_uppercase(), path, members));
        }
    }
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_member_of_every_body_is_refused_with_the_character_u0000() {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "admin").await;
    let routes = routes_with_body();
    assert!(routes.len() > 20, "{routes:?}");
    for (method, path, members) in routes {
        for member in members {
            for (value, below) in [(json!("a\0b"), ""), (json!(["a", "a\0b"]), "/1"), (json!({ "a": { "b/\0": 1 } }), "/a/b~1\0")] {
                let body = Value::Object([(member.clone(), value)].into_iter().collect());
                let answer = app.call(&method, &path, &token, Some("*"), Some(body)).await;
                let pointer = answer.json["errors"][0]["pointer"].as_str().unwrap_or_default();
                assert_eq!((answer.status, pointer), (422, format!("#/{member}{below}").as_str()), "{method} {path}: {}", answer.text);
            }
        }
    }
    // A backslash before the same letters is text like any other.
    let answer = app.call("POST", "/groups", &token, None, Some(json!({ "name": "a", "display_name": "a\\u0000b" }))).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}
