//! The overview of an administrator over REST: checks, what nobody uses, counts, the clients of a user; and previews of changes.

use serde_json::{Value, json};
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::users;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_reads_what_the_overview_shows() {
    let app = TestApp::administered().await.with_web().await.with_user("alice").await;
    let token = app.token_of("admin-read", "admin:read").await;
    let get = async |path: &str| app.call("GET", path, &token, None, None).await;
    let checks = get("/checks").await;
    let of = |name: &str| checks.json["items"].as_array().unwrap().iter().find(|finding| finding["check"] == name).unwrap().clone();
    assert_eq!((of("database")["ok"].clone(), of("signing key")["ok"].clone()), (json!(true), json!(true)), "{}", checks.text);
    assert_eq!(checks.header("cache-control"), "no-store");

    app.app.activity.flush(&app.app.store, app.clock_now()).await.unwrap();
    let sum = |hours: &Value, kind: &str| hours["items"].as_array().unwrap().iter().map(|hour| hour[kind].as_i64().unwrap()).sum::<i64>();
    let day = get("/activity").await;
    let before = sum(&day.json, "sign_ins");
    assert_eq!(day.json["items"].as_array().unwrap().len(), 24, "{}", day.text);
    app.signed_in("alice").await;
    app.app.activity.flush(&app.app.store, app.clock_now()).await.unwrap();
    let hour = get("/activity?hours=1").await;
    assert_eq!((hour.json["items"].as_array().unwrap().len(), sum(&hour.json, "sign_ins")), (1, before + 1), "{}", hour.text);
    assert_eq!(sum(&get("/activity?client=web").await.json, "tokens_password"), 0, "it was not used");
    app.sign_in("alice", "openid").await;
    app.app.activity.flush(&app.app.store, app.clock_now()).await.unwrap();
    assert_eq!(sum(&get("/activity?client=shop").await.json, "tokens_password"), 1);
    for unknown in ["none", "web%20", "WEB"] {
        let refused = get(&format!("/activity?client={unknown}")).await;
        assert_eq!(refused.status, 404, "{unknown}: {}", refused.text);
    }
    // The counts of a client outlive it.
    app.operate(|change| Box::pin(signet_issuer::admin::clients::remove(change, "shop"))).await.unwrap();
    assert_eq!(sum(&get("/activity?client=shop").await.json, "tokens_password"), 1);
    for (query, parameter) in [("hours=0", "hours"), ("hours=x", "hours"), ("hours=99999999", "hours"), ("user=alice", "user")] {
        let refused = get(&format!("/activity?{query}")).await;
        assert_eq!((refused.status, &refused.json["errors"][0]["parameter"]), (400, &json!(parameter)), "{}", refused.text);
    }

    app.advance(91 * 86_400);
    let token = app.token_of("admin-read", "admin:read").await;
    let stale = app.call("GET", "/stale", &token, None, None).await;
    let names: Vec<&str> = stale.json["users"]["items"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect();
    assert!(names.contains(&"alice") && !names.contains(&"admin-read"), "{}", stale.text);
    assert_eq!((&stale.json["users"]["more"], stale.json["users"]["items"][0]["created_at"].is_string()), (&json!(false), true));
    assert!(stale.json["clients"]["items"].as_array().unwrap().iter().any(|client| client["client_id"] == "web"), "{}", stale.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_of_a_user_are_listed_with_the_groups_that_let_them_in() {
    let app = TestApp::administered().await.with_web().await.with_user("alice").await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    app.operate(|change| Box::pin(groups::add(change, GroupDraft { name: "staff".into(), ..GroupDraft::default() }))).await.unwrap();
    let token = app.token_of("boss", "admin").await;
    let staff = json!({ "access": "groups", "groups": ["staff"] });
    assert_eq!(app.call("PATCH", "/clients/web", &token, Some("*"), Some(staff)).await.status, 200);
    let path = format!("/users/{alice}/clients");
    let help = app.token_of("admin-users", "admin:users").await;
    let of_web = async || {
        let found = app.call("GET", &path, &help, None, None).await;
        assert_eq!((found.status, &found.json["more"]), (200, &json!(false)), "{}", found.text);
        found.json["items"].as_array().unwrap().iter().find(|client| client["client_id"] == "web").cloned()
    };
    assert_eq!(of_web().await, None);
    let member = json!({ "add": ["alice"] });
    assert_eq!(app.call("POST", "/groups/staff/members", &token, None, Some(member)).await.status, 200);
    assert_eq!(of_web().await.unwrap()["through"], json!(["staff"]));
    let may_sign_in = async || app.call("GET", &path, &help, None, None).await.json["may_sign_in"].clone();
    assert_eq!(may_sign_in().await, true);
    app.disable_user("alice").await;
    assert_eq!((may_sign_in().await, of_web().await.is_some()), (json!(false), true), "the list is what they get back once enabled");
    let nobody = "/users/00000000-0000-4000-8000-000000000000/clients";
    assert_eq!(app.call("GET", nobody, &help, None, None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_tells_the_effects_of_a_change_and_keeps_nothing_of_it() {
    let app = TestApp::administered().await.with_web().await.with_user("alice").await;
    app.operate(|change| {
        Box::pin(groups::add(change, GroupDraft { name: "team".into(), roles: vec!["clerk".into()], ..GroupDraft::default() }))
    })
    .await
    .unwrap();
    let names = ["alice".to_owned()];
    app.operate(|change| Box::pin(groups::change_members(change, "team", &names, &[]))).await.unwrap();
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let token = app.token_of("boss", "admin").await;
    let state = async || {
        let mut counts = Vec::new();
        for table in ["audit_events", "users", "groups", "group_members", "user_roles", "role_scopes", "roles", "client_groups"] {
            counts.push(app.count(&format!("SELECT count(*) FROM {table}")).await);
        }
        (counts, app.call("GET", "/clients/web", &token, None, None).await.json)
    };
    let before = state().await;
    let effect =
        |kind: &str, name: &str, gained: bool| json!({ "kind": kind, "name": name, "gained": gained, "count": 1, "users": ["alice"] });
    let outsiders =
        json!({ "kind": "client", "name": "web", "gained": false, "count": 4, "users": ["admin", "admin-read", "admin-users", "boss"] });
    for (path, body, expected) in [
        (format!("/users/{alice}/roles/preview"), Some(json!({ "add": ["admin"] })), effect("role", "admin", true)),
        (format!("/users/{alice}/disable/preview"), None, effect("scope", "orders:read", false)),
        (format!("/users/{alice}/removal/preview"), None, effect("role", "clerk", false)),
        ("/groups/team/members/preview".to_owned(), Some(json!({ "remove": ["alice"] })), effect("group", "team", false)),
        ("/groups/team/edit/preview".to_owned(), Some(json!({ "name": "crew" })), effect("group", "crew", true)),
        ("/groups/team/removal/preview".to_owned(), None, effect("group", "team", false)),
        ("/clients/web/edit/preview".to_owned(), Some(json!({ "access": "groups", "groups": ["team"] })), outsiders),
    ] {
        let found = app.call("POST", &path, &token, None, body).await;
        assert_eq!((found.status, &found.json["complete"]), (200, &json!(true)), "{path}: {}", found.text);
        let effects = found.json["effects"].as_array().unwrap();
        assert!(effects.contains(&expected), "{path}: {}", found.text);
    }
    for path in ["/roles/clerk/scopes/preview", "/roles/clerk/removal/preview"] {
        let body = path.contains("scopes").then(|| json!({ "remove": ["orders:write"] }));
        let found = app.call("POST", path, &token, None, body).await;
        let lost = found.json["effects"].as_array().unwrap().iter().find(|effect| effect["name"] == "orders:write").unwrap();
        assert_eq!((&lost["gained"], &lost["count"]), (&json!(false), &json!(2)), "Alice and the boss: {}", found.text);
    }
    // That of a client tells what would change, as `signet client edit --dry-run` does.
    let edit = json!({ "access": "groups", "groups": ["team"], "metadata": { "client_uri": "https://shop.example/" } });
    let found = app.call("POST", "/clients/web/edit/preview", &token, None, Some(edit)).await;
    let changes = json!({
        "access": { "before": "everyone", "after": "groups" },
        "client_uri": { "before": null, "after": "https://shop.example/" },
        "groups": { "before": [], "after": ["team"] },
    });
    assert_eq!(found.json["changes"], changes, "{}", found.text);
    let same = app.call("POST", "/clients/web/edit/preview", &token, None, Some(json!({ "access": "everyone" }))).await;
    assert_eq!((&same.json["changes"], &same.json["refused_tokens"]), (&json!({}), &json!(0)), "{}", same.text);
    // A preview is refused as its change would be.
    for (path, body, status) in [
        ("/roles/admin/scopes/preview", json!({ "remove": ["admin"] }), 409),
        ("/groups/team/edit/preview", json!({ "roles": ["none"] }), 409),
        ("/groups/none/members/preview", json!({ "add": ["alice"] }), 404),
        ("/clients/web/edit/preview", json!({ "redirect_uris": ["nonsense"] }), 422),
        ("/clients/none/edit/preview", json!({ "client_name": "None" }), 404),
        ("/groups/team/members/preview", json!({ "plus": [] }), 422),
    ] {
        let refused = app.call("POST", path, &token, None, Some(body)).await;
        assert!(refused.status == status || (status == 409 && refused.status == 422), "{path}: {} {}", refused.status, refused.text);
    }
    let (counts, client) = state().await;
    assert_eq!((counts, &client["version"]), (before.0, &before.1["version"]));
    let help = app.token_of("admin-users", "admin:users").await;
    let boss = users::show(&app.reading(), "boss").await.unwrap().id;
    assert_eq!(app.call("POST", &format!("/users/{boss}/removal/preview"), &help, None, None).await.status, 403, "an administrator");
    app.advance(601);
    let old = format!("/users/{alice}/removal/preview");
    assert_eq!(app.call("POST", &old, &token, None, None).await.status, 401, "deleting needs a recent sign-in");
}
