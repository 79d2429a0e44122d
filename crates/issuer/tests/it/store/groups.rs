//! No query on groups and roles reads all users or all memberships.

use signet_issuer::admin::groups::{self as operations, GroupDraft};
use signet_issuer::store::{groups, person, roles, users};
use uuid::Uuid;

use crate::support::TestApp;

/// Adds 20,000 users, each in one of 100 groups and with one of 100 roles. Some groups carry some roles.
async fn with_many(app: &TestApp) {
    let is_sqlite = app.database_url().starts_with("sqlite");
    let numbers = if is_sqlite {
        "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19999) SELECT i FROM n) AS n"
    } else {
        "(SELECT generate_series(0, 19999) AS i) AS n"
    };
    let (id, falsehood) = if is_sqlite { ("randomblob(16)", "0") } else { ("gen_random_uuid()", "FALSE") };
    for sql in [
        format!(
            "INSERT INTO users (id, username, email_verified, created_at, updated_at) SELECT {id}, 'many' || i, {falsehood}, 0, 0 FROM \
             {numbers}"
        ),
        format!("INSERT INTO groups (id, name, folded_name, created_at) SELECT {id}, 'g' || i, 'g' || i, 0 FROM {numbers} WHERE i < 100"),
        format!("INSERT INTO roles (name, created_at) SELECT 'r' || i, 0 FROM {numbers} WHERE i < 100"),
        "INSERT INTO user_roles (user_id, role) SELECT id, 'r' || (CAST(substr(username, 5) AS INTEGER) % 100) FROM users \
         WHERE username LIKE 'many%'"
            .to_owned(),
        "INSERT INTO group_members (group_id, user_id) SELECT groups.id, users.id FROM users JOIN groups \
         ON groups.name = 'g' || (CAST(substr(users.username, 5) AS INTEGER) % 100) WHERE users.username LIKE 'many%'"
            .to_owned(),
        // A role of many groups, and many roles of one group each.
        "INSERT INTO group_roles (group_id, role) SELECT id, 'r1' FROM groups WHERE name IN ('g1', 'g2', 'g3')".to_owned(),
        "INSERT INTO group_roles (group_id, role) SELECT id, 'r' || substr(name, 2) FROM groups WHERE name LIKE 'g%' AND name <> 'g1'"
            .to_owned(),
    ] {
        app.sql(&sql).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_query_reads_all_users_or_memberships() {
    let app = TestApp::new().await;
    let default = GroupDraft { name: "everyone".to_owned(), is_default: true, ..GroupDraft::default() };
    app.operate(|change| Box::pin(operations::add(change, default))).await.unwrap();
    with_many(&app).await;
    let db = &app.plans_by_statistics().await;
    let group = groups::by_name(db, "G1").await.unwrap().unwrap();
    let members = groups::members(db, group.id, None, 3).await.unwrap();
    let ids: Vec<Uuid> = members.iter().map(|member| member.id).collect();
    assert_eq!(groups::members(db, group.id, Some(ids[0]), 2).await.unwrap()[0].id, ids[1]);
    assert_eq!(groups::count_members(db, group.id, 150).await.unwrap(), 150);
    assert_eq!(groups::members_among(db, group.id, &ids).await.unwrap().len(), 3);
    assert_eq!(groups::of_users(db, ids.iter().copied()).await.unwrap().len(), 3);
    assert_eq!(groups::of_user(db, ids[0]).await.unwrap().len(), 1);
    assert_eq!(groups::carrying(db, "r1", 10).await.unwrap().len(), 3);
    assert!(!groups::help_desk_gives(db, "r1").await.unwrap());
    let kept = groups::keep_defaults_and(db, &["G2".to_owned()]).await.unwrap();
    assert_eq!(kept.len(), 2);
    groups::remove_members(db, group.id, &ids).await.unwrap();
    assert_eq!(groups::add_members(db, group.id, &ids).await.unwrap(), 3);
    groups::count_change_of_carriers(db, "r1").await.unwrap();
    groups::by_external_id(db, "none").await.unwrap();

    let holders = roles::holders(db, "r1", None, 3).await.unwrap();
    assert_eq!(roles::holders(db, "r1", Some(holders[0].id), 2).await.unwrap()[0].id, holders[1].id);
    assert_eq!(roles::through_groups(db, ids.iter().copied()).await.unwrap().len(), 3);
    assert_eq!(roles::of_users(db, ids.iter().copied()).await.unwrap().len(), 3);
    assert_eq!(roles::of_user(db, ids[0]).await.unwrap().len(), 1);
    roles::take(db, ids[0], "r1").await.unwrap();
    roles::give(db, ids[0], "r1").await.unwrap();
    roles::scopes_of(db, ["admin", "r1"].into_iter()).await.unwrap();
    assert!(roles::has_administrator(db).await.unwrap());
    assert_eq!(users::keep_named(db, &["many1".to_owned(), "many2".to_owned()]).await.unwrap().len(), 2);
    assert_eq!(users::names(db, ids.iter().copied()).await.unwrap().len(), 3);
    assert_eq!(person::find(db, ids[0], "cli").await.unwrap().roles.len(), 1);
    groups::remove(db, group.id).await.unwrap();

    let (statements, scans) = db.scans(&["users", "group_members", "user_roles", "group_roles"]);
    assert!(statements >= 25, "{statements}");
    assert!(scans.is_empty(), "{scans:#?}");
}
