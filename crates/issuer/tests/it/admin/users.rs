//! Users are edited in everything but the `sub`, deleted with all that depends on them, and unlocked.

use serde_json::json;
use signet_issuer::admin::Refused;
use signet_issuer::admin::patch::Patch;
use signet_issuer::admin::users::{self, UserPatch, UserView};
use uuid::Uuid;

use crate::support::{PASSWORD, START, TestApp, at_once};

async fn edit(app: &TestApp, id: Uuid, patch: serde_json::Value) -> Result<UserView, Refused> {
    edit_version(app, id, patch, None).await
}

async fn edit_version(app: &TestApp, id: Uuid, patch: serde_json::Value, version: Option<i32>) -> Result<UserView, Refused> {
    let patch: UserPatch = serde_json::from_value(patch).unwrap();
    app.operate(|change| Box::pin(users::edit(change, id, patch, version))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_sets_what_it_names_and_removes_what_is_null() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let before = users::show(&app.reading(), "alice").await.unwrap();
    let patch = json!({ "username": "Alicia", "name": "Alicia B", "external_id": "e-1", "claims": { "nickname": "Al", "locale": "de" } });
    let after = edit(&app, before.id, patch).await.unwrap();
    assert_eq!((after.username.as_str(), after.name.as_deref(), after.external_id.as_deref()), ("alicia", Some("Alicia B"), Some("e-1")));
    assert_eq!((after.id, after.email.as_deref(), after.email_verified), (before.id, Some("alice@example.com"), true));
    assert_eq!((after.version, after.claims["nickname"].as_str()), (before.version + 1, "Al"));
    let after = edit(&app, before.id, json!({ "name": null, "external_id": null, "claims": { "nickname": null } })).await.unwrap();
    assert_eq!((after.name, after.external_id, after.claims.len()), (None, None, 1));
    assert_eq!(app.sign_in("alicia", "").await.status, 200);
    assert_eq!(app.sign_in("alice", "").await.error(), (400, "invalid_grant"));
    let refused =
        app.operate(|change| Box::pin(users::edit(change, before.id, UserPatch { username: Patch::Clear, ..UserPatch::default() }, None)));
    assert!(matches!(refused.await, Err(Refused::Invalid(faults)) if faults[0].field == "username"));
    assert!(serde_json::from_value::<UserPatch>(json!({ "sub": "x" })).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_is_not_verified_unless_the_same_edit_says_so() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await;
    let [alice, bob] = [users::show(&app.reading(), "alice").await.unwrap().id, users::show(&app.reading(), "bob").await.unwrap().id];
    assert!(!edit(&app, alice, json!({ "email": "new@example.com" })).await.unwrap().email_verified);
    assert!(edit(&app, alice, json!({ "email": "a@example.com", "email_verified": true })).await.unwrap().email_verified);
    // Two users may write down the same address, but it is verified for one of them only.
    edit(&app, bob, json!({ "email": "A@Example.com" })).await.unwrap();
    let refused = edit(&app, bob, json!({ "email_verified": true })).await;
    assert!(matches!(&refused, Err(Refused::Taken(taken)) if taken[0].field == "email"), "{refused:?}");
    assert!(edit(&app, alice, json!({ "email": null, "email_verified": true })).await.is_err());
    edit(&app, alice, json!({ "email": null })).await.unwrap();
    assert!(edit(&app, bob, json!({ "email_verified": true })).await.unwrap().email_verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_moves_with_changes_but_not_with_sign_ins() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let first = users::show(&app.reading(), "alice").await.unwrap();
    assert_eq!(first.last_sign_in_at, None);
    let tokens = app.sign_in("alice", "").await;
    app.advance(100);
    assert_eq!(app.refresh(tokens.str("refresh_token")).await.status, 200);
    let seen = users::show(&app.reading(), "alice").await.unwrap();
    assert_eq!((seen.version, seen.last_sign_in_at), (first.version, Some(START)), "a refresh is no sign-in");
    app.signed_in("alice").await;
    assert_eq!(users::show(&app.reading(), "alice").await.unwrap().last_sign_in_at, Some(START + 100));
    assert_eq!(edit(&app, first.id, json!({ "name": "alice Example" })).await.unwrap().version, first.version, "nothing was changed");
    app.disable_user("alice").await;
    let stale = edit_version(&app, first.id, json!({ "name": "A" }), Some(first.version)).await;
    assert!(matches!(stale, Err(Refused::Stale)), "{stale:?}");
    assert!(edit_version(&app, first.id, json!({ "name": "A" }), Some(first.version + 1)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_leaves_nothing_but_the_name_that_nobody_gets() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let id = users::show(&app.reading(), "alice").await.unwrap().id;
    let tokens = app.sign_in("alice", "").await;
    let browser = app.signed_in("alice").await;
    app.code_flow(&browser, &[]).await;
    app.try_password("alice", "wrong", "").await;
    let removed = app.operate(|change| Box::pin(users::delete(change, id, None))).await.unwrap();
    assert_eq!((removed.username.as_str(), removed.ended.sessions, removed.ended.authorizations), ("alice", 1, 2));
    for table in ["sessions", "authorizations", "authorization_codes", "consents", "devices", "user_roles"] {
        assert_eq!(app.count(&format!("SELECT count(*) FROM {table}")).await, i64::from(table == "user_roles"), "{table}");
    }
    // The words of the first administrator stay.
    assert_eq!(app.count("SELECT count(*) FROM user_terms t WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = t.user_id)").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM attempts WHERE account IS NOT NULL").await, 0);
    let personal = "event = 'user_deleted' AND (\"before\" LIKE '%alice%' OR detail LIKE '%alice%' OR \"after\" IS NOT NULL)";
    assert_eq!(app.count(&format!("SELECT count(*) FROM audit_events WHERE {personal}")).await, 0);
    assert_eq!(app.refresh(tokens.str("refresh_token")).await.error(), (400, "invalid_grant"));
    assert_eq!(app.get("/userinfo").bearer(tokens.str("access_token")).send().await.status, 401);
    assert!(browser.get("/account").await.text.contains("Sign in"));
    assert_eq!(app.sign_in("alice", "").await.error(), (400, "invalid_grant"));
    let again = users::NewUser::check(users::UserDraft { username: "alice".to_owned(), ..users::UserDraft::default() }).unwrap();
    let hash = users::PasswordHash::chosen(&app.app, PASSWORD.into(), &[]).await.unwrap();
    let again = app.operate(|change| Box::pin(users::add(change, again, hash))).await;
    assert!(matches!(again, Err(Refused::Taken(_))), "{again:?}");
    let admin = users::show(&app.reading(), "admin").await.unwrap().id;
    assert!(matches!(app.operate(|change| Box::pin(users::delete(change, admin, None))).await, Err(Refused::Conflict(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_unlocks_an_account() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let id = users::show(&app.reading(), "alice").await.unwrap().id;
    for _ in 0..5 {
        app.try_password("alice", "wrong", "").await;
    }
    assert_eq!(app.sign_in("alice", "").await.status, 429);
    assert!(users::show(&app.reading(), "alice").await.unwrap().locked_until.is_some_and(|until| until > START));
    assert_eq!(app.operate(|change| Box::pin(users::unlock(change, id))).await.unwrap().locked_until, None);
    assert_eq!(users::show(&app.reading(), "alice").await.unwrap().locked_until, None);
    assert_eq!(app.sign_in("alice", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_takes_their_own_old_name_back_and_nobody_else_does() {
    let app = TestApp::new().await;
    let (alice, bob) = (app.add_user("alice", &[]).await, app.add_user("bob", &[]).await);
    let rename = async |id, name: &str| edit(&app, id, json!({ "username": name })).await;
    let refused = async |id, name: &str| match rename(id, name).await {
        Err(Refused::Taken(taken)) => {
            assert!(taken[0].reason.contains(&format!("{name} belonged to another user")), "{taken:?}");
        }
        other => panic!("{other:?}"),
    };
    rename(alice, "anna").await.unwrap();
    refused(bob, "alice").await;
    assert_eq!(rename(alice, "Alice").await.unwrap().username, "alice");
    // The name that was given up meanwhile is Alice's, too.
    refused(bob, "anna").await;
    rename(alice, "anna").await.unwrap();
    // The database keeps no name in the clear, and after a deletion nobody takes it.
    app.operate(|change| Box::pin(users::delete(change, alice, None))).await.unwrap();
    refused(bob, "alice").await;
    refused(bob, "anna").await;
    let kept = app.dump("retired_names").await;
    assert!(!kept.contains("anna") && !kept.contains("alice"), "{kept}");
    assert_eq!(app.count("SELECT count(*) FROM retired_names").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_at_once_cannot_both_have_a_name_that_one_takes_back() {
    let app = TestApp::new().await;
    let (alice, bob) = (app.add_user("alice", &[]).await, app.add_user("bob", &[]).await);
    let rename = async |id, name: &str| edit(&app, id, json!({ "username": name })).await.is_ok();
    for _ in 0..5 {
        assert!(rename(alice, "anna").await);
        let outcomes = at_once(vec![rename(alice, "alice"), rename(bob, "alice")]).await;
        assert_eq!(outcomes, [true, false]);
    }
}
