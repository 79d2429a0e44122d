//! Clients, their secrets and claims over REST.

use serde_json::{Value, json};

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_edited_and_removed_at_the_version_that_was_read() {
    let app = TestApp::administered().await.with_web().await;
    let token = app.token_of("boss", "admin").await;
    let call = async |method: &str, path: &str, tag: Option<&str>, body: Option<Value>| app.call(method, path, &token, tag, body).await;
    let tag = call("GET", "/clients/web", None, None).await.header("etag").to_owned();
    let patch = json!({ "client_name": "Shop", "metadata": { "client_uri": "https://shop.example" }, "default_resource": null });
    assert_eq!(call("PATCH", "/clients/web", None, Some(patch.clone())).await.status, 428);
    assert_eq!(call("PATCH", "/clients/web", Some("\"99\""), Some(patch.clone())).await.status, 412);
    let changed = call("PATCH", "/clients/web", Some(&tag), Some(patch.clone())).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let client = &changed.json["client"];
    assert_eq!((&client["client_name"], &client["default_resource"]), (&json!("Shop"), &Value::Null));
    assert_eq!(client["metadata"]["client_uri"], "https://shop.example");
    assert_eq!(client["redirect_uris"], json!(["https://shop.example/callback"]), "what is absent stays");
    assert_eq!(call("PATCH", "/clients/web", Some(&tag), Some(patch)).await.status, 412, "the version is spent");
    let wrong = json!({ "redirect_uris": ["https://shop.example/#x"], "group_filter": "some" });
    let refused = call("PATCH", "/clients/web", Some("*"), Some(wrong)).await;
    let pointers: Vec<&str> = refused.json["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!((refused.status, pointers), (422, vec!["#/redirect_uris/0", "#/group_filter"]), "{}", refused.text);
    assert_eq!(call("DELETE", "/clients/web", None, None).await.status, 428);
    assert_eq!(call("DELETE", "/clients/web", Some(&tag), None).await.status, 412);
    let tag = call("GET", "/clients/web", None, None).await.header("etag").to_owned();
    assert_eq!(call("DELETE", "/clients/web", Some(&tag), None).await.status, 204);
    assert_eq!(call("GET", "/clients/web", None, None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_rotated_with_an_end_and_the_old_one_can_be_ended() {
    let app = TestApp::administered().await.with_web().await;
    let token = app.token_of("boss", "admin").await;
    let call = async |method: &str, path: &str, tag: Option<&str>, body: Option<Value>| app.call(method, path, &token, tag, body).await;
    let made = call("POST", "/clients/web/secrets", None, Some(json!({ "old_ends_in": 3600 }))).await;
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"), "{}", made.text);
    let listed = call("GET", "/clients/web/secrets", None, None).await;
    let items = listed.json["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["expires_at"], &items[1]["expires_at"]), (2, &Value::Null, &json!("2026-01-01T01:00:00Z")));
    assert!(!listed.text.contains(made.str("client_secret")));
    for body in [json!({ "old_ends_in": 0 }), json!({ "old_ends_in": 5, "drop_previous": true })] {
        let refused = call("POST", "/clients/web/secrets", None, Some(body)).await;
        assert_eq!((refused.status, refused.json["errors"][0]["pointer"].as_str()), (422, Some("#/old_ends_in")), "{}", refused.text);
    }
    let tag = listed.header("etag").to_owned();
    assert_eq!(call("DELETE", "/clients/web/secrets/old", Some(&tag), None).await.status, 204);
    assert_eq!(call("DELETE", "/clients/web/secrets/old", Some(&tag), None).await.status, 412);
    assert_eq!(call("DELETE", "/clients/web/secrets/old", Some("*"), None).await.status, 409, "one is left");
    assert_eq!(call("GET", "/clients/web/secrets", None, None).await.json["items"].as_array().unwrap().len(), 1);
    let introspect = async |secret: &str| app.post("/introspect").basic_auth("web", secret).form(&[("token", "x")]).send().await.status;
    assert_eq!((introspect(made.str("client_secret")).await, introspect(crate::support::SECRET).await), (200, 401));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_point_to_the_member_in_which_they_lie() {
    let app = TestApp::administered().await.with_web().await.with_user("alice").await;
    let token = app.token_of("boss", "admin").await;
    let call = async |method: &str, path: &str, body: Value| app.call(method, path, &token, Some("*"), Some(body)).await;
    let pointers = |answer: &crate::support::Answer| -> Vec<String> {
        let errors = answer.json["errors"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let keys = json!({ "metadata": { "jwks": { "keys": [] }, "jwks_uri": "https://shop.example/keys" } });
    let found = pointers(&call("PATCH", "/clients/web", keys).await);
    assert!(!found.is_empty() && found.iter().all(|pointer| pointer == "#/metadata/jwks"), "{found:?}");
    for no_set in [json!("{"), json!([]), json!(7), json!({})] {
        let refused = call("PATCH", "/clients/web", json!({ "metadata": { "jwks": no_set } })).await;
        assert_eq!(refused.status, 422, "{no_set}: {}", refused.text);
    }
    let new = json!({ "client_name": "", "grant_types": ["client_credentials"], "metadata": { "tos_uri": "no URL" } });
    let found = pointers(&call("POST", "/clients", new).await);
    assert!(found.contains(&"#/metadata/tos_uri".to_owned()) && found.contains(&"#/client_name".to_owned()), "{found:?}");
    let alice = signet_issuer::admin::users::show(&app.reading(), "alice").await.unwrap().id;
    let claims = json!({ "claims": { "zoneinfo": "Nowhere/\u{7}", "website": "no URL" } });
    let found = pointers(&call("PATCH", &format!("/users/{alice}"), claims).await);
    assert!(!found.is_empty() && found.iter().all(|pointer| pointer.starts_with("#/claims/")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_refusals_of_a_client_are_listed_newest_first() {
    let app = TestApp::administered().await.with_web().await;
    let token = app.token_of("boss", "admin").await;
    let get = async |path: &str| app.call("GET", path, &token, None, None).await;
    assert_eq!(get("/clients/web/refusals").await.json, json!({ "items": [], "next": null }));
    for number in 0..25 {
        app.app.refusals.note(app.clock_now(), "web", "invalid_request", &format!("number {number}"), Some("https://other.example/cb"));
    }
    app.app.refusals.flush(&app.app.store).await.unwrap();
    let listed = get("/clients/web/refusals").await;
    let items = listed.json["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["reason"], &items[19]["reason"]), (20, &json!("number 24"), &json!("number 5")));
    assert_eq!((&items[0]["redirect_uri"], &items[0]["at"]), (&json!("https://other.example/cb"), &json!("2026-01-01T00:00:00Z")));
    assert_eq!((get("/clients/none/refusals").await.status, get("/clients/web/refusals?x=1").await.status), (404, 400));
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_are_added_replaced_tried_and_removed() {
    let app = TestApp::administered().await.with_web().await.with_user("alice").await;
    let token = app.token_of("boss", "admin").await;
    let call = async |method: &str, path: &str, tag: Option<&str>, body: Option<Value>| app.call(method, path, &token, tag, body).await;
    let claim = json!({ "claim": "https://x.example/mail", "source": "user", "field": "email", "shape": "first", "in_id_token": true, "in_userinfo": true });
    let first = call("POST", "/clients/web/claims", None, Some(claim.clone())).await;
    assert_eq!((first.status, &first.json), (201, &claim), "{}", first.text);
    assert!(first.header("location").ends_with("/clients/web/claims/https%3A%2F%2Fx.example%2Fmail"), "{}", first.header("location"));
    let second = call("POST", "/clients/web/claims", None, Some(claim.clone())).await;
    assert_eq!((second.status, second.str("id")), (409, "https://x.example/mail"), "{}", second.text);
    let listed = call("GET", "/clients/web/claims", None, None).await;
    assert_eq!(listed.json["items"], json!([claim]));
    let (tag, one) = (listed.header("etag").to_owned(), "/clients/web/claims/https%3A%2F%2Fx%2Eexample%2Fmail");
    let mut fixed = json!({ "claim": "https://x.example/mail", "source": "fixed", "value": [1], "shape": "list", "in_id_token": true, "in_userinfo": false });
    assert_eq!(call("PUT", one, None, Some(fixed.clone())).await.status, 428);
    let replaced = call("PUT", one, Some(&tag), Some(fixed.clone())).await;
    assert_eq!((replaced.status, &replaced.json), (200, &fixed), "{}", replaced.text);
    assert_eq!(call("PUT", one, Some(&tag), Some(fixed.clone())).await.status, 412);
    fixed["field"] = json!("email");
    for (body, pointer) in [
        (fixed, "#/field"),
        // A member that is missing has no place.
        (json!({ "claim": "x", "source": "user", "shape": "first", "in_id_token": true, "in_userinfo": true }), "#"),
        (json!({ "claim": "x", "source": "moon", "shape": "first", "in_id_token": true, "in_userinfo": true }), "#/source"),
        (json!({ "claim": "x", "source": "groups", "shape": "round", "in_id_token": true, "in_userinfo": true }), "#/shape"),
        (json!({ "claim": "sub", "source": "fixed", "value": 1, "shape": "first", "in_id_token": true, "in_userinfo": true }), "#/claim"),
    ] {
        let refused = call("POST", "/clients/web/claims", None, Some(body.clone())).await;
        let found = refused.json["errors"][0]["pointer"].as_str();
        assert_eq!((refused.status, found), (422, Some(pointer)), "{body}: {}", refused.text);
    }
    let tried = call("POST", "/clients/web/try", None, Some(json!({ "username": "alice", "scope": "openid" }))).await;
    assert_eq!(tried.status, 200, "{}", tried.text);
    let id_token = tried.json["places"][0]["claims"].as_array().unwrap();
    let value = |name: &str| id_token.iter().find(|claim| claim["claim"] == name).unwrap()["value"].clone();
    assert_eq!((value("https://x.example/mail"), value("acr")), (json!([1]), json!("urn:signet:acr:password")));
    let none = call("POST", "/clients/web/try", None, Some(json!({ "username": "nobody" }))).await;
    assert_eq!((none.status, &none.json["errors"][0]["pointer"]), (422, &json!("#/username")), "{}", none.text);
    let tag = replaced.header("etag").to_owned();
    assert_eq!(call("DELETE", one, Some(&tag), None).await.status, 204);
    assert_eq!(call("DELETE", one, Some("*"), None).await.status, 404);
    assert_eq!(call("GET", "/clients/web/claims", None, None).await.json["items"], json!([]));
}
