//! Built-in clients, resources, scopes and roles can be changed over REST only by those who may, and only in part.

use serde_json::{Value, json};

use crate::support::{CALLBACK, TestApp};

/// The changes of the client `before` by which it, or who receives its codes, would differ.
fn changes(before: &Value) -> Vec<Value> {
    let other = |member: &str| !before[member].as_bool().unwrap();
    vec![
        json!({ "redirect_uris": ["https://evil.example/callback"] }),
        json!({ "origins": ["https://evil.example"] }),
        json!({ "grant_types": ["authorization_code", "refresh_token"] }),
        json!({ "public": other("public") }),
        json!({ "first_party": other("first_party") }),
        json!({ "client_name": "Other" }),
        json!({ "id_token_claims": true }),
        json!({ "metadata": { "client_uri": "https://evil.example" } }),
        json!({ "scope": "openid" }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_client_changes_no_client_of_administrators() {
    let app = TestApp::administered().await.with_web().await;
    let issuer = app.app.settings.issuer.as_str().to_owned();
    for id in ["service", "console"] {
        let grants = if id == "service" { "client_credentials" } else { "client_credentials authorization_code" };
        app.add_client_with(id, false, grants, &["admin"], |draft| {
            draft.default_resource = Some(issuer.clone());
            draft.redirect_uris = if id == "console" { vec![CALLBACK.into()] } else { Vec::new() };
        })
        .await;
    }
    let service = app.client_token("service", "admin").await.str("access_token").to_owned();
    let boss = app.token_of("boss", "admin").await;
    let patch = async |token: &str, path: &str, body: &Value| app.call("PATCH", path, token, Some("*"), Some(body.clone())).await;
    for id in ["api-docs", "cli", "console"] {
        let path = format!("/clients/{id}");
        let before = app.call("GET", &path, &service, None, None).await.json;
        let mut refusals = 0;
        for change in changes(&before) {
            let refused = patch(&service, &path, &change).await;
            // A change that is wrong for the client is answered as for everyone.
            let field = change.as_object().unwrap().keys().next().unwrap().clone();
            assert!([403, 422].contains(&refused.status), "{id} {field}: {} {}", refused.status, refused.text);
            refusals += usize::from(refused.status == 403);
        }
        assert!(refusals > 4, "{id}: {refusals}");
        assert_eq!(app.call("GET", &path, &service, None, None).await.json, before, "{id}");
    }
    // It changes other clients, and renews its own secret but not that of another client of administrators.
    let moved = json!({ "redirect_uris": ["https://shop.example/other"] });
    assert_eq!(patch(&service, "/clients/web", &moved).await.status, 200);
    let rotate = async |id: &str| app.call("POST", &format!("/clients/{id}/secrets"), &service, None, Some(json!({}))).await.status;
    assert_eq!((rotate("console").await, rotate("web").await, rotate("service").await), (403, 200, 200));
    // Neither does it remove or disable one, or give it claims.
    let claim = json!({ "claim": "team", "source": "fixed", "value": "evil", "shape": "first", "in_id_token": true, "in_userinfo": true });
    for (method, path, body) in [
        ("DELETE", "/clients/cli", None),
        ("POST", "/clients/api-docs/disable", Some(json!({}))),
        ("POST", "/clients/api-docs/claims", Some(claim)),
    ] {
        let answer = app.call(method, path, &service, Some("*"), body).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
    }
    // Applications let people in by a verified address, so it verifies none of an administrator.
    let users = app.call("GET", "/users?limit=200", &service, None, None).await;
    let boss_row = users.json["items"].as_array().unwrap().iter().find(|user| user["username"] == "boss").unwrap();
    let id = boss_row["id"].as_str().unwrap();
    let verified = json!({ "email": "evil@x.example", "email_verified": true });
    assert_eq!(patch(&service, &format!("/users/{id}"), &verified).await.status, 403);
    // An administrator may, for example after the issuer has moved, if they signed in recently.
    let moved = json!({ "redirect_uris": ["https://new.example/docs/oauth2-redirect.html"] });
    assert_eq!(patch(&boss, "/clients/api-docs", &moved).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn built_in_resources_scopes_and_the_role_of_administrators_stay() {
    let app = TestApp::administered().await;
    app.add_client_with("service", false, "client_credentials", &["admin"], |draft| {
        draft.default_resource = Some(app.app.settings.issuer.as_str().to_owned());
    })
    .await;
    let service = app.client_token("service", "admin").await.str("access_token").to_owned();
    let boss = app.token_of("boss", "admin").await;
    let issuer: String = url::form_urlencoded::byte_serialize(app.app.settings.issuer.as_str().as_bytes()).collect();
    let scope = |name: &str| json!({ "identifier": "https://x.example", "name": "X", "scopes": [{ "name": name }] });
    for token in [&service, &boss] {
        for (method, path, body, status) in [
            ("PATCH", format!("/resources/{issuer}"), Some(json!({ "open": true })), 409),
            ("PATCH", format!("/resources/{issuer}%2Fuserinfo"), Some(json!({ "name": "Other" })), 409),
            ("DELETE", format!("/resources/{issuer}"), None, 409),
            ("DELETE", format!("/resources/{issuer}%2Fuserinfo"), None, 409),
            ("POST", "/resources".to_owned(), Some(scope("admin")), 422),
            ("POST", "/resources".to_owned(), Some(scope("openid")), 422),
            ("DELETE", "/roles/admin".to_owned(), None, 409),
            ("POST", "/roles/admin/scopes".to_owned(), Some(json!({ "remove": ["admin"] })), 409),
            ("PATCH", "/roles/admin".to_owned(), Some(json!({ "delegated": true })), 409),
        ] {
            let answer = app.call(method, &path, token, Some("*"), body).await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        }
    }
    let grant = json!({ "add": ["admin:users"] });
    assert_eq!(app.call("POST", "/roles/clerk/scopes", &service, None, Some(grant.clone())).await.status, 403);
    assert_eq!(app.call("POST", "/roles/clerk/scopes", &boss, None, Some(grant)).await.status, 200);
}
