//! An administrator always remains: an enabled user with a password whose roles hold the scope `admin`.

use signet_issuer::admin::users::UserFilter;
use signet_issuer::admin::{Refused, roles, users};

use crate::support::{TestApp, at_once};

async fn id(app: &TestApp, username: &str) -> uuid::Uuid {
    users::show(&app.reading(), username).await.unwrap().id
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, Refused>, what: &str) {
    match outcome {
        Err(Refused::Conflict(reason)) => assert!(reason.contains("no administrator would remain"), "{what}: {reason}"),
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_operation_removes_the_last_administrator() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let (admin, alice) = (id(&app, "admin").await, id(&app, "alice").await);
    let role = ["admin".to_owned()];
    assert_refused(app.operate(|change| Box::pin(users::disable(change, admin))).await, "disabling");
    assert_refused(app.operate(|change| Box::pin(users::change_roles(change, admin, &[], &role))).await, "taking the role");
    assert_refused(app.operate(|change| Box::pin(roles::change_scopes(change, "admin", &[], &role))).await, "taking the scope");
    assert_eq!(users::show(&app.reading(), "admin").await.unwrap().roles, ["admin"]);
    assert!(users::show(&app.reading(), "admin").await.unwrap().enabled, "a refused change leaves nothing behind");

    // Another role that holds the scope may be removed only while somebody else holds it, too.
    app.operate(|change| Box::pin(roles::add(change, roles::NewRole::check("deputy", &role).unwrap()))).await.unwrap();
    let deputy = ["deputy".to_owned()];
    app.operate(|change| Box::pin(users::change_roles(change, alice, &deputy, &[]))).await.unwrap();
    app.operate(|change| Box::pin(users::change_roles(change, admin, &[], &role))).await.unwrap();
    assert_refused(app.operate(|change| Box::pin(roles::remove(change, "deputy"))).await, "removing the role");
    assert_refused(app.operate(|change| Box::pin(users::disable(change, alice))).await, "disabling the deputy");

    // A user who cannot sign in is no administrator.
    app.operate(|change| Box::pin(users::change_roles(change, admin, &role, &[]))).await.unwrap();
    app.sql("UPDATE users SET password_hash = NULL WHERE username = 'admin'").await;
    assert_refused(app.operate(|change| Box::pin(users::disable(change, alice))).await, "the other has no password");
    // Changes that have nothing to do with administrators go on.
    app.add_user("bob", &["clerk"]).await;
    app.disable_user("bob").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_two_administrators_demote_each_other_at_once_one_remains() {
    for round in 0..10 {
        let app = TestApp::new().await;
        app.add_user("deputy", &["admin"]).await;
        let (admin, deputy) = (id(&app, "admin").await, id(&app, "deputy").await);
        let role = ["admin".to_owned()];
        let demote = async |user| app.operate(|change| Box::pin(users::change_roles(change, user, &[], &role))).await.is_ok();
        let disable = async |user| app.operate(|change| Box::pin(users::disable(change, user))).await.is_ok();
        let (one, other) =
            if round % 2 == 0 { tokio::join!(demote(admin), demote(deputy)) } else { tokio::join!(demote(admin), disable(deputy)) };
        assert!(one != other, "round {round}: {one} {other}");
        let administrators =
            "SELECT count(*) FROM users u JOIN user_roles r ON r.user_id = u.id WHERE r.role = 'admin' AND u.disabled_at IS NULL";
        assert_eq!(app.count(administrators).await, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_administrators_are_disabled_at_once_one_remains() {
    let app = TestApp::new().await;
    let mut ids = vec![id(&app, "admin").await];
    for number in 0..7 {
        ids.push(app.add_user(&format!("deputy{number}"), &["admin"]).await);
    }
    let disabled = at_once(ids.iter().map(|id| app.operate(|change| Box::pin(users::disable(change, *id)))).collect()).await;
    assert_eq!(disabled.iter().filter(|outcome| outcome.is_ok()).count(), 7);
    let left = &ids[disabled.iter().position(Result::is_err).unwrap()];
    let enabled = users::list(&app.reading(), &UserFilter { enabled: Some(true), search: None }, &app.window()).await.unwrap().items;
    let enabled: Vec<_> = enabled.iter().map(|user| (user.id, user.roles.as_slice())).collect();
    assert_eq!(enabled, [(*left, ["admin".to_owned()].as_slice())]);
}
