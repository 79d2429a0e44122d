//! Numbers on pages stand before the right form of their noun, and nobody is told of what they may not do.

use signet_issuer::admin::Refused;
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::roles::{self, RoleView};
use signet_issuer::admin::words::{counted, duration};

use crate::support::TestApp;

#[test]
fn numbers_stand_before_the_right_form() {
    let days = |number: i64| counted(number, "day", "days");
    assert_eq!([0, 1, 2, 1000, 1_000_001].map(days), ["0 days", "1 day", "2 days", "1,000 days", "1,000,001 days"]);
    let times = [0, 1, 59, 60, 90, 120, 3600, 7200, 5400].map(duration);
    let expected = ["0 seconds", "1 second", "59 seconds", "1 minute", "90 seconds", "2 minutes", "1 hour", "2 hours", "90 minutes"];
    assert_eq!(times, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_count_one_thing_as_one() {
    let app = TestApp::administered().await.with_user("alice").await.with_web().await;
    let browser = app.signed_in("boss").await;
    app.operate(|change| {
        Box::pin(async move {
            groups::add(change, GroupDraft { name: "staff".to_owned(), ..GroupDraft::default() }).await?;
            groups::add(change, GroupDraft { name: "empty".to_owned(), ..GroupDraft::default() }).await?;
            groups::change_members(change, "staff", &["alice".to_owned()], &[]).await
        })
    })
    .await
    .unwrap();
    let asks = async |path: &str, action: &str| browser.submit(&browser.get(path).await, path, &[("action", action)]).await.text;
    let text = asks("/admin/users/alice", "delete").await;
    assert!(text.contains("alice loses 1 role and 1 membership of a group, all attributes"), "{text}");
    app.add_user("both", &["clerk", "admin:read"]).await;
    let text = asks("/admin/users/both", "delete").await;
    assert!(text.contains("both loses 2 roles and 0 memberships of groups, all attributes"), "{text}");
    let text = asks("/admin/groups/empty", "remove").await;
    assert!(text.contains("It has no members who would lose the roles"), "{text}");
    let text = asks("/admin/clients/web", "remove").await;
    assert!(text.contains("These are deleted with it: 1 secret, the consents of people."), "{text}");
    app.advance(86_400);
    let browser = app.signed_in("boss").await;
    let page = browser.get("/admin/clients/web").await;
    assert!(page.text.contains("1 day old, never used"), "{}", page.text);
    let page = browser.get("/admin/resources/https%3A%2F%2Forders%2Eexample").await;
    assert!(page.text.contains(">10 minutes<"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_desk_reads_only_of_what_it_may_do() {
    let app = TestApp::administered().await.with_user("alice").await;
    let page = async |who: &str, user: &str| app.signed_in(who).await.get(&format!("/admin/users/{user}")).await.text;
    let boss = page("boss", "alice").await;
    assert!(boss.contains("Disabling ends all devices and apps") && boss.contains("Make a link to set a password"), "{boss}");
    let helper = page("admin-users", "alice").await;
    assert!(!helper.contains("Disabling ends") && helper.contains("Deleting takes away the account"), "{helper}");
    assert!(helper.contains(">Delete<") && helper.contains("Make a link to set a password"), "{helper}");
    let of_boss = page("admin-users", "boss").await;
    assert!(of_boss.contains("Only an administrator may change this user"), "{of_boss}");
    for text in ["Disabling ends", "Deleting takes away", "sets a new one by a link"] {
        assert!(!of_boss.contains(text), "{text}: {of_boss}");
        let reader = page("admin-read", "alice").await;
        assert!(!reader.contains(text), "{text}: {reader}");
    }
    app.disable_user("alice").await;
    for who in ["admin-users", "admin-read"] {
        let text = page(who, "alice").await;
        assert!(text.contains("until an administrator enables them again"), "{who}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_role_can_have_a_name_for_people() {
    let app = TestApp::administered().await;
    let browser = app.signed_in("boss").await;
    let shown = async |name: &str| -> Result<RoleView, Refused> { roles::show(&app.reading(), name).await };
    // On the page, with both mistakes told at once.
    let form = browser.get("/admin/roles/new").await;
    let invisible = "Dispatch\u{202e}er";
    let refused = browser.send_filled(&form, "/admin/roles/new", &[("name", "two words"), ("display_name", invisible)]).await;
    assert_eq!((refused.status, refused.text.matches("Expected 1 to").count()), (400, 2), "{}", refused.text);
    let fields = [("name", "dispatcher"), ("display_name", "Dispatcher of trucks"), ("scopes", "orders:read"), ("delegated", "true")];
    let added = browser.send_filled(&form, "/admin/roles/new", &fields).await;
    assert_eq!(added.heading(), "Dispatcher of trucks", "{}", added.text);
    let role = shown("dispatcher").await.unwrap();
    assert_eq!((role.display_name.as_deref(), role.delegated, role.version), (Some("Dispatcher of trucks"), true, 0));
    // Over REST.
    let token = app.token_of("boss", "admin").await;
    let post = async |body: serde_json::Value| app.call("POST", "/roles", &token, None, Some(body)).await;
    let added = post(serde_json::json!({ "name": "driver", "display_name": "Driver", "delegated": true })).await;
    assert_eq!((added.status, added.str("display_name"), &added.json["delegated"]), (201, "Driver", &true.into()), "{}", added.text);
    let refused = post(serde_json::json!({ "name": "chief", "scopes": ["admin"], "delegated": true })).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let refused = post(serde_json::json!({ "name": "driver2", "display_name": "" })).await;
    assert!(refused.status == 400 || refused.status == 422, "{}", refused.text);
    assert!(refused.text.contains("display_name") && shown("driver2").await.is_err(), "{}", refused.text);
    let plain = post(serde_json::json!({ "name": "plain" })).await;
    assert_eq!((plain.status, &plain.json["display_name"]), (201, &serde_json::Value::Null));
    // The audit trail has it, too.
    let trail = app.get("/api/v1/audit?object=role:driver").bearer(&token).send().await;
    assert_eq!(trail.json["items"][0]["after"]["display_name"], "Driver");
}
