//! The audit trail over the pages and REST: filters, pages, one event with what it changed, and files.

use serde_json::{Value, json};
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::users;

use crate::support::{Answer, PASSWORD, TestApp};

async fn app() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_web().await.with_user("alice").await;
    app.add_user("boss", &["admin"]).await;
    app
}

async fn rename(app: &TestApp, username: &str, name: &str) {
    let id = users::show(&app.reading(), username).await.unwrap().id;
    let patch: users::UserPatch = serde_json::from_value(json!({ "name": name })).unwrap();
    app.operate(|change| Box::pin(users::edit(change, id, patch, None))).await.unwrap();
}

/// Returns the paths that begin with `path`, to which a page links.
fn links(page: &Answer, path: &str) -> Vec<String> {
    let found = page.text.split("href=\"").filter(|rest| rest.starts_with(path));
    found.map(|rest| rest.split('"').next().unwrap().replace("&#38;", "&")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_lists_filters_and_shows_events() {
    let app = app().await;
    let browser = app.signed_in("boss").await;
    rename(&app, "alice", "=Alice <b>Example</b>").await;
    app.operate(|change| Box::pin(groups::add(change, GroupDraft { name: "on-call".to_owned(), ..GroupDraft::default() }))).await.unwrap();
    let all = browser.get("/admin/audit").await;
    assert!(all.text.contains("user changed") && all.text.contains("signed in") && all.text.contains("group added"), "{}", all.text);
    // The pages of a user and of a client lead to their history.
    let path = links(&browser.get("/admin/users/alice").await, "/admin/audit?").remove(0);
    let of_alice = browser.get(&path).await;
    assert!(of_alice.text.contains("user changed") && !of_alice.text.contains("group added"), "{}", of_alice.text);
    let path = links(&browser.get("/admin/clients/web").await, "/admin/audit?").remove(0);
    assert!(browser.get(&path).await.text.contains("client added"));
    // An event shows what it changed, and links to whom it concerns.
    let path = links(&browser.get("/admin/audit?by=event&value=user_changed").await, "/admin/audit/").pop().unwrap();
    let event = browser.get(&path).await;
    assert!(event.text.contains("=Alice &#60;b&#62;Example") && event.text.contains("href=\"/admin/users/alice\""), "{}", event.text);
    assert!(!event.text.contains("<b>Example"));
    let path = links(&browser.get("/admin/audit?by=event&value=group_added").await, "/admin/audit/").pop().unwrap();
    assert!(browser.get(&path).await.text.contains("href=\"/admin/groups/on%2Dcall\""));
    // Times, and wrong values, which the form keeps.
    assert!(browser.get("/admin/audit?from=2030-01-01").await.text.contains("No event was found."));
    assert!(browser.get("/admin/audit?from=2020-01-01&until=2030-01-01").await.text.contains("user changed"));
    for (query, expected) in [
        ("by=event&value=nonsense", "the name of an event"),
        ("by=user&value=nobody", "the name of a user who exists"),
        ("from=yesterday", "a time in RFC 3339"),
        ("by=address&value=here", "an IP address"),
        // Nothing is ignored, because the page would then show other events than were asked for.
        ("by=bogus", "one of user, client, group, role, attribute, resource, event, actor, address, request_id"),
        ("by=bogus&value=alice", "one of user, client, group, role, attribute, resource, event, actor, address, request_id"),
        ("by=user", "what the events are selected by"),
        ("value=alice", "the choice of what the name, id or address belongs to"),
        ("nonsense=nonsense", "only the parameters by, value, from, until"),
        ("format=xml", "csv or jsonl"),
    ] {
        assert_eq!(browser.get(&format!("/admin/audit/download?{query}")).await.status, 400, "{query}");
        let refused = browser.get(&format!("/admin/audit?{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        assert!(!refused.text.contains("Download as") && refused.text.contains("until the fields above are right"), "{}", refused.text);
        assert!(refused.text.contains(expected) && refused.text.contains(query.rsplit('=').next().unwrap()), "{}", refused.text);
    }
    for path in ["/admin/audit/999999", "/admin/audit/none"] {
        assert_eq!(browser.get(path).await.status, 404);
    }
    assert_eq!(app.signed_in("alice").await.get("/admin/audit").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_files_hold_every_event_once() {
    let app = app().await;
    let browser = app.signed_in("boss").await;
    for number in 0..120 {
        rename(&app, "alice", &format!("@Alice {number}")).await;
    }
    let (mut path, mut seen) = ("/admin/audit?by=user&value=alice".to_owned(), Vec::new());
    loop {
        let page = browser.get(&path).await;
        seen.extend(links(&page, "/admin/audit/").into_iter().filter(|path| !path.contains("download")));
        match links(&page, "/admin/audit?").into_iter().find(|path| path.contains("after=")) {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(seen.len(), 121);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 121);
    let csv = browser.get("/admin/audit/download?format=csv&by=user&value=alice").await;
    assert_eq!(csv.text.lines().count(), 122);
    assert!(csv.header("content-disposition").contains("audit.csv") && csv.header("cache-control") == "no-store");
    let lines = browser.get("/admin/audit/download?format=jsonl&by=event&value=user_changed").await;
    let events: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((events.len(), &events[0]["after"]["name"]), (120, &json!("@Alice 119")));
    assert_eq!(browser.get("/admin/audit/download?by=user&value=nobody").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_reads_the_audit_trail() {
    let app = app().await;
    for number in 0..5 {
        rename(&app, "alice", &format!("Alice {number}")).await;
    }
    let parameters = [("grant_type", "password"), ("client_id", "cli"), ("username", "boss"), ("password", PASSWORD), ("scope", "admin")];
    let token = app.token(&parameters).await.str("access_token").to_owned();
    let get = async |path: &str| app.get(&format!("/api/v1{path}")).bearer(&token).send().await;
    let (mut path, mut ids) = ("/audit?event=user_changed&limit=2".to_owned(), Vec::new());
    for expected in [2, 2, 1] {
        let page = get(&path).await;
        let items = page.json["items"].as_array().unwrap().clone();
        assert_eq!(items.len(), expected, "{}", page.text);
        ids.extend(items.iter().map(|item| item["id"].as_i64().unwrap()));
        path = format!("/audit?event=user_changed&limit=2&after={}", page.json["next"].as_str().unwrap_or_default());
    }
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "{ids:?}");
    let one = get(&format!("/audit/{}", ids[0])).await;
    assert_eq!((&one.json["after"]["name"], one.status), (&json!("Alice 4"), 200));
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    assert_eq!(get(&format!("/users/{alice}/audit")).await.json["items"].as_array().unwrap().len(), 6);
    for wrong in ["user=alice&client=web", "event=nonsense", "from=yesterday", "after=bm9uc2Vuc2U", "unknown=1"] {
        assert_eq!(get(&format!("/audit?{wrong}")).await.status, 400, "{wrong}");
    }
    let lines = get("/audit/lines?event=user_changed").await;
    assert_eq!(lines.header("content-type"), "application/jsonl; charset=utf-8");
    let of_file = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap();
    assert_eq!(lines.text.lines().map(of_file).collect::<Vec<_>>(), ids, "the file holds the events of the list");
    for wrong in ["event=nonsense", "from=yesterday", "limit=5", "unknown=1"] {
        assert_eq!(get(&format!("/audit/lines?{wrong}")).await.status, 400, "{wrong}");
    }
    assert_eq!(get("/audit/999999").await.status, 404);
    assert_eq!(get("/audit/none").await.status, 404);
}
