//! The version of a group changes with all that its representation shows, and with nothing else.

use serde_json::{Value, json};

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_version_of_a_group_changes_with_its_roles_and_not_with_its_members() {
    let app = TestApp::administered().await.with_user("alice").await;
    let token = app.token_of("boss", "admin").await;
    let call = async |method: &str, path: &str, body: Value| app.call(method, path, &token, Some("*"), Some(body)).await;
    for role in ["packer", "driver"] {
        assert_eq!(call("POST", "/roles", json!({ "name": role })).await.status, 201);
    }
    assert_eq!(call("POST", "/groups", json!({ "name": "team", "roles": ["packer"] })).await.status, 201);
    let read = async || app.call("GET", "/groups/team", &token, None, None).await;
    let mut last = read().await;
    for (method, path, body, is_shown) in [
        ("POST", "/groups/team/members", json!({ "add": ["alice", "boss"] }), false),
        ("POST", "/groups/team/members", json!({ "remove": ["boss"] }), false),
        ("PATCH", "/groups/team", json!({ "roles": ["packer"] }), false),
        ("PATCH", "/groups/team", json!({ "roles": ["packer", "driver"] }), true),
        ("PATCH", "/groups/team", json!({ "roles": ["packer"] }), true),
        ("POST", "/roles/packer/scopes", json!({ "add": ["orders:read"] }), false),
        ("DELETE", "/roles/driver", Value::Null, false),
        ("DELETE", "/roles/packer", Value::Null, true),
    ] {
        let changed = app.call(method, path, &token, Some("*"), Some(body).filter(|body| !body.is_null())).await;
        assert!(changed.status < 300, "{method} {path}: {}", changed.text);
        let now = read().await;
        assert_eq!(now.header("etag") != last.header("etag"), is_shown, "{method} {path}: {} {}", last.text, now.text);
        assert_eq!(now.json != last.json, is_shown, "{method} {path}: what is shown and the version change together");
        let stale = app.call("PATCH", "/groups/team", &token, Some(last.header("etag")), Some(json!({ "name": "team" }))).await;
        assert_eq!(stale.status, if is_shown { 412 } else { 200 }, "{method} {path}: {}", stale.text);
        last = now;
    }
}
