//! Groups carry roles. Their names are never given to another group, and the help desk cannot make itself administrator through them.

use signet_issuer::admin::groups::{self, GroupDraft, GroupPatch};
use signet_issuer::admin::names::{self, Kind};
use signet_issuer::admin::roles::{self, NewRole, RolePatch};
use signet_issuer::admin::{Refused, users};

use crate::support::{TestApp, at_once};

fn draft(name: &str, roles: &[&str]) -> GroupDraft {
    GroupDraft { name: name.to_owned(), roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..GroupDraft::default() }
}

async fn add(app: &TestApp, group: GroupDraft) -> Result<(), Refused> {
    app.operate(|change| Box::pin(groups::add(change, group))).await.map(|_| ())
}

async fn edit(app: &TestApp, name: &str, patch: GroupPatch) -> Result<(), Refused> {
    app.operate(|change| Box::pin(groups::edit(change, name, patch))).await.map(|_| ())
}

async fn members(app: &TestApp, name: &str, add: &[&str], remove: &[&str]) -> Result<(), Refused> {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (add, remove) = (list(add), list(remove));
    app.operate(|change| Box::pin(groups::change_members(change, name, &add, &remove))).await.map(|_| ())
}

#[track_caller]
fn assert_conflict(outcome: Result<(), Refused>, part: &str) {
    match outcome {
        Err(refused @ (Refused::Conflict(_) | Refused::Taken(_))) => assert!(refused.to_string().contains(part), "{refused}"),
        other => panic!("{part}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_hold_the_scopes_of_the_roles_of_their_groups() {
    let app = TestApp::new().await.with_orders().await;
    app.add_user("alice", &[]).await;
    let refused = app.sign_in("alice", "orders:read").await;
    assert_eq!(refused.error(), (400, "invalid_scope"));
    add(&app, draft("clerks", &["clerk"])).await.unwrap();
    members(&app, "clerks", &["Alice"], &[]).await.unwrap();
    let tokens = app.sign_in("alice", "orders:read").await;
    assert_eq!(tokens.str("scope"), "orders:read");
    members(&app, "clerks", &[], &["alice"]).await.unwrap();
    assert_eq!(app.refresh(tokens.str("refresh_token")).await.error(), (400, "invalid_scope"));
    let unknown = members(&app, "clerks", &["nobody"], &[]).await.unwrap_err().to_string();
    assert!(unknown.contains("there is no user nobody"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_never_given_to_another_group() {
    let app = TestApp::new().await;
    add(&app, draft("Ops", &[])).await.unwrap();
    assert_conflict(add(&app, draft("ops", &[])).await, "there is a group Ops already");
    edit(&app, "Ops", GroupPatch { name: Some("operations".to_owned()), ..GroupPatch::default() }).await.unwrap();
    assert_conflict(add(&app, draft("OPS", &[])).await, "signet group release-name OPS");
    app.operate(|change| Box::pin(groups::remove(change, "operations"))).await.unwrap();
    assert_conflict(add(&app, draft("operations", &[])).await, "belonged to another group");
    assert_eq!(app.count("SELECT count(*) FROM retired_names WHERE hash LIKE '%ops%' OR hash LIKE '%operations%'").await, 0);
    app.operate(|change| Box::pin(names::release(change, Kind::Group, "oPs"))).await.unwrap();
    add(&app, draft("ops", &[])).await.unwrap();
    for name in ["", " x", "a,b", "x\u{202e}y", &"x".repeat(129)] {
        assert!(matches!(add(&app, draft(name, &[])).await, Err(Refused::Invalid(_))), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_users_join_the_default_groups() {
    let app = TestApp::new().await;
    add(&app, GroupDraft { is_default: true, ..draft("everyone", &[]) }).await.unwrap();
    add(&app, draft("some", &[])).await.unwrap();
    app.add_user("bob", &[]).await;
    assert_eq!(users::show(&app.reading(), "bob").await.unwrap().groups, ["everyone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_remains_through_groups_too() {
    let app = TestApp::new().await;
    app.add_user("alice", &[]).await;
    let admin = users::show(&app.reading(), "admin").await.unwrap().id;
    let role = ["admin".to_owned()];
    add(&app, draft("admins", &["admin"])).await.unwrap();
    members(&app, "admins", &["alice"], &[]).await.unwrap();
    app.operate(|change| Box::pin(users::change_roles(change, admin, &[], &role))).await.unwrap();
    let none = "no administrator would remain";
    assert_conflict(members(&app, "admins", &[], &["alice"]).await, none);
    assert_conflict(edit(&app, "admins", GroupPatch { roles: Some(Vec::new()), ..GroupPatch::default() }).await, none);
    assert_conflict(app.operate(|change| Box::pin(groups::remove(change, "admins"))).await.map(|_| ()), none);
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    assert_conflict(app.operate(|change| Box::pin(users::disable(change, alice))).await.map(|_| ()), none);
    // Two ways at once leave one administrator.
    members(&app, "admins", &["admin"], &[]).await.unwrap();
    let outcomes = at_once(vec![members(&app, "admins", &[], &["alice"]), members(&app, "admins", &[], &["admin"])]).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_administers_is_delegated() {
    let app = TestApp::new().await.with_orders().await;
    let admin = ["admin:read".to_owned()];
    app.operate(|change| Box::pin(roles::add(change, NewRole::check("reader", &admin).unwrap()))).await.unwrap();
    let delegated = "must not be delegated";
    let delegate = async |role: &str| {
        let patch = RolePatch { delegated: Some(true), ..RolePatch::default() };
        app.operate(|change| Box::pin(roles::edit(change, role, patch))).await.map(|_| ())
    };
    assert_conflict(delegate("reader").await, delegated);
    assert_conflict(add(&app, GroupDraft { delegated: true, ..draft("readers", &["reader"]) }).await, delegated);
    add(&app, GroupDraft { delegated: true, ..draft("desk", &["clerk"]) }).await.unwrap();
    assert_conflict(edit(&app, "desk", GroupPatch { roles: Some(vec!["reader".to_owned()]), ..GroupPatch::default() }).await, delegated);
    // A role of a delegated group cannot become one that administers.
    let widen = app.operate(|change| Box::pin(roles::change_scopes(change, "clerk", &admin, &[]))).await.map(|_| ());
    assert_conflict(widen, "is delegated to the help desk");
    delegate("clerk").await.unwrap();
}

/// The groups have no roles, so that the roles which exist would not differ from what is saved.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_does_not_exist_is_refused_even_if_nothing_else_changes() {
    let app = TestApp::new().await.with_orders().await;
    let draft = GroupDraft { name: "bare".to_owned(), ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    for named in [vec!["nosuch"], vec!["nosuch", "clerk"]] {
        let roles = Some(named.iter().map(|name| (*name).to_owned()).collect());
        let edited = app.operate(|change| Box::pin(groups::edit(change, "bare", GroupPatch { roles, ..GroupPatch::default() }))).await;
        assert!(matches!(edited, Err(Refused::Invalid(faults)) if faults[0].field == "roles"), "{named:?}");
    }
}
