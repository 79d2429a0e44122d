//! An export is read back by its own issuer, whatever the rules of attributes have become, and by a new issuer, where everybody signs in as
//! before. An import keeps what a line says exactly, or refuses it.

use serde_json::{Value, json};
use signet_issuer::admin::attributes::{self as declared, AttributePatch};
use signet_issuer::admin::transfer::{Counts, Import, ImportOptions, Kept};
use signet_issuer::admin::users::{self, PasswordHash, UserPatch};

use crate::admin::transfer::{add_group, check, exported, import, lines, prepared, write};
use crate::support::{PASSWORD, TestApp};

const MOVE: ImportOptions = ImportOptions { update: true, allow_admin: true, keep_ids: true };

async fn tighten(app: &TestApp, name: &str, patch: Value) {
    let patch: AttributePatch = serde_json::from_value(patch).unwrap();
    app.operate(|change| Box::pin(declared::edit(change, name, patch, None))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stricter_rules_of_attributes_refuse_no_value_that_stays() {
    let app = prepared().await;
    let id = app.add_user("bob", &[]).await;
    app.add_user("boss", &["admin"]).await;
    let set = async |values: Value| {
        let patch: UserPatch = serde_json::from_value(json!({ "attributes": values })).unwrap();
        app.operate(|change| Box::pin(users::edit(change, id, patch, None))).await
    };
    set(json!({ "floor": 12, "teams": ["red", "blue"], "remote": true })).await.unwrap();
    let file = exported(&app, true).await;
    tighten(&app, "floor", json!({ "max": 9 })).await;
    tighten(&app, "teams", json!({ "pattern": "[A-Z]+", "min": 4 })).await;
    tighten(&app, "remote", json!({ "visibility": "user", "mutability": "user" })).await;
    // The issuer reads its own export as what it has, and changes another field of it.
    let options = ImportOptions { allow_admin: true, ..ImportOptions::default() };
    assert_eq!(import(&app, options, &file).await, Counts { unchanged: file.len() as u64, ..Counts::default() });
    let mut renamed = file.iter().find(|user| user["username"] == "bob").unwrap().clone();
    renamed["name"] = json!("Bob Example");
    assert_eq!(import(&app, ImportOptions { update: true, ..options }, &[renamed]).await.updated, 1);
    // So do the other faces, which refuse a new value by the new rules.
    let before = users::show(&app.reading(), "bob").await.unwrap();
    let same = set(json!({ "floor": 12, "teams": ["red", "blue"] })).await.unwrap();
    assert_eq!(same, before);
    for wrong in [json!({ "floor": 13 }), json!({ "teams": ["red"] }), json!({ "floor": 12, "teams": ["blue", "red"] })] {
        set(wrong).await.unwrap_err();
    }
    let token = app.token_of("boss", "admin").await;
    let body = json!({ "attributes": { "floor": 12 }, "name": "Bob Other" });
    let path = format!("/users/{id}");
    let answer = app.call("PATCH", &path, &token, Some(&format!("\"{}\"", before.version)), Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let browser = app.signed_in("boss").await;
    let page = "/admin/users/bob/edit";
    let saved = browser.send_filled(&browser.get(page).await, page, &[("name", "Bob Third")]).await;
    assert!(saved.text.contains("Saved."), "{}", saved.text);
    let refused = browser.send_filled(&browser.get(page).await, page, &[("attribute-floor", "14")]).await;
    assert!(refused.status == 400 && refused.text.contains("a number of at most 9"), "{}", refused.text);
    let user = users::show(&app.reading(), "bob").await.unwrap();
    assert_eq!((user.name.as_deref(), &user.attributes["floor"]), (Some("Bob Third"), &json!(12)));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_save_their_profile_whatever_the_rules_of_their_attributes_have_become() {
    let app = prepared().await;
    app.add_user("bob", &[]).await;
    tighten(&app, "teams", json!({ "visibility": "user", "mutability": "user" })).await;
    let browser = app.signed_in("bob").await;
    let saved = browser.send_filled(&browser.get("/account").await, "/account", &[("attribute-teams", "red")]).await;
    assert!(!saved.text.contains("Nothing was saved"), "{}", saved.text);
    tighten(&app, "teams", json!({ "pattern": "[A-Z]+" })).await;
    let saved = browser.send_filled(&browser.get("/account").await, "/account", &[("nickname", " Bobby ")]).await;
    assert!(!saved.text.contains("Nothing was saved"), "{}", saved.text);
    let refused = browser.send_filled(&browser.get("/account").await, "/account", &[("attribute-teams", "red\ngreen")]).await;
    assert!(refused.text.contains("which matches [A-Z]+"), "{}", refused.text);
    let user = users::show(&app.reading(), "bob").await.unwrap();
    // What people type loses the spaces at its ends.
    assert_eq!((&user.attributes["teams"], user.claims["nickname"].as_str()), (&json!(["red"]), "Bobby"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_moves_everybody_to_a_new_issuer_where_they_sign_in_as_the_same() {
    let (old, new) = (prepared().await, prepared().await);
    let password = PasswordHash::chosen(&old.app, "another good passphrase".into(), &[]).await.unwrap();
    let admin = users::show(&old.reading(), "admin").await.unwrap().id;
    old.operate(|change| Box::pin(users::set_password(change, admin, password))).await.unwrap();
    old.add_user("bob", &["clerk"]).await;
    add_group(&old, "operators", &["admin"], false).await;
    old.add_user("olga", &[]).await;
    let olga = ["olga".to_owned()];
    old.operate(|change| Box::pin(signet_issuer::admin::groups::change_members(change, "operators", &olga, &[]))).await.unwrap();
    import(&old, ImportOptions::default(), &[crate::admin::transfer::alice()]).await;
    let file = exported(&old, true).await;
    // Without the option the line is refused, and its message names the way out. The group is not part of the file.
    let (_, refused) = check(&new, ImportOptions { keep_ids: false, ..MOVE }, &file).await;
    let told: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("id: expected") && told[0].contains("with `signet user import --keep-ids` they keep it"), "{told:?}");
    assert!(told[1].contains("groups that exist; `signet group add` adds one; found operators"), "{told:?}");
    add_group(&new, "operators", &["admin"], false).await;
    let mut pass = Import::begin(&new.reading(), MOVE).await.unwrap();
    let (counts, refused) = pass.check(&new.reading(), lines(&new, &file).await).await.unwrap();
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!((counts, pass.kept()), (Counts { added: 3, updated: 1, unchanged: 0 }, Kept { ids: 1, passwords: 0 }));
    assert_eq!(write(&new, MOVE, &file).await.unwrap(), counts);
    let passwords =
        [("bob", PASSWORD), ("olga", PASSWORD), ("alice", "correct horse battery staple"), ("admin", "another good passphrase")];
    for (username, password) in passwords {
        let signed_in = [&old, &new].map(|app| app.try_password(username, password, "openid"));
        let [one, other] = signed_in;
        let (one, other) = (one.await.claims()["sub"].clone(), other.await.claims()["sub"].clone());
        assert_eq!(one == other, username != "admin", "{username}: {one} {other}");
    }
    // The administrator has the id that they had, and all else of the old issuer.
    let without = |users: Vec<Value>| -> Vec<Value> {
        users
            .into_iter()
            .map(|mut user| {
                for field in ["updated_at", "last_sign_in_at", "password_hash"] {
                    user[field] = Value::Null;
                }
                if user["username"] == "admin" {
                    user["id"] = Value::Null;
                    user["created_at"] = Value::Null;
                }
                user
            })
            .collect()
    };
    assert_eq!(without(exported(&new, true).await), without(file));
    // A line that names another user by the id is refused all the same.
    let id = users::show(&new.reading(), "bob").await.unwrap().id;
    let (_, refused) = check(&new, MOVE, &[json!({ "username": "olga", "id": id })]).await;
    assert!(refused[0].to_string().contains("username: expected bob, which is the username of the user with this id"), "{}", refused[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_of_another_system_that_is_left_out_is_counted() {
    let app = prepared().await;
    app.add_user("bob", &[]).await;
    let bcrypt = crate::admin::transfer::alice()["password_hash"].clone();
    let file = [json!({ "username": "bob", "password_hash": bcrypt }), json!({ "username": "carol", "password_hash": bcrypt })];
    let mut pass = Import::begin(&app.reading(), MOVE).await.unwrap();
    let (counts, _) = pass.check(&app.reading(), lines(&app, &file).await).await.unwrap();
    assert_eq!((counts, pass.kept()), (Counts { added: 1, updated: 0, unchanged: 1 }, Kept { ids: 0, passwords: 1 }));
    write(&app, MOVE, &file).await.unwrap();
    let mut pass = Import::begin(&app.reading(), MOVE).await.unwrap();
    pass.check(&app.reading(), lines(&app, &file).await).await.unwrap();
    assert_eq!(pass.kept().passwords, 1, "the foreign hash of carol is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_with_spaces_at_its_ends_is_refused_and_not_cut() {
    let app = prepared().await;
    for (line, field) in [
        (json!({ "name": " Alice" }), "name"),
        (json!({ "name": "Alice\u{a0}" }), "name"),
        (json!({ "claims": { "given_name": "Alice " } }), "given_name"),
        (json!({ "attributes": { "teams": ["red", " blue"] } }), "attributes"),
        (json!({ "attributes": { "teams": "  " } }), "attributes"),
    ] {
        let mut line = line.clone();
        line["username"] = json!("x");
        let (_, refused) = check(&app, ImportOptions::default(), std::slice::from_ref(&line)).await;
        let told = refused[0].to_string();
        assert!(told.starts_with(&format!("line 1: {field}: expected")) && told.contains("without spaces at the ends"), "{line}: {told}");
    }
    import(&app, ImportOptions::default(), &[json!({ "username": "x", "name": "A  B", "attributes": { "teams": ["r  d"] } })]).await;
    let user = users::show(&app.reading(), "x").await.unwrap();
    assert_eq!((user.name.as_deref(), &user.attributes["teams"]), (Some("A  B"), &json!(["r  d"])));
}
