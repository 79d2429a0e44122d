//! The audit trail names the object of each event, leads to it while it exists, and lists the history of one object.

use serde_json::json;
use signet_issuer::admin::attributes;
use signet_issuer::admin::edit_resource::{self, ResourcePatch};
use signet_issuer::admin::groups::{self, GroupDraft, GroupPatch};
use signet_issuer::admin::roles::{self, NewRole};
use signet_issuer::admin::{clients, users};

use crate::support::{Answer, ORDERS, TestApp};

/// Returns an issuer whose trail has an event about each kind of object.
async fn changed() -> TestApp {
    let app = TestApp::administered().await.with_user("alice").await.with_web().await;
    let team = serde_json::from_value(json!({ "name": "team", "type": "string" })).unwrap();
    app.operate(|change| {
        Box::pin(async move {
            groups::add(change, GroupDraft { name: "staff".to_owned(), ..GroupDraft::default() }).await?;
            groups::edit(change, "staff", GroupPatch { name: Some("on-call".to_owned()), ..GroupPatch::default() }).await?;
            groups::change_members(change, "on-call", &["alice".to_owned()], &[]).await?;
            attributes::add(change, team).await?;
            roles::add(change, NewRole::check("dispatcher", &[])?).await?;
            let name = ResourcePatch { name: Some("Orders 2".to_owned()), ..ResourcePatch::default() };
            edit_resource::edit(change, ORDERS, name).await
        })
    })
    .await
    .unwrap();
    app
}

/// Returns the rows of the list on a page of the trail.
fn rows(page: &Answer) -> Vec<&str> {
    page.text.split("<tr>").skip(2).map(|row| row.split("</tr>").next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_leads_to_what_was_changed_while_it_exists() {
    let app = changed().await;
    let browser = app.signed_in("boss").await;
    let row = async |event: &str| {
        let page = browser.get(&format!("/admin/audit?by=event&value={event}")).await;
        rows(&page).first().map_or_else(|| panic!("{event}: {}", page.text), |row| (*row).to_owned())
    };
    let orders: String =
        ORDERS.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect();
    for (event, link) in [
        // The group was renamed since, and the trail leads to it by its present name.
        ("group_added", "<a href=\"/admin/groups/on%2Dcall\">group on-call</a>".to_owned()),
        ("group_members_changed", "<a href=\"/admin/groups/on%2Dcall\">group on-call</a>".to_owned()),
        ("user_groups_changed", "<a href=\"/admin/users/alice\">user alice</a>".to_owned()),
        ("attribute_added", "<a href=\"/admin/attributes/team\">attribute team</a>".to_owned()),
        ("role_added", "<a href=\"/admin/roles/dispatcher\">role dispatcher</a>".to_owned()),
        ("resource_changed", format!("<a href=\"/admin/resources/{orders}\">resource {ORDERS}</a>")),
        ("client_added", "<a href=\"/admin/clients/web\">client web</a>".to_owned()),
    ] {
        let row = row(event).await;
        assert!(row.contains(&link), "{event}: {row}");
    }
    app.code_flow(&app.signed_in("alice").await, &[]).await;
    let given = row("authorization_given").await;
    let both = "<a href=\"/admin/users/alice\">user alice</a> at <a href=\"/admin/clients/web\">client web</a>";
    assert!(given.contains(both), "{given}");
    assert!(row("key_published").await.contains(">key "), "a key has no page of its own");

    // The trail names a thing that was removed, but has no link to it.
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    app.operate(|change| {
        Box::pin(async move {
            groups::remove(change, "on-call").await?;
            attributes::remove(change, "team", None).await?;
            roles::remove(change, "dispatcher").await?;
            clients::remove(change, "web").await?;
            users::delete(change, alice, None).await
        })
    })
    .await
    .unwrap();
    for (event, text) in [
        ("group_removed", "group on-call (removed)"),
        ("group_added", "group staff (removed)"),
        ("attribute_added", "attribute team (removed)"),
        ("role_added", "role dispatcher (removed)"),
        ("client_added", "client web (removed)"),
        ("user_groups_changed", &format!("deleted user {alice}")),
        ("authorization_given", &format!("deleted user {alice} at client web (removed)")),
    ] {
        let row = row(event).await;
        assert!(row.contains(text) && row.matches("href").count() == 1, "{event}: {row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_object_has_a_history() {
    let app = changed().await;
    let browser = app.signed_in("boss").await;
    for (page, events) in [
        ("/admin/groups/on%2Dcall", &["group members changed", "group changed", "group added"][..]),
        ("/admin/roles/dispatcher", &["role added"]),
        ("/admin/attributes/team", &["attribute added"]),
        ("/admin/resources/https%3A%2F%2Forders%2Eexample", &["resource changed", "resource added"]),
    ] {
        let shown = browser.get(page).await;
        let link =
            shown.text.split("href=\"").find(|rest| rest.starts_with("/admin/audit?by=")).unwrap_or_else(|| panic!("{}", shown.text));
        let history = browser.get(&link.split('"').next().unwrap().replace("&#38;", "&")).await;
        let found: Vec<bool> = rows(&history).iter().zip(events).map(|(row, event)| row.contains(&format!(">{event}<"))).collect();
        assert_eq!((rows(&history).len(), found), (events.len(), vec![true; events.len()]), "{page}: {}", history.text);
    }
    // The earlier name of a group leads nowhere; its id does, also after it was removed.
    let refused = browser.get("/admin/audit?by=group&value=staff").await;
    assert!(refused.status == 400 && refused.text.contains("the name of a group that exists"), "{}", refused.text);
    let token = app.token_of("boss", "admin").await;
    let list = async |query: &str| app.get(&format!("/api/v1/audit?{query}")).bearer(&token).send().await;
    let events = list("object=group:on-call").await;
    let newest = &events.json["items"][0];
    let id = newest["object_id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&newest["object_kind"], &newest["object_name"], &newest["object_exists"]),
        (&json!("group"), &json!("on-call"), &json!(true))
    );
    assert_eq!(newest["detail"], json!({}), "the name is in one place");
    app.operate(|change| Box::pin(groups::remove(change, "on-call"))).await.unwrap();
    assert_eq!(list("object=group:on-call").await.status, 404);
    let events = list(&format!("object=group:{}", id.to_uppercase())).await;
    let items = events.json["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["object_exists"], &items[3]["object_name"]), (4, &json!(false), &json!("staff")));
    assert!(browser.get(&format!("/admin/audit?by=group&value={id}")).await.text.matches("group ").count() > 4);
    for wrong in ["object=on-call", "object=user:alice", "object=role:", "object=role:clerk&event=role_added"] {
        assert_eq!(list(wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(list("object=role:nobody").await.json["items"], json!([]));
    let csv = browser.get("/admin/audit/download?format=csv&by=role&value=dispatcher").await;
    assert!(csv.text.starts_with("id,at,event,") && csv.text.contains(",role,dispatcher,dispatcher,true,"), "{}", csv.text);
    // The help desk sees the history of users alone.
    let helper = app.signed_in("admin-users").await;
    assert!(!helper.get("/admin/groups/crew").await.text.contains("History"));
    assert_eq!(helper.get("/admin/audit?by=role&value=dispatcher").await.status, 403);
}
