//! Users are added over REST with everything that an edit or an import can give them, with or without a password.

use serde_json::{Value, json};
use signet_issuer::accounts::methods::password;

use crate::support::{Answer, PASSWORD, TestApp};

async fn furnished() -> (TestApp, String) {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "admin").await;
    for (path, body) in [
        ("/groups", json!({ "name": "staff" })),
        ("/attributes", json!({ "name": "team", "type": "string", "max": 5 })),
        ("/attributes", json!({ "name": "floors", "type": "number", "multi_valued": true })),
    ] {
        assert_eq!(app.call("POST", path, &token, None, Some(body)).await.status, 201);
    }
    (app, token)
}

async fn add(app: &TestApp, token: &str, body: Value) -> Answer {
    app.call("POST", "/users", token, None, Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_added_with_everything_that_an_edit_can_set() {
    let (app, token) = furnished().await;
    let everything = json!({
        "username": "Carol", "email": "carol@example.com", "email_verified": true, "name": "Carol Moss", "external_id": "e-7",
        "claims": { "nickname": "Caz", "locale": null }, "attributes": { "team": "blue", "floors": [1, 2] }, "roles": ["clerk"],
        "groups": ["staff"], "enabled": false,
    });
    let added = add(&app, &token, everything.clone()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    for (member, value) in everything.as_object().unwrap() {
        let expected = match member.as_str() {
            "username" => json!("carol"),
            "claims" => json!({ "nickname": "Caz" }),
            _ => value.clone(),
        };
        assert_eq!(added.json[member], expected, "{member}: {}", added.text);
    }
    let path = format!("/users/{}", added.str("id"));
    assert_eq!(app.call("GET", &path, &token, None, None).await.json, added.json);
    // An edit that sets what is there changes nothing.
    let same = json!({ "external_id": "e-7", "claims": { "nickname": "Caz" }, "attributes": { "team": "blue", "floors": [1, 2] } });
    let edited = app.call("PATCH", &path, &token, Some("*"), Some(same)).await;
    assert_eq!((edited.status, &edited.json["version"]), (200, &added.json["version"]), "{}", edited.text);
    let found = app.call("GET", "/users?q=moss", &token, None, None).await;
    assert_eq!(found.json["items"][0]["id"], added.json["id"], "{}", found.text);
    for (body, status, place) in [
        (json!({ "username": "dan", "external_id": "e-7" }), 409, "external_id"),
        (json!({ "username": "dan", "email": "carol@example.com", "email_verified": true }), 409, "email"),
        (json!({ "username": "dan", "email_verified": true }), 422, "#/email_verified"),
        (json!({ "username": "dan", "claims": { "website": "x" } }), 422, "#/claims/website"),
        (json!({ "username": "dan", "claims": { "groups": "x" } }), 422, "#/claims/groups"),
        (json!({ "username": "dan", "attributes": { "team": "purple" } }), 422, "#/attributes/team"),
        (json!({ "username": "dan", "attributes": { "desk": "1" } }), 422, "#/attributes/desk"),
        (json!({ "username": "dan", "password": PASSWORD, "password_hash": "$2b$12$x" }), 422, "#/password_hash"),
        (json!({ "username": "dan", "password_hash": "$2b$12$x" }), 422, "#/password_hash"),
        (json!({ "username": "dan", "id": "00000000-0000-4000-8000-000000000001" }), 422, "#/id"),
    ] {
        let refused = add(&app, &token, body.clone()).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.text);
        assert!(refused.text.contains(place), "{body}: {}", refused.text);
    }
    assert_eq!(app.count("SELECT count(*) FROM users WHERE username = 'dan'").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM user_attributes WHERE by_user").await, 0, "nobody typed the values themselves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_a_password_signs_in_once_a_link_has_set_one() {
    let (app, token) = furnished().await;
    let added = add(&app, &token, json!({ "username": "carol", "roles": ["clerk"] })).await;
    assert_eq!(added.status, 201, "{}", added.text);
    for guess in ["", PASSWORD, "null"] {
        assert_eq!(app.try_password("carol", guess, "").await.status, 400);
    }
    let link = app.call("POST", &format!("/users/{}/link", added.str("id")), &token, None, None).await;
    assert_eq!(link.status, 200, "{}", link.text);
    let browser = app.browser();
    let page = browser.get(link.str("url").strip_prefix(&app.url).unwrap()).await;
    let chosen = "an entirely different passphrase";
    let set = browser.submit(&page, "/set-password", &[("new_password", chosen), ("repeat_password", chosen)]).await;
    assert_eq!(set.status, 200, "{}", set.text);
    app.sql("DELETE FROM attempts").await;
    assert_eq!(app.try_password("carol", chosen, "").await.status, 200);
    // The trail says that no password was given.
    let trail = app.call("GET", &format!("/users/{}/audit", added.str("id")), &token, None, None).await;
    let event = trail.json["items"].as_array().unwrap().iter().find(|event| event["event"] == "user_added").unwrap().clone();
    assert!(event.to_string().contains("carol") && !event.to_string().contains("\"password\""), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_added_with_the_hash_of_another_system() {
    let (app, token) = furnished().await;
    let hash = password::hash(&app.app, PASSWORD.into()).await.unwrap();
    let added = add(&app, &token, json!({ "username": "carol", "roles": ["clerk"], "password_hash": hash })).await;
    assert_eq!(added.status, 201, "{}", added.text);
    assert!(!added.text.contains("argon2"), "{}", added.text);
    assert_eq!(app.try_password("carol", PASSWORD, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_a_password_is_not_the_administrator_who_remains() {
    let (app, token) = furnished().await;
    let added = add(&app, &token, json!({ "username": "second", "roles": ["admin"] })).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let boss = app.call("GET", "/users?q=boss", &token, None, None).await.json["items"][0]["id"].as_str().unwrap().to_owned();
    let admin = app.call("GET", "/users?q=administrator", &token, None, None).await.json["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(app.call("POST", &format!("/users/{admin}/disable"), &token, None, None).await.status, 200);
    let last = app.call("POST", &format!("/users/{boss}/disable"), &token, None, None).await;
    assert_eq!(last.status, 409, "{}", last.text);
}
