//! The first pass of an import refuses what any other face refuses, and what the second pass could not write, so that a file is imported
//! as a whole or not at all.

use serde_json::{Value, json};
use signet_issuer::admin::transfer::{Counts, Import, ImportOptions};
use signet_issuer::admin::users::{self, UserPatch};
use signet_issuer::store::users as user_store;

use crate::admin::transfer::{check, declare, import, lines, write};
use crate::support::TestApp;

const UPDATE: ImportOptions = ImportOptions { update: true, allow_admin: false, keep_ids: false };
const ALL: ImportOptions = ImportOptions { update: true, allow_admin: true, keep_ids: false };
const BCRYPT: &str = "$2b$08$WhF1xwpvvgzk5ZS3uhVcYOM5pMk1tM3LuYqce7nOuemsALEogZ1Fi";

/// Values of every type of JSON, of which each field allows some.
fn values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(""),
        json!(" "),
        json!("x"),
        json!(" x"),
        json!("ABC-1"),
        json!("ABC-1 "),
        json!("alice@example.com"),
        json!("ALICE@EXAMPLE.COM"),
        json!("+49 30 901820"),
        json!("1990-12-31"),
        json!("https://example.com"),
        json!("two\nlines"),
        json!("a\u{0}b"),
        json!("left\u{202e}right"),
        json!("y".repeat(300)),
        json!("y".repeat(2000)),
        json!(true),
        json!(0),
        json!(7),
        json!(-7),
        json!(1.5),
        json!(1e300),
        json!([]),
        json!(["x"]),
        json!(["ABC-1", "ABC-2"]),
        json!(["ABC-1", "ABC-1", "DEF-2", 3]),
        json!((0..21).map(|number| format!("ABC-{number}")).collect::<Vec<_>>()),
        json!(["ABC-1", null]),
        json!([["ABC-1"]]),
        json!({ "given_name": "x" }),
    ]
}

/// Returns each patch with one field that has one of the values, or two.
fn patches() -> Vec<Value> {
    let mut patches = Vec::new();
    for value in values() {
        patches.extend(["email", "email_verified", "name", "external_id", "claims", "attributes"].map(|field| json!({ (field): value })));
        patches.extend(
            ["given_name", "phone_number", "birthdate", "website", "street_address", "name", "sub"]
                .map(|claim| json!({ "claims": { (claim): value } })),
        );
        patches.extend(["code", "codes", "level", "remote", "nothing"].map(|name| json!({ "attributes": { (name): value } })));
        patches.push(json!({ "email": value, "email_verified": true }));
    }
    patches
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_pass_refuses_what_the_rest_api_refuses_and_accepts_only_what_can_be_written() {
    let app = TestApp::administered().await;
    for (name, value_type, multi_valued) in [("code", "string", false), ("codes", "string", true), ("level", "number", false)] {
        declare(&app, name, value_type, multi_valued).await;
    }
    declare(&app, "remote", "boolean", false).await;
    app.sql("UPDATE attributes SET min = 3, max = 6, pattern = '[A-Z]+-[0-9]+' WHERE name LIKE 'code%'").await;
    app.sql("UPDATE attributes SET min = 0, max = 5 WHERE name = 'level'").await;
    app.add_user("alice", &[]).await;
    app.sql("UPDATE users SET external_id = 'ABC-1' WHERE username = 'alice'").await;
    let token = app.token_of("boss", "admin").await;
    let bob = app.add_user("bob", &[]).await;
    let path = format!("/users/{bob}");
    let as_before = json!({
        "email": "bob@example.com", "email_verified": false, "name": "Bob", "external_id": null, "claims": null, "attributes": null,
    });
    let reset = async || {
        let patch: UserPatch = serde_json::from_value(as_before.clone()).unwrap();
        app.operate(|change| Box::pin(users::edit(change, bob, patch, None))).await.unwrap().version
    };
    let (mut refused_by_both, mut written) = (0, 0);
    for patch in patches() {
        reset().await;
        let mut line = patch.clone();
        line["username"] = json!("bob");
        let (counts, refused) = check(&app, UPDATE, std::slice::from_ref(&line)).await;
        if refused.is_empty() {
            let wrote = write(&app, UPDATE, std::slice::from_ref(&line)).await;
            assert_eq!(wrote.unwrap_or_else(|error| panic!("{patch}: {error}")), counts, "{patch}");
            written += 1;
        }
        let version = reset().await;
        let answer = app.call("PATCH", &path, &token, Some(&format!("\"{version}\"")), Some(patch.clone())).await;
        match (answer.status, refused.first()) {
            (200, _) => {}
            (400 | 409 | 422, Some(_)) => refused_by_both += 1,
            (status, refusal) => panic!("{patch}: {status} {}, but the import: {refusal:?}", answer.text),
        }
    }
    assert!(refused_by_both > 200 && written > 50, "{refused_by_both} {written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_address_belongs_to_one_user_of_the_file_and_the_database() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await;
    app.sql("UPDATE users SET email = 'shared@example.com', email_verified = FALSE WHERE username = 'bob'").await;
    let told = async |lines: &[Value]| {
        let (_, refused) = check(&app, UPDATE, lines).await;
        refused.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    // Against the database, in any spelling, for new users and for present ones.
    let expected = "email: expected an address that is verified for nobody else; Alice@Example.com is that of the user alice";
    for username in ["bob", "carol"] {
        let line = json!({ "username": username, "email": "Alice@Example.com", "email_verified": true });
        assert_eq!(told(&[line]).await, [format!("line 1: {expected}")]);
    }
    // Within the file, where the second line verifies the address that the database has for its user.
    let twice = [
        json!({ "username": "carol", "email": "Shared@example.com", "email_verified": true }),
        json!({ "username": "bob", "email_verified": true }),
    ];
    let expected = "line 2: email: expected an address that no line before verifies for another user; found shared@example.com";
    assert_eq!(told(&twice).await, [expected]);
    // In another batch of the same file, too.
    let mut pass = Import::begin(&app.reading(), UPDATE).await.unwrap();
    assert!(pass.check(&app.reading(), lines(&app, &twice[..1]).await).await.unwrap().1.is_empty());
    assert_eq!(pass.check(&app.reading(), lines(&app, &twice[1..]).await).await.unwrap().1.len(), 1);
    // Addresses that are not verified may repeat, and the user who has one keeps it.
    let fine = [
        json!({ "username": "carol", "email": "alice@example.com" }),
        json!({ "username": "dora", "email": "alice@example.com" }),
        json!({ "username": "alice", "name": "Alice Other", "email": "alice@example.com", "email_verified": true }),
    ];
    assert_eq!(import(&app, UPDATE, &fine).await, Counts { added: 2, updated: 1, unchanged: 0 });
    // If somebody verifies the address between the passes, the second one refuses the line and writes nothing.
    let line = [json!({ "username": "erik", "email": "erik@example.com", "email_verified": true })];
    assert!(told(&line).await.is_empty());
    app.sql("UPDATE users SET email = 'erik@example.com', email_verified = TRUE WHERE username = 'dora'").await;
    let refused = write(&app, UPDATE, &line).await.unwrap_err().to_string();
    assert!(refused.contains("erik@example.com is that of the user dora"), "{refused}");
    assert!(user_store::row(app.app.store.reader(), "erik").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_pass_refuses_the_line_after_which_no_administrator_would_remain() {
    let app = TestApp::new().await;
    let told = async |batches: &[&[Value]]| {
        let mut pass = Import::begin(&app.reading(), ALL).await.unwrap();
        let (mut counts, mut told) = (Counts::default(), Vec::new());
        for batch in batches {
            let (more, refused) = pass.check(&app.reading(), lines(&app, batch).await).await.unwrap();
            counts += more;
            told.extend(refused.iter().map(ToString::to_string));
        }
        (counts.added + counts.updated, told)
    };
    let gone = [json!({ "username": "admin", "enabled": false })];
    let demoted = [json!({ "username": "admin", "roles": [] })];
    let without_password = [json!({ "username": "eve", "roles": ["admin"] })];
    let heir = [json!({ "username": "eve", "roles": ["admin"], "password_hash": BCRYPT })];
    let expected = "line 1: roles: expected another enabled user with a password and the scope admin, because no administrator would \
                    remain after this line";
    assert_eq!(told(&[&gone]).await, (0, vec![expected.to_owned()]));
    assert_eq!(told(&[&demoted]).await, (0, vec![expected.to_owned()]));
    assert_eq!(told(&[&without_password, &gone]).await, (1, vec![expected.to_owned()]));
    // Each transaction must leave an administrator, so the heir comes first or in the same one.
    assert_eq!(told(&[&gone, &heir]).await, (1, vec![expected.to_owned()]));
    assert_eq!(told(&[&heir, &gone]).await, (2, Vec::new()));
    let both = [gone[0].clone(), heir[0].clone()];
    assert_eq!(told(&[&both]).await, (2, Vec::new()));
    assert_eq!(import(&app, ALL, &both).await, Counts { added: 1, updated: 1, unchanged: 0 });
    let last = [json!({ "username": "eve", "roles": [] })];
    assert_eq!(told(&[&last]).await, (0, vec![expected.to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_users_with_as_many_words_as_can_be_is_written() {
    let app = TestApp::new().await;
    let words = |number: usize| (0..60).map(|word| format!("{number}w{word}")).collect::<Vec<_>>().join(" ");
    let name = |number| words(number).chars().take(200).collect::<String>().trim().to_owned();
    let many: Vec<Value> = (0..1000)
        .map(|number| json!({ "username": format!("user{number}"), "name": name(number), "created_at": 253_402_300_799_i64 }))
        .collect();
    assert_eq!(import(&app, ImportOptions::default(), &many).await.added, 1000);
    assert!(app.count("SELECT count(*) FROM user_terms").await > 30_000);
    for time in [json!(253_402_300_800_i64), json!(-1), json!("1969-12-31T23:59:59Z")] {
        let (_, refused) = check(&app, UPDATE, &[json!({ "username": "old", "created_at": time })]).await;
        assert!(refused[0].to_string().contains("created_at: expected a time from 1970 to 9999"), "{}", refused[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_lines_of_a_batch_look_up_is_found_by_indexes() {
    let app = TestApp::new().await.with_orders().await;
    let many: Vec<Value> =
        (0..300).map(|number| json!({ "username": format!("user{number}"), "email": format!("{number}@example.com") })).collect();
    import(&app, ImportOptions::default(), &many).await;
    app.sql("UPDATE users SET email_verified = TRUE WHERE username LIKE 'user%'").await;
    let db = app.plans().await;
    let emails = ["0@EXAMPLE.com", "1@example.com", "nobody@example.com"];
    assert_eq!(user_store::by_verified_emails(&db, emails.into_iter()).await.unwrap().len(), 2);
    db.assert_indexed(&["users_verified_email"]);
    user_store::by_usernames(&db, ["user0", "user1"].into_iter()).await.unwrap();
    user_store::by_external_ids(&db, ["0", "1"].into_iter()).await.unwrap();
    db.assert_indexed(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_appears_between_the_passes_is_not_added_twice() {
    let app = TestApp::new().await.with_orders().await;
    app.add_user("leaver", &[]).await;
    let rows = async || {
        let mut counts = Vec::new();
        for table in ["users", "user_terms", "user_roles", "audit_events"] {
            counts.push(app.count(&format!("SELECT count(*) FROM {table}")).await);
        }
        counts
    };
    let before = rows().await;
    for (taken, sql) in [
        (json!({ "username": "bob" }), "UPDATE users SET username = 'bob' WHERE username = 'leaver'"),
        (json!({ "username": "bob", "external_id": "7" }), "UPDATE users SET external_id = '7' WHERE username = 'leaver'"),
        (
            json!({ "username": "bob", "email": "bob@example.com", "email_verified": true }),
            "UPDATE users SET email = 'Bob@example.com', email_verified = TRUE WHERE username = 'leaver'",
        ),
    ] {
        let new = [json!({ "username": "anna", "roles": ["clerk"] }), taken];
        let mut pass = Import::begin(&app.reading(), ImportOptions::default()).await.unwrap();
        let (counts, refused) = pass.check(&app.reading(), lines(&app, &new).await).await.unwrap();
        assert!(refused.is_empty() && counts.added == 2, "{refused:?}");
        app.sql(sql).await;
        let prepared = pass.prepare(&app.reading(), lines(&app, &new).await).await.unwrap();
        let written = app.operate(|change| Box::pin(async move { pass.write(change, prepared).await })).await;
        let told = written.unwrap_err().to_string();
        assert!(told.contains("a user of the lines 1 to 2 cannot be added any more"), "{told}");
        assert_eq!(rows().await, before);
        app.sql("UPDATE users SET username = 'leaver', external_id = NULL, email = NULL, email_verified = FALSE WHERE username IN ('bob', 'leaver')")
            .await;
    }
    // A name that was given up between the passes is not given to somebody else either.
    let mut pass = Import::begin(&app.reading(), ImportOptions::default()).await.unwrap();
    let again = [json!({ "username": "leaver" })];
    app.sql("UPDATE users SET username = 'moved' WHERE username = 'leaver'").await;
    assert!(pass.check(&app.reading(), lines(&app, &again).await).await.unwrap().1.is_empty());
    app.sql("UPDATE users SET username = 'leaver' WHERE username = 'moved'").await;
    let leaver = user_store::row(app.app.store.reader(), "leaver").await.unwrap().unwrap().id;
    app.operate(|change| Box::pin(users::delete(change, leaver, None))).await.unwrap();
    let told = pass.prepare(&app.reading(), lines(&app, &again).await).await.err().unwrap().to_string();
    assert!(told.contains("line 1: username: expected another name; leaver belonged to another user"), "{told}");
}
