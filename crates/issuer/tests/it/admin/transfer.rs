//! An import adds the users of a file with all that belongs to them, changes nothing that it was not told to change, and an export is read
//! back equal.

use serde_json::{Value, json};
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::transfer::{Batch, Counts, Import, ImportOptions, Line, Refusal, export};
use signet_issuer::admin::{Refused, users};
use signet_issuer::store::attributes::{self, AttributeRow};
use signet_issuer::store::users as user_store;

use crate::support::{PASSWORD, TestApp};

const BCRYPT: &str = "$2b$08$WhF1xwpvvgzk5ZS3uhVcYOM5pMk1tM3LuYqce7nOuemsALEogZ1Fi";
const BCRYPT_PASSWORD: &str = "correct horse battery staple";

pub async fn lines(app: &TestApp, users: &[Value]) -> Batch {
    let lines = users.iter().zip(1..).map(|(user, number)| Line { number, text: user.to_string().into_bytes() });
    Batch::read(&app.reading(), lines.collect()).await.unwrap()
}

pub async fn check(app: &TestApp, options: ImportOptions, users: &[Value]) -> (Counts, Vec<Refusal>) {
    Import::begin(&app.reading(), options).await.unwrap().check(&app.reading(), lines(app, users).await).await.unwrap()
}

pub async fn write(app: &TestApp, options: ImportOptions, users: &[Value]) -> Result<Counts, Refused> {
    let import = Import::begin(&app.reading(), options).await.unwrap();
    let prepared = import.prepare(&app.reading(), lines(app, users).await).await?;
    app.operate(|change| Box::pin(async move { import.write(change, prepared).await })).await
}

/// Checks and writes `users`, none of whom may be refused.
pub async fn import(app: &TestApp, options: ImportOptions, users: &[Value]) -> Counts {
    let (counts, refused) = check(app, options, users).await;
    assert!(refused.is_empty(), "{}", refused[0]);
    assert_eq!(write(app, options, users).await.unwrap(), counts);
    counts
}

pub async fn exported(app: &TestApp, hashes: bool) -> Vec<Value> {
    let mut export = app.operate(|change| Box::pin(export::begin(change, hashes))).await.unwrap();
    let mut users = Vec::new();
    loop {
        let lines = export.next(&app.reading()).await.unwrap();
        if lines.is_empty() {
            return users;
        }
        users.extend(lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
}

pub async fn add_group(app: &TestApp, name: &str, roles: &[&str], is_default: bool) {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    let draft = GroupDraft { name: name.to_owned(), roles, is_default, ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
}

pub async fn declare(app: &TestApp, name: &str, value_type: &str, multi_valued: bool) {
    let row = AttributeRow {
        name: name.to_owned(),
        display_name: name.to_owned(),
        value_type: value_type.to_owned(),
        multi_valued,
        mutability: "admin".to_owned(),
        visibility: "admin".to_owned(),
        scope: None,
        min: None,
        max: None,
        pattern: None,
        version: 0,
        created_at: 0,
    };
    attributes::insert(app.app.store.writer(), row).await.unwrap();
}

pub async fn prepared() -> TestApp {
    let app = TestApp::with(|settings| settings.account_attempts = 100).await.with_orders().await;
    add_group(&app, "platform", &["clerk"], false).await;
    add_group(&app, "everyone", &[], true).await;
    declare(&app, "floor", "number", false).await;
    declare(&app, "teams", "string", true).await;
    declare(&app, "remote", "boolean", false).await;
    app
}

const UPDATE: ImportOptions = ImportOptions { update: true, allow_admin: false, keep_ids: false };

pub fn alice() -> Value {
    json!({
        "id": "5f0c54a1-3f0a-4d2e-9a52-0a8f0c1f2b11", "username": "Alice", "email": "alice@example.com", "email_verified": true,
        "name": "Alice Example", "external_id": "42", "enabled": true, "password_hash": BCRYPT, "created_at": "2020-02-03T04:05:06Z",
        "claims": { "given_name": "Alice", "locality": "Berlin" }, "roles": ["clerk"], "groups": ["platform"],
        "attributes": { "floor": 3, "teams": ["red", "blue"], "remote": true },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_their_old_passwords_and_keep_their_ids() {
    let app = prepared().await;
    let counts = import(&app, ImportOptions::default(), &[alice(), json!({ "username": "bob" })]).await;
    assert_eq!(counts, Counts { added: 2, ..Counts::default() });
    assert_eq!(app.try_password("alice", "something else", "").await.status, 400);
    let answer = app.try_password("alice", BCRYPT_PASSWORD, "orders:read openid").await;
    assert_eq!(answer.status, 200);
    let alice = users::show(&app.reading(), "alice").await.unwrap();
    assert_eq!(alice.id.to_string(), "5f0c54a1-3f0a-4d2e-9a52-0a8f0c1f2b11");
    assert_eq!((alice.roles, alice.groups), (vec!["clerk".to_owned()], vec!["platform".to_owned()]));
    // A user whose line names no groups joins the default ones.
    assert_eq!(users::show(&app.reading(), "bob").await.unwrap().groups, ["everyone"]);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'users_imported'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_import_skips_what_is_there_and_changes_only_what_it_is_told() {
    let app = prepared().await;
    import(&app, ImportOptions::default(), &[alice()]).await;
    let same = Counts { unchanged: 1, ..Counts::default() };
    assert_eq!(import(&app, ImportOptions::default(), &[alice()]).await, same);
    // A hash that a sign-in has replaced is newer than that of the file.
    assert_eq!(app.try_password("alice", BCRYPT_PASSWORD, "").await.status, 200);
    assert_eq!(import(&app, UPDATE, &[alice()]).await, same);

    let other = json!({ "username": "alice", "name": "Alice Other", "groups": [], "attributes": { "teams": ["green"] } });
    let (_, refused) = check(&app, ImportOptions::default(), std::slice::from_ref(&other)).await;
    assert!(refused[0].to_string().starts_with("line 1: username: expected a user who does not exist"), "{}", refused[0]);
    let error = write(&app, ImportOptions::default(), std::slice::from_ref(&other)).await.unwrap_err().to_string();
    assert!(error.contains("have changed since the lines were checked: line 1"), "{error}");
    assert_eq!(import(&app, UPDATE, std::slice::from_ref(&other)).await, Counts { updated: 1, ..Counts::default() });
    let after = exported(&app, false).await.into_iter().find(|user| user["username"] == "alice").unwrap();
    assert_eq!(after["name"], "Alice Other");
    assert_eq!((&after["groups"], &after["attributes"]), (&json!([]), &json!({ "teams": ["green"] })));
    assert_eq!(
        (&after["claims"]["locality"], &after["email"], &after["roles"]),
        (&json!("Berlin"), &json!("alice@example.com"), &json!(["clerk"]))
    );
    // An import of nothing but a new address takes away that the address is verified.
    import(&app, UPDATE, &[json!({ "username": "alice", "email": "new@example.com" })]).await;
    assert!(!users::show(&app.reading(), "alice").await.unwrap().email_verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_hash_or_the_end_of_an_account_ends_all_access() {
    let app = prepared().await;
    app.add_user("carol", &["clerk"]).await;
    let alive = "SELECT count(*) FROM authorizations WHERE ended_at IS NULL";
    assert_eq!(app.try_password("carol", PASSWORD, "orders:read").await.status, 200);
    assert_eq!(app.count(alive).await, 1);
    let own = user_store::row(app.app.store.reader(), "carol").await.unwrap().unwrap().password_hash.unwrap();
    // The hash that carol has was made here, so that of another system does not replace it.
    assert_eq!(import(&app, UPDATE, &[json!({ "username": "carol", "password_hash": BCRYPT })]).await.unchanged, 1);
    let other = own.replace("{opaque}$argon2id$v=19$m=64,", "{opaque}$argon2id$v=19$m=65,");
    assert_ne!(own, other);
    import(&app, UPDATE, &[json!({ "username": "carol", "password_hash": other })]).await;
    assert_eq!(app.count(alive).await, 0);
    assert_eq!(app.try_password("carol", PASSWORD, "orders:read").await.status, 400);
    import(&app, UPDATE, &[json!({ "username": "carol", "password_hash": own })]).await;
    assert_eq!(app.try_password("carol", PASSWORD, "orders:read").await.status, 200);
    import(&app, UPDATE, &[json!({ "username": "carol", "enabled": false })]).await;
    assert_eq!(app.count(alive).await, 0);
    assert_eq!(app.try_password("carol", PASSWORD, "orders:read").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_come_only_where_they_are_asked_for() {
    let app = prepared().await;
    add_group(&app, "operators", &["admin"], false).await;
    let direct = json!({ "username": "eve", "roles": ["admin"] });
    let through = json!({ "username": "eve", "groups": ["operators"] });
    for (line, field) in [(&direct, "roles"), (&through, "groups")] {
        let (_, refused) = check(&app, UPDATE, std::slice::from_ref(line)).await;
        assert!(refused[0].to_string().contains(&format!("{field}: expected none with a scope of administration")), "{}", refused[0]);
    }
    // Nor is a present administrator changed.
    let (_, refused) = check(&app, UPDATE, &[json!({ "username": "admin", "password_hash": BCRYPT, "roles": [] })]).await;
    assert!(refused[0].to_string().contains("found admin"), "{}", refused[0]);
    let all = ImportOptions { update: true, allow_admin: true, keep_ids: false };
    let refused = write(&app, all, &[json!({ "username": "admin", "enabled": false })]).await.unwrap_err().to_string();
    assert!(refused.contains("no administrator would remain"), "{refused}");
    assert_eq!(import(&app, all, &[through]).await.added, 1);
    // No operation makes such a group a default one. If a database had one, it would count as well.
    add_group(&app, "all", &["admin"], false).await;
    app.sql("UPDATE groups SET is_default = TRUE WHERE name = 'all'").await;
    let (_, refused) = check(&app, UPDATE, &[json!({ "username": "frank" })]).await;
    assert!(refused[0].to_string().contains("groups: expected none"), "{}", refused[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_field_is_named_with_what_is_expected() {
    let app = prepared().await;
    import(&app, ImportOptions::default(), &[alice()]).await;
    app.add_user("gone", &[]).await;
    for (line, expected) in [
        (json!({}), "username: expected a text such as alice"),
        (json!([]), "line: expected a JSON object such as"),
        (json!({ "username": "a b" }), "username: expected 1 to 128 of the characters"),
        (
            json!({ "username": "x", "email": "x", "name": 5, "enabled": "yes" }),
            "email: expected an address such as alice@example.com; found x; name: expected a full name",
        ),
        (json!({ "username": "x", "password_hash": "{MD5}sek" }), "password_hash: expected a whole hash"),
        (
            json!({ "username": "x", "password_hash": "$2b$31$WhF1xwpvvgzk5ZS3uhVcYOM5pMk1tM3LuYqce7nOuemsALEogZ1Fi" }),
            "password_hash: expected bcrypt of cost 4 to 14",
        ),
        (json!({ "username": "x", "groups": "platform" }), "groups: expected a list of names of groups"),
        (json!({ "username": "x", "groups": ["nobody"] }), "groups: expected groups that exist; `signet group add` adds one; found nobody"),
        (json!({ "username": "x", "roles": ["nobody"] }), "roles: expected roles that exist"),
        (json!({ "username": "x", "attributes": { "floor": "third" } }), "attributes: expected for floor: a number"),
        (json!({ "username": "x", "attributes": { "floor": [1, 2] } }), "attributes: expected for floor: one value"),
        (
            json!({ "username": "x", "attributes": { "shoe": 42 } }),
            "attributes: expected for shoe: attributes that are declared; these are: floor, remote, teams",
        ),
        (json!({ "username": "x", "claims": { "birthdate": "soon" } }), "birthdate: expected a date such as"),
        (json!({ "username": "x", "claims": { "sub": "1" } }), "claims: expected claims among given_name"),
        (json!({ "username": "x", "email_verified": true }), "email_verified: expected false for a user without an email address"),
        (json!({ "username": "x", "external_id": "42" }), "external_id: expected an id that no other user has"),
        (json!({ "username": "x", "password": "sek" }), "field: expected one of id, username"),
        (json!({ "username": "x", "id": "1" }), "id: expected a UUID, or no id; found 1"),
        (json!({ "username": "x", "created_at": "yesterday" }), "created_at: expected a time from 1970"),
        (json!({ "username": "alice2", "id": alice()["id"] }), "username: expected alice, which is the username of the user with this id"),
        (
            json!({ "username": "alice", "id": "5f0c54a1-3f0a-4d2e-9a52-0a8f0c1f2b12" }),
            "id: expected 5f0c54a1-3f0a-4d2e-9a52-0a8f0c1f2b11, which is the id",
        ),
    ] {
        let (counts, refused) = check(&app, UPDATE, std::slice::from_ref(&line)).await;
        assert_eq!((counts, refused.len()), (Counts::default(), 1), "{line}");
        let told = refused[0].to_string();
        assert!(told.starts_with("line 1: ") && told.contains(expected) && !told.contains("sek"), "{line}: {told}");
    }
    // All that is wrong with a line is told at once: what is seen in it, what it names that does not exist, and what belongs to others.
    let wrong = json!({
        "username": "a b", "id": alice()["id"], "email": "x", "email_verified": true, "external_id": "42", "roles": ["none"], "groups": ["nobody"],
        "attributes": { "nothing": 1 }, "colour": 1,
    });
    let (_, refused) = check(&app, UPDATE, &[json!({ "username": "alice" }), wrong]).await;
    let told: Vec<&str> = refused.iter().flat_map(|refusal| &refusal.faults).map(|fault| fault.field).collect();
    assert_eq!(told, ["username", "email", "field", "roles", "groups"], "of whom nobody knows who it is: {refused:?}");
    let wrong = json!({
        "username": "x", "name": "", "email": "alice@example.com", "email_verified": true, "external_id": "42", "roles": ["none"],
        "groups": ["nobody"], "attributes": { "nothing": 1 }, "enabled": 1,
    });
    let (_, refused) = check(&app, UPDATE, &[json!({ "username": "X" }), wrong]).await;
    let mut told: Vec<&str> = refused.iter().flat_map(|refusal| &refusal.faults).map(|fault| fault.field).collect();
    told.sort_unstable();
    assert_eq!(told, ["attributes", "email", "enabled", "external_id", "groups", "name", "roles", "username"], "{refused:?}");
    for (line, member) in [
        (r#"{"username":"x","username":"y"}"#, "/username"),
        (r#"{"username":"x","claims":{"nickname":"a","nickname":"b"}}"#, "/claims/nickname"),
        (r#"{"username":"x","attributes":{"teams":["a"],"teams":["b"]}}"#, "/attributes/teams"),
        (r#"{"username":"x","password_hash":{"secretData":"a","secretData":"b"}}"#, "/password_hash/secretData"),
    ] {
        let batch = Batch::read(&app.reading(), vec![Line { number: 1, text: line.as_bytes().to_vec() }]).await.unwrap();
        let (counts, refused) = Import::begin(&app.reading(), UPDATE).await.unwrap().check(&app.reading(), batch).await.unwrap();
        let told = refused.first().map(ToString::to_string).unwrap_or_default();
        assert!(counts == Counts::default() && told.ends_with(&format!("{member} is there twice")), "{line}: {told}");
    }
    let twice =
        [json!({ "username": "x", "external_id": "7" }), json!({ "username": "y", "external_id": "7" }), json!({ "username": "X " })];
    let (counts, refused) = check(&app, UPDATE, &twice).await;
    let told: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(counts.added, 1);
    assert_eq!(
        told,
        [
            "line 2: external_id: expected a value that no line before has; found 7",
            "line 3: username: expected a value that no line before has; found x"
        ]
    );
    let long = Line { number: 9, text: vec![b' '; 70_000] };
    let mut import = Import::begin(&app.reading(), UPDATE).await.unwrap();
    let long = Batch::read(&app.reading(), vec![long]).await.unwrap();
    assert_eq!(import.check(&app.reading(), long).await.unwrap().1[0].to_string(), "line 9: line: expected at most 65536 bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_read_back_equal() {
    let app = prepared().await;
    let more: Vec<Value> =
        (0..600).map(|number| json!({ "username": format!("user{number}"), "name": format!("User {number}") })).collect();
    import(&app, ImportOptions::default(), &more).await;
    let keycloak = json!({
        "type": "password",
        "secretData": r#"{"value":"DHvLp6xW0Q0rnnlknPwKAS2uR4Zsc/2cSu9P0lyIKB8=","salt":"reII86PIKzDpEiR0GLzlkQ=="}"#,
        "credentialData": r#"{"hashIterations":27500,"algorithm":"pbkdf2-sha256"}"#,
    });
    let disabled = json!({ "username": "dora", "enabled": false, "password_hash": keycloak, "last_sign_in_at": "2026-01-02T03:04:05Z" });
    import(&app, ImportOptions::default(), &[alice(), disabled]).await;
    let first = exported(&app, true).await;
    assert_eq!(first.len(), 603);
    let other = prepared().await;
    // The first administrators of the two issuers have other ids.
    let people: Vec<Value> = first.iter().filter(|user| user["username"] != "admin").cloned().collect();
    assert_eq!(import(&other, ImportOptions::default(), &people).await.added, 602);
    let second: Vec<Value> = exported(&other, true).await.into_iter().filter(|user| user["username"] != "admin").collect();
    assert_eq!(people, second);
    let dora = second.iter().find(|user| user["username"] == "dora").unwrap();
    assert_eq!((&dora["enabled"], dora["password_hash"].is_string()), (&json!(false), true));
    assert!(exported(&app, false).await.iter().all(|user| user.get("password_hash").is_none()));
    let exports = "SELECT count(*) FROM audit_events WHERE event = 'users_exported' AND after LIKE '%\"with_password_hashes\":true%'";
    assert_eq!(app.count(exports).await, 1);
}
