//! What gives somebody more than before needs a recent sign-in of a user, whether it is added or changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use signet_issuer::admin::groups::{self, GroupDraft};

use super::document;
use crate::support::{Answer, PASSWORD, TestApp};

/// A creation: the template of its path, the path, a body that gives nobody more than an edit without a recent sign-in could, if there is one,
/// and bodies that need a recent sign-in.
type Creation = (&'static str, &'static str, Option<Value>, Vec<Value>);

/// Every creation of the API.
fn creations() -> Vec<Creation> {
    let user = |name: &str| json!({ "username": name, "email": format!("{name}@example.com"), "password": "a long and good passphrase" });
    let with = |mut body: Value, member: &str, value: Value| {
        body[member] = value;
        body
    };
    let client = |id: &str| json!({ "client_id": id, "client_name": "New", "access": "everyone", "scope": "openid" });
    let code = |id: &str| with(client(id), "grant_types", json!(["authorization_code"]));
    let resource = |name: &str| json!({ "identifier": format!("https://{name}.example"), "name": name });
    vec![
        (
            "/users",
            "/users",
            None,
            vec![user("ada"), with(user("bea"), "email_verified", json!(true)), with(user("cleo"), "roles", json!(["admin:read"]))],
        ),
        (
            "/groups",
            "/groups",
            Some(json!({ "name": "packers", "roles": ["clerk"], "is_default": true })),
            vec![json!({ "name": "readers", "roles": ["admin:read"] })],
        ),
        (
            "/roles",
            "/roles",
            Some(json!({ "name": "packer", "scopes": ["orders:read"] })),
            vec![json!({ "name": "reader", "scopes": ["admin:read"] })],
        ),
        (
            "/attributes",
            "/attributes",
            Some(json!({ "name": "desk", "type": "string", "visibility": "user" })),
            vec![
                json!({ "name": "team", "type": "string", "scope": "profile" }),
                json!({ "name": "nick", "type": "string", "visibility": "user", "mutability": "user" }),
            ],
        ),
        (
            "/clients",
            "/clients",
            None,
            vec![
                json!({ "client_id": "job", "client_name": "Job", "grant_types": ["client_credentials"], "scope": "orders:read" }),
                with(code("confidential"), "redirect_uris", json!(["https://new.example/cb"])),
                with(with(code("public"), "public", json!(true)), "redirect_uris", json!(["https://new.example/cb"])),
                with(with(client("password"), "public", json!(true)), "grant_types", json!(["password"])),
            ],
        ),
        (
            "/presets/{name}/clients",
            "/presets/grafana/clients",
            None,
            vec![json!({ "url": "https://grafana.example", "access": "everyone" })],
        ),
        (
            "/clients/{id}/claims",
            "/clients/web/claims",
            None,
            vec![json!({ "claim": "team", "source": "groups", "shape": "list", "in_id_token": true, "in_userinfo": true })],
        ),
        ("/resources", "/resources", Some(resource("closed")), vec![with(resource("open"), "open", json!(true))]),
        ("/registration-tokens", "/registration-tokens", None, vec![json!({ "uses": 1, "lifetime": 60 })]),
    ]
}

/// Returns an issuer in which 601 s have passed since boss signed in, and the token that boss refreshed then.
async fn long_after() -> (TestApp, String) {
    let app = TestApp::administered().await.with_web().await;
    let form =
        [("grant_type", "password"), ("client_id", "cli"), ("username", "boss"), ("password", PASSWORD), ("scope", "admin offline_access")];
    let refresh = app.token(&form).await.str("refresh_token").to_owned();
    app.advance(601);
    let refreshed = app.token(&[("grant_type", "refresh_token"), ("client_id", "cli"), ("refresh_token", &refresh)]).await;
    let token = refreshed.str("access_token").to_owned();
    (app, token)
}

#[track_caller]
fn assert_stale(answer: &Answer, what: &str) {
    let challenge = answer.header("www-authenticate");
    assert_eq!(answer.status, 401, "{what}: {}", answer.text);
    assert!(challenge.contains("error=\"insufficient_user_authentication\"") && challenge.contains("max_age=\"600\""), "{challenge}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_needs_the_recent_sign_in_that_an_edit_to_the_same_would_need() {
    let document = document();
    let created = |operations: &Value| operations["post"]["responses"].get("201").is_some();
    let paths = document["paths"].as_object().unwrap().iter().filter(|(_, operations)| created(operations));
    let mut paths: BTreeSet<&str> = paths.map(|(path, _)| path.strip_prefix("/api/v1").unwrap()).collect();
    // It has no URL, so that its creation is answered 200.
    paths.insert("/registration-tokens");
    assert_eq!(creations().iter().map(|(template, ..)| *template).collect::<BTreeSet<_>>(), paths, "a creation has no line here");

    let (app, old) = long_after().await;
    let recent = app.token_of("boss", "admin").await;
    for (_, path, harmless, dangerous) in creations() {
        for body in dangerous {
            let refused = app.call("POST", path, &old, None, Some(body.clone())).await;
            assert_stale(&refused, &format!("{path} {body}"));
            let added = app.call("POST", path, &recent, None, Some(body.clone())).await;
            assert!(matches!(added.status, 200 | 201), "{path} {body}: {}", added.text);
        }
        if let Some(body) = harmless {
            let added = app.call("POST", path, &old, None, Some(body.clone())).await;
            assert!(matches!(added.status, 200 | 201), "{path} {body}: {}", added.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_client_by_which_somebody_gains_access_needs_a_recent_sign_in() {
    let (app, old) = long_after().await;
    for name in ["staff", "board"] {
        let draft = GroupDraft { name: name.to_owned(), ..GroupDraft::default() };
        app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    }
    let recent = app.token_of("boss", "admin").await;
    let patch = async |token: &str, body: &Value| app.call("PATCH", "/clients/web", token, Some("*"), Some(body.clone())).await;
    // Each follows from the one before, and those that take access away need no recent sign-in.
    for (body, gives) in [
        (json!({ "access": "groups", "groups": ["staff", "board"] }), false),
        (json!({ "groups": ["staff"] }), false),
        (json!({ "groups": ["staff", "board"] }), true),
        (json!({ "access": "everyone" }), true),
        (json!({ "scope": "openid" }), false),
        (json!({ "scope": "openid orders:read" }), true),
        (json!({ "grant_types": ["authorization_code"] }), false),
        (json!({ "grant_types": ["authorization_code", "refresh_token"] }), true),
    ] {
        let answer = patch(&old, &body).await;
        if gives {
            assert_stale(&answer, &body.to_string());
            let answer = patch(&recent, &body).await;
            assert_eq!(answer.status, 200, "{body}: {}", answer.text);
        } else {
            assert_eq!(answer.status, 200, "{body}: {}", answer.text);
        }
    }
}
