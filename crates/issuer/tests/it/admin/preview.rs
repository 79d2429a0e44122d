//! A preview of a change says what users would gain and lose, obeys the rules of the change, and keeps nothing of it.

use signet_issuer::admin::preview::{self, Effect, Kind, Preview, Subject};
use signet_issuer::admin::{groups, roles, users};

use super::membership::{add, assert_conflict, draft, members, new_role, owned};
use crate::support::TestApp;

/// Returns of each effect the thing, whether it is gained, the number of users, and their names.
fn effects(preview: &Preview) -> Vec<(String, bool, usize, Vec<&str>)> {
    let mut found = Vec::new();
    for Effect { kind, name, gained, count, users } in &preview.effects {
        let thing = format!("{} {name}", serde_json::to_value(kind).unwrap().as_str().unwrap());
        found.push((thing, *gained, *count, users.iter().map(String::as_str).collect()));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_who_gains_and_loses_what_and_changes_nothing() {
    let app = TestApp::new().await.with_orders().await;
    new_role(&app, "reader", &["orders:read"]).await;
    add(&app, draft("team", &["clerk"])).await.unwrap();
    for (username, roles) in [("alice", &["reader"][..]), ("bob", &[]), ("carol", &["clerk"])] {
        app.add_user(username, roles).await;
    }
    members(&app, "team", &["alice", "bob", "carol"], &[]).await.unwrap();
    let state = async || {
        let mut counts = Vec::new();
        for table in ["audit_events", "group_members", "group_roles", "role_scopes", "user_roles", "retired_names"] {
            counts.push(app.count(&format!("SELECT count(*) FROM {table}")).await);
        }
        (counts, groups::show(&app.reading(), "team").await.unwrap())
    };
    let before = state().await;

    let team = Subject::Group("team".to_owned());
    let (_, removal) = preview::run(&app.app, &app.operator, &team, |change| Box::pin(groups::remove(change, "team"))).await.unwrap();
    let expected = vec![
        ("group team".to_owned(), false, 3, vec!["alice", "bob", "carol"]),
        ("role clerk".to_owned(), false, 2, vec!["alice", "bob"]),
        // Alice reads orders by another role, too.
        ("scope orders:read".to_owned(), false, 1, vec!["bob"]),
        ("scope orders:write".to_owned(), false, 2, vec!["alice", "bob"]),
    ];
    assert_eq!((effects(&removal), removal.examined, removal.complete), (expected, 3, true));

    let write = owned(&["orders:write"]);
    let clerks = Subject::Role("clerk".to_owned());
    let narrowed = preview::run(&app.app, &app.operator, &clerks, |change| Box::pin(roles::change_scopes(change, "clerk", &[], &write)));
    assert_eq!(effects(&narrowed.await.unwrap().1), [("scope orders:write".to_owned(), false, 3, vec!["alice", "bob", "carol"])]);

    let (joins, leaves) = (owned(&["admin"]), owned(&["Carol"]));
    let both = Subject::Users(owned(&["admin", "Carol"]));
    let moved = preview::run(&app.app, &app.operator, &both, |change| Box::pin(groups::change_members(change, "team", &joins, &leaves)));
    let (_, moved) = moved.await.unwrap();
    let expected = vec![
        ("group team".to_owned(), false, 1, vec!["carol"]),
        ("group team".to_owned(), true, 1, vec!["admin"]),
        ("role clerk".to_owned(), true, 1, vec!["admin"]),
        ("scope orders:read".to_owned(), true, 1, vec!["admin"]),
        ("scope orders:write".to_owned(), true, 1, vec!["admin"]),
    ];
    assert_eq!(effects(&moved), expected, "Carol is a clerk herself");

    // A preview is refused as the change would be.
    let admin = owned(&["admin"]);
    let all = Subject::Role("admin".to_owned());
    let refused = preview::run(&app.app, &app.operator, &all, |change| Box::pin(roles::change_scopes(change, "admin", &[], &admin))).await;
    assert_conflict(refused, "no administrator would remain");
    assert_eq!(state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_of_many_users_is_bounded() {
    let app = TestApp::new().await.with_orders().await;
    add(&app, draft("team", &["clerk"])).await.unwrap();
    let (numbers, id) = if app.database_url().starts_with("sqlite") {
        ("(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1004) SELECT i FROM n) AS n", "randomblob(16)")
    } else {
        ("(SELECT generate_series(0, 1004) AS i) AS n", "gen_random_uuid()")
    };
    app.sql(&format!(
        "INSERT INTO users (id, username, email_verified, created_at, updated_at) SELECT {id}, 'many' || i, FALSE, 0, 0 FROM {numbers}"
    ))
    .await;
    app.sql("INSERT INTO group_members SELECT groups.id, users.id FROM groups, users WHERE groups.name = 'team' AND username LIKE 'many%'")
        .await;
    for subject in [Subject::Role("clerk".to_owned()), Subject::Group("team".to_owned())] {
        let removed = preview::run(&app.app, &app.operator, &subject, |change| Box::pin(roles::remove(change, "clerk"))).await;
        let (_, preview) = removed.unwrap();
        assert_eq!((preview.examined, preview.complete, preview.effects.len()), (1000, false, 3), "{subject:?}");
        assert!(preview.effects.iter().all(|effect| effect.count == 1000 && effect.users.len() == 20 && !effect.gained), "{subject:?}");
    }
    assert_eq!(groups::count_members(&app.reading(), "team").await.unwrap(), 1000, "members are counted up to 1,000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_counts_the_tokens_that_a_redundant_role_refuses() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    new_role(&app, "reader", &["orders:read"]).await;
    add(&app, draft("team", &["reader"])).await.unwrap();
    members(&app, "team", &["alice"], &[]).await.unwrap();
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let token = app.sign_in("alice", "orders:read").await;
    assert_eq!(app.introspect("web", token.str("access_token")).await.json["active"], true);

    // She is a clerk, too, so that she loses no scope by any of these.
    let (one, none) = (owned(&["reader"]), owned(&[]));
    let counts = |preview: &Preview| (preview.effects.iter().filter(|effect| effect.kind == Kind::Scope).count(), preview.refused_tokens);
    let users = Subject::Users(owned(&["alice"]));
    let leaves = owned(&["alice"]);
    let left =
        preview::run(&app.app, &app.operator, &users, |change| Box::pin(groups::change_members(change, "team", &none, &leaves))).await;
    assert_eq!(counts(&left.unwrap().1), (0, 1));
    let group = Subject::Group("team".to_owned());
    let removed = preview::run(&app.app, &app.operator, &group, |change| Box::pin(groups::remove(change, "team"))).await;
    assert_eq!(counts(&removed.unwrap().1), (0, 1));
    let role = Subject::Role("reader".to_owned());
    let removed = preview::run(&app.app, &app.operator, &role, |change| Box::pin(roles::remove(change, "reader"))).await.unwrap().1;
    assert_eq!((counts(&removed), removed.authorizations), ((0, 1), 0));
    let given = preview::run(&app.app, &app.operator, &users, |change| Box::pin(users::change_roles(change, alice, &one, &none))).await;
    assert_eq!(counts(&given.unwrap().1), (0, 0), "to gain something refuses no token");
    assert_eq!(app.introspect("web", token.str("access_token")).await.json["active"], true, "a preview refuses none");

    // The change refuses the token, as its preview said.
    app.operate(|change| Box::pin(roles::remove(change, "reader"))).await.unwrap();
    assert_eq!(app.introspect("web", token.str("access_token")).await.json["active"], false);
}
