//! The version of a user changes with all that their representation shows, from whichever side it was changed, and with nothing else.

use serde_json::{Value, json};

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_version_of_a_user_changes_with_their_groups_roles_and_attributes() {
    let app = TestApp::administered().await;
    let [alice, of_other] = [app.add_user("alice", &[]).await, app.add_user("bob", &[]).await].map(|id| format!("/users/{id}"));
    let roles = format!("{alice}/roles");
    let token = app.token_of("boss", "admin").await;
    let call = async |method: &str, path: &str, body: Value| app.call(method, path, &token, Some("*"), Some(body)).await;
    for (path, body) in [
        ("/roles", json!({ "name": "packer" })),
        ("/groups", json!({ "name": "team", "roles": ["packer"] })),
        ("/groups", json!({ "name": "board" })),
        ("/attributes", json!({ "name": "desk", "type": "string" })),
    ] {
        let made = call("POST", path, body).await;
        assert_eq!(made.status, 201, "{path}: {}", made.text);
    }
    let read = async || app.call("GET", &alice, &token, None, None).await;
    let bob = async || app.call("GET", &of_other, &token, None, None).await.header("etag").to_owned();
    let (mut last, of_bob) = (read().await, bob().await);
    for (method, path, body, is_shown) in [
        ("POST", "/groups/team/members", json!({ "add": ["alice"] }), true),
        ("POST", "/groups/team/members", json!({ "add": ["alice"] }), false),
        ("POST", "/groups/board/members", json!({ "remove": ["alice"] }), false),
        ("PATCH", "/groups/team", json!({ "display_name": "The team" }), false),
        ("PATCH", "/groups/team", json!({ "roles": [] }), false),
        ("PATCH", "/groups/team", json!({ "name": "crew" }), true),
        ("POST", "/groups/crew/members", json!({ "remove": ["alice"] }), true),
        ("POST", "/groups/crew/members", json!({ "add": ["alice"] }), true),
        ("DELETE", "/groups/crew", Value::Null, true),
        ("POST", &roles, json!({ "add": ["packer"] }), true),
        ("POST", "/roles/packer/scopes", json!({ "add": ["orders:read"] }), false),
        ("DELETE", "/roles/packer", Value::Null, true),
        ("PATCH", &alice, json!({ "attributes": { "desk": "4b" } }), true),
        ("PATCH", "/attributes/desk", json!({ "display_name": "Desk" }), false),
        ("DELETE", "/attributes/desk", Value::Null, true),
    ] {
        let changed = app.call(method, path, &token, Some("*"), Some(body).filter(|body| !body.is_null())).await;
        assert!(changed.status < 300, "{method} {path}: {}", changed.text);
        let now = read().await;
        assert_eq!(now.header("etag") != last.header("etag"), is_shown, "{method} {path}: {} {}", last.text, now.text);
        assert_eq!(now.json != last.json, is_shown, "{method} {path}: what is shown and the version change together");
        // It changes nothing where the version is the present one.
        let patch = json!({ "external_id": null });
        let stale = app.call("PATCH", &alice, &token, Some(last.header("etag")), Some(patch)).await;
        assert_eq!(stale.status, if is_shown { 412 } else { 200 }, "{method} {path}: {}", stale.text);
        last = now;
    }
    assert_eq!(bob().await, of_bob, "nothing of bob was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_renamed_and_removed_while_its_members_change() {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "admin").await;
    let names: Vec<String> = (0..20).map(|number| format!("user{number:02}")).collect();
    for name in &names {
        app.add_user(name, &[]).await;
    }
    for round in 0..5 {
        let (old, new) = (format!("team{round}"), format!("crew{round}"));
        assert_eq!(app.call("POST", "/groups", &token, None, Some(json!({ "name": old }))).await.status, 201);
        let members = |name: &str, body: Value| {
            let (path, app, token) = (format!("/groups/{name}/members"), &app, &token);
            async move { app.call("POST", &path, token, Some("*"), Some(body)).await.status }
        };
        let reversed: Vec<&String> = names.iter().rev().collect();
        let rename = async {
            let body = json!({ "name": new });
            app.call("PATCH", &format!("/groups/{old}"), &token, Some("*"), Some(body)).await.status
        };
        let (one, other, renamed) = tokio::join!(members(&old, json!({ "add": names })), members(&old, json!({ "add": reversed })), rename);
        for status in [one, other, renamed] {
            assert!([200, 404].contains(&status), "{one} {other} {renamed}");
        }
        let remove = async { app.call("DELETE", &format!("/groups/{new}"), &token, Some("*"), None).await.status };
        let (one, removed) = tokio::join!(members(&new, json!({ "remove": names })), remove);
        assert!([200, 404].contains(&one) && (200..300).contains(&removed), "{one} {removed}");
    }
}
