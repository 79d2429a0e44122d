//! The history of a user whom an import added begins with that import.

use serde_json::{Value, json};
use signet_issuer::admin::transfer::{Import, ImportOptions};
use signet_issuer::admin::users;
use signet_issuer::store::audit_events;

use crate::admin::transfer::{check, import, lines, prepared, write};
use crate::support::TestApp;

const UPDATE: ImportOptions = ImportOptions { update: true, allow_admin: false, keep_ids: false };

/// Returns the events of a user, newest first, read by pages of `limit`.
async fn history(app: &TestApp, username: &str, more: &str, limit: usize) -> Vec<Value> {
    let token = app.token_of("boss", "admin").await;
    let id = users::show(&app.reading(), username).await.unwrap().id;
    let (mut events, mut after) = (Vec::new(), String::new());
    loop {
        let page = app.call("GET", &format!("/users/{id}/audit?limit={limit}{more}{after}"), &token, None, None).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.json["items"].as_array().unwrap().len() <= limit);
        events.extend(page.json["items"].as_array().unwrap().iter().cloned());
        match page.json["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return events,
        }
    }
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_user_begins_with_the_import_that_added_them() {
    let app = prepared().await;
    app.add_user("boss", &["admin"]).await;
    let kept = "5f0c54a1-3f0a-4d2e-9a52-0a8f0c1f2b11";
    let many: Vec<Value> = (0..30).map(|number| json!({ "username": format!("user{number}") })).collect();
    import(&app, ImportOptions::default(), &many).await;
    app.advance(1000);
    // The event of a batch is written a little later than its lines were prepared.
    let pass = Import::begin(&app.reading(), ImportOptions::default()).await.unwrap();
    let old = json!({ "username": "alice", "id": kept, "created_at": "2020-02-03T04:05:06Z" });
    let ready = pass.prepare(&app.reading(), lines(&app, &[old, json!({ "username": "bob" })]).await).await.unwrap();
    app.advance(7);
    app.operate(|change| Box::pin(async move { pass.write(change, ready).await })).await.unwrap();
    let second = app.clock_now();
    let events = history(&app, "alice", "", 10).await;
    assert_eq!(names(&events), ["users_imported"], "{events:?}");
    assert_eq!(
        events[0]["after"],
        json!({ "added": 2, "updated": 0, "unchanged": 0, "users_added": [kept] }),
        "of the others nothing is told"
    );
    assert!(events[0].to_string().contains("lines 1 to 2"), "{events:?}");
    let token = app.token_of("boss", "admin").await;
    let whole = app.call("GET", &format!("/audit/{}", events[0]["id"]), &token, None, None).await;
    assert_eq!(whole.json["after"]["users_added"].as_array().unwrap().len(), 2, "the link leads to the whole event");

    // What happens later comes before it, in pages of any length, and the range of time holds for it, too.
    app.advance(10);
    let id = users::show(&app.reading(), "alice").await.unwrap().id;
    for _ in 0..2 {
        app.operate(|change| Box::pin(users::disable(change, id))).await.unwrap();
        app.operate(|change| Box::pin(users::enable(change, id))).await.unwrap();
    }
    import(&app, UPDATE, &[json!({ "username": "alice", "name": "Alice Example" }), json!({ "username": "carol" })]).await;
    let expected = ["users_imported", "user_enabled", "user_disabled", "user_enabled", "user_disabled", "users_imported"];
    for limit in 1..8 {
        assert_eq!(names(&history(&app, "alice", "", limit).await), expected, "pages of {limit}");
    }
    assert_eq!(names(&history(&app, "carol", "", 10).await), ["users_imported"]);
    let date = |at: i64| signet_issuer::clock::date(at);
    for (more, number) in [
        (format!("&from={}", date(second + 1)), 5),
        (format!("&from={}", date(second)), 6),
        (format!("&until={}", date(second + 1)), 1),
        (format!("&until={}", date(second)), 0),
    ] {
        assert_eq!(history(&app, "alice", &more, 3).await.len(), number, "{more}");
    }

    // The page and the help desk see it. A user whom nobody imported has none, and nobody has one once the event is deleted.
    let page = app.signed_in("boss").await.get("/admin/audit?by=user&value=user7").await;
    assert!(page.text.contains(">users imported<"), "{}", page.text);
    assert!(!names(&history(&app, "boss", "", 50).await).contains(&"users_imported"));
    app.sql("DELETE FROM audit_events WHERE event = 'users_imported' AND user_id IS NULL").await;
    assert_eq!(names(&history(&app, "alice", "", 50).await), expected[..5]);
    assert!(history(&app, "user3", "", 50).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_changes_nothing_leaves_the_history_as_it_is() {
    let app = prepared().await;
    app.add_user("boss", &["admin"]).await;
    import(&app, ImportOptions::default(), &[json!({ "username": "alice" })]).await;
    app.advance(50);
    import(&app, UPDATE, &[json!({ "username": "alice" })]).await;
    app.advance(50);
    let (_, refused) = check(&app, ImportOptions::default(), &[json!({ "username": "alice", "name": "Alice" })]).await;
    assert_eq!(refused.len(), 1);
    write(&app, UPDATE, &[json!({ "username": "alice" })]).await.unwrap();
    assert_eq!(names(&history(&app, "alice", "", 10).await), ["users_imported"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_is_found_by_an_index_among_many_imports() {
    let app = prepared().await;
    for number in 0..40 {
        import(&app, ImportOptions::default(), &[json!({ "username": format!("user{number}") })]).await;
        app.advance(4000);
    }
    let id = users::show(&app.reading(), "user20").await.unwrap().id;
    let row = signet_issuer::store::users::by_id(app.app.store.reader(), id).await.unwrap().unwrap();
    let db = app.plans().await;
    let found = audit_events::of_import(&db, id, row.imported_at.unwrap()).await.unwrap().unwrap();
    db.assert_indexed(&["audit_events_event_at_id"]);
    assert!(found.after.unwrap().contains(&id.to_string()));
    assert_eq!(audit_events::of_import(&db, id, row.imported_at.unwrap() + 1).await.unwrap(), None);
}
