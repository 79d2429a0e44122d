//! The page that tries what a client is told: whether the person could sign in at all, and why a list of groups is empty.

use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::{attributes, clients, users};
use signet_issuer::oauth::access::Access;

use crate::support::{Browser, TestApp};

/// Returns an issuer with the group `staff`, of which nobody is a member, and with a client that only its members may use.
async fn app() -> (TestApp, Browser) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_user("boss", &["admin"]).await;
    for name in ["staff", "other"] {
        let draft = GroupDraft { name: name.to_owned(), ..GroupDraft::default() };
        app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    }
    app.add_client_with("wiki", true, "authorization_code", &["openid", "profile", "groups", "roles"], |draft| {
        draft.access = Some(Access::Groups);
        draft.groups = vec!["staff".to_owned()];
        draft.redirect_uris = vec!["https://wiki.example/cb".to_owned()];
    })
    .await;
    let browser = app.signed_in("boss").await;
    (app, browser)
}

async fn join(app: &TestApp, group: &str) {
    let alice = ["alice".to_owned()];
    app.operate(|change| Box::pin(groups::change_members(change, group, &alice, &[]))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_whether_the_person_could_sign_in_and_every_reason_why_not() {
    let (app, browser) = app().await;
    let path = "/admin/clients/wiki/try?user=alice&scope=openid";
    let tried = browser.get(path).await;
    assert!(tried.text.contains(">could not sign in<"), "{}", tried.text);
    assert!(tried.text.contains("The user is in none of the groups whose members may sign in: staff."), "{}", tried.text);
    assert!(tried.text.contains("If they could, it would be told this."), "{}", tried.text);
    join(&app, "staff").await;
    let tried = browser.get(path).await;
    assert!(tried.text.contains(">may sign in<") && !tried.text.contains("could not"), "{}", tried.text);

    let id = users::show(&app.reading(), "alice").await.unwrap().id;
    app.operate(|change| Box::pin(users::disable(change, id))).await.unwrap();
    app.operate(|change| Box::pin(clients::set_enabled(change, "wiki", false))).await.unwrap();
    app.sql("UPDATE users SET password_hash = NULL WHERE username = 'alice'").await;
    app.operate(|change| Box::pin(groups::remove(change, "staff"))).await.unwrap();
    let tried = browser.get(path).await;
    for reason in [
        "The client is disabled.",
        "The user is disabled.",
        "The user has no password yet.",
        "The client has no group, so that nobody may sign in.",
    ] {
        assert!(tried.text.contains(reason), "{reason}: {}", tried.text);
    }
    // A service signs nobody in, whoever may.
    app.add_client("robot", false, "client_credentials", &["orders:read"]).await;
    let tried = browser.get("/admin/clients/robot/try?user=alice&scope=orders:read").await;
    assert!(tried.text.contains("The client signs nobody in"), "{}", tried.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_of_groups_or_roles_has_a_reason() {
    let (app, browser) = app().await;
    app.add_user("carol", &[]).await;
    let reason = async |user: &str, claim: &str| {
        let tried = browser.get(&format!("/admin/clients/wiki/try?user={user}&scope=openid+groups+roles")).await;
        let place = tried.text.split("<h2>UserInfo</h2>").nth(1).unwrap().split("</section>").next().unwrap().to_owned();
        let row = place.split("<tr>").find(|row| row.contains(&format!("data-label=\"Claim\">{claim}<"))).unwrap().to_owned();
        row.split("data-label=\"From\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    assert_eq!(reason("alice", "groups").await, "the user is in no group");
    assert_eq!(reason("carol", "roles").await, "the user has no role, neither directly nor through a group");
    join(&app, "other").await;
    assert!(reason("alice", "groups").await.contains("the client is told only of its own groups"));
    app.sql("UPDATE clients SET group_filter = 'prefix', group_prefix = 'app-' WHERE id = 'wiki'").await;
    assert!(reason("alice", "groups").await.contains("how names of groups begin"));
    app.sql("UPDATE clients SET group_filter = 'all', group_prefix = '' WHERE id = 'wiki'").await;
    assert_eq!(reason("alice", "groups").await, "scope groups");
    assert_eq!(reason("alice", "roles").await, "scope roles");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_of_a_scope_that_is_missing_has_a_reason() {
    let (app, browser) = app().await;
    let floor = serde_json::from_value(serde_json::json!({ "name": "floor", "type": "number", "scope": "profile" })).unwrap();
    app.operate(|change| Box::pin(attributes::add(change, floor))).await.unwrap();
    let path = "/admin/clients/wiki/try?user=alice&scope=openid+profile";
    let in_userinfo = async || {
        let tried = browser.get(path).await;
        let place = tried.text.split("<h2>UserInfo</h2>").nth(1).unwrap().split("</section>").next().unwrap().to_owned();
        assert_eq!(place.matches(">floor<").count(), 1, "{place}");
        place
    };
    assert!(in_userinfo().await.contains("the user has no value for it"));
    app.sql("UPDATE clients SET claims_allowed = FALSE WHERE id = 'wiki'").await;
    assert!(in_userinfo().await.contains("the client registered itself"));
}
