//! Whoever removes or renames a group is told which clients use it: those that have it, those whose maps of groups name it, and those that are
//! told of it because of how its name begins.

use serde_json::{Value, json};
use signet_issuer::admin::applications::{self, GroupUse};
use signet_issuer::admin::groups::{self, GroupDraft, GroupPatch};
use signet_issuer::admin::preview::{self, Subject};
use signet_issuer::admin::{Refused, client_claims};
use signet_issuer::oauth::access::Access;
use signet_issuer::store::{client_claims as claim_store, client_groups};

use crate::support::{Browser, TestApp};

/// Returns an issuer whose group `teams` three clients use, each in another way.
async fn app() -> (TestApp, Browser) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    for name in ["teams", "other"] {
        let draft = GroupDraft { name: name.to_owned(), ..GroupDraft::default() };
        app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    }
    for id in ["wiki", "chat"] {
        app.add_client_with(id, true, "authorization_code", &["openid", "groups"], |draft| {
            draft.access = Some(if id == "wiki" { Access::Groups } else { Access::Everyone });
            draft.groups = if id == "wiki" { vec!["teams".to_owned()] } else { Vec::new() };
            draft.redirect_uris = vec![format!("https://{id}.example/cb")];
        })
        .await;
    }
    app.sql("UPDATE clients SET group_filter = 'prefix', group_prefix = 'team' WHERE id = 'chat'").await;
    app.sql("UPDATE clients SET group_prefix = 'team' WHERE id = 'web'").await;
    for claim in ["policy", "level"] {
        put(&app, json!({ "claim": claim, "map": [{ "group": "other", "value": 1 }, { "group": "TEAMS", "value": "admins" }] }))
            .await
            .unwrap();
    }
    // A value that looks like the id of a group names no group.
    let id = groups::show(&app.reading(), "teams").await.unwrap().id;
    let value = format!("{{\"group\":\"{id}\"}}");
    put(&app, json!({ "claim": "text", "map": [{ "group": "other", "value": value }] })).await.unwrap();
    let browser = app.signed_in("boss").await;
    (app, browser)
}

/// Gives the client `web` a claim from a map of groups.
async fn put(app: &TestApp, mut claim: Value) -> Result<(), Refused> {
    for (name, value) in
        [("source", json!("group_map")), ("shape", json!("first")), ("in_id_token", json!(true)), ("in_userinfo", json!(true))]
    {
        claim[name] = value;
    }
    let claim = serde_json::from_value(claim).unwrap();
    app.operate(|change| Box::pin(client_claims::put(change, "web", claim))).await.map(drop)
}

fn uses() -> Vec<GroupUse> {
    let new = |id: &str, name: &str| GroupUse {
        client_id: id.to_owned(),
        client_name: name.to_owned(),
        assigned: false,
        admits: false,
        claims: Vec::new(),
        prefix: None,
    };
    vec![
        GroupUse { prefix: Some("team".to_owned()), ..new("chat", "chat") },
        GroupUse { claims: vec!["level".to_owned(), "policy".to_owned()], ..new("web", "web") },
        GroupUse { assigned: true, admits: true, ..new("wiki", "wiki") },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_previews_of_a_removal_and_a_new_name_tell_which_clients_use_the_group() {
    let (app, browser) = app().await;
    let named =
        |found: Vec<GroupUse>| found.into_iter().map(|own| GroupUse { client_name: own.client_id.clone(), ..own }).collect::<Vec<_>>();
    assert_eq!(named(applications::of_group(&app.reading(), "teams").await.unwrap()), uses());
    let subject = Subject::Group("teams".to_owned());
    let edit = |name: Option<&str>, display: &str| GroupPatch {
        name: name.map(str::to_owned),
        display_name: Some(Some(display.to_owned())),
        ..GroupPatch::default()
    };
    for (patch, tells) in [(edit(Some("crew"), "x"), true), (edit(Some("teams"), "x"), false), (edit(None, "x"), false)] {
        let work = preview::run(&app.app, &app.operator, &subject, |change| Box::pin(groups::edit(change, "teams", patch)));
        let (_, preview) = work.await.unwrap();
        assert_eq!(preview.clients.map(named), tells.then(uses));
    }
    let work = preview::run(&app.app, &app.operator, &subject, |change| Box::pin(groups::remove(change, "teams")));
    assert_eq!(work.await.unwrap().1.clients.map(named), Some(uses()));
    // The pages say it in words, before and while it is asked.
    let page = browser.get("/admin/groups/teams").await;
    for told in [
        "The maps of the claims level, policy name it",
        "The client is told of groups whose names begin with team",
        "Its members may sign in, and the client is told of it",
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    let asked = browser.submit(&page, "/admin/groups/teams", &[("action", "remove")]).await;
    assert!(asked.text.contains("The client web uses the group: the maps of the claims level, policy name it."), "{}", asked.text);
    let path = "/admin/groups/teams/edit";
    let asked = browser.send_filled(&browser.get(path).await, path, &[("name", "crew")]).await;
    for told in ["The client web uses the group: the maps of the claims", "The client chat uses the group: ", "stays in the maps"] {
        assert!(asked.text.contains(told), "{told}: {}", asked.text);
    }
    browser.submit(&asked, path, &[]).await;
    // The maps follow the new name; the filter by prefix does not.
    let found = named(applications::of_group(&app.reading(), "crew").await.unwrap());
    assert_eq!(found, &uses()[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_of_a_group_are_found_by_indexes() {
    let (app, _) = app().await;
    let numbers = if app.database_url().starts_with("sqlite") {
        "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) SELECT i FROM n) AS n"
    } else {
        "(SELECT generate_series(0, 999) AS i) AS n"
    };
    app.sql(&format!(
        "INSERT INTO clients (id, client_name, public, grant_types, redirect_uris, created_at, pkce, grant_id) \
         SELECT 'many' || i, 'many', TRUE, '', '', 0, 'required', '' FROM {numbers}"
    ))
    .await;
    app.sql(&format!(
        "INSERT INTO client_claims (client_id, claim, source, shape, map, in_id_token, in_userinfo) \
         SELECT 'many' || i, 'plan', 'fixed', 'first', '1', TRUE, TRUE FROM {numbers}"
    ))
    .await;
    let db = app.plans().await;
    let id = groups::show(&app.reading(), "teams").await.unwrap().id;
    claim_store::mapping(&db, id, 100).await.unwrap();
    db.assert_indexed(&["client_claims_source"]);
    client_groups::by_prefix_of(&db, "team\u{e9}", 100).await.unwrap();
    db.assert_indexed(&["clients_group_prefix"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_names_each_group_once_and_no_claim_is_called_as_a_folder() {
    let (app, browser) = app().await;
    let twice = json!([{ "group": "other", "value": 1 }, { "group": "Other", "value": 2 }]);
    let refused = put(&app, json!({ "claim": "policy", "map": twice })).await.unwrap_err().to_string();
    assert_eq!(refused, "map: expected each group once; the group Other is named twice");
    let page = browser.get("/admin/clients/web/claim").await;
    let typed = [("claim", "plan"), ("source", "group_map"), ("map", "other=a\nOTHER=b")];
    let refused = browser.send_filled(&page, "/admin/clients/web/claim", &typed).await;
    assert!(refused.status == 400 && refused.text.contains("each group once; the group OTHER is named twice"), "{}", refused.text);
    for claim in [".", ".."] {
        let refused = put(&app, json!({ "claim": claim, "map": [{ "group": "other", "value": 1 }] })).await.unwrap_err().to_string();
        assert!(refused.starts_with("claim: expected none of the names . and .."), "{refused}");
    }
    for claim in ["new", "a.b", "...", "https://example.com/team"] {
        put(&app, json!({ "claim": claim, "map": [{ "group": "other", "value": 1 }] })).await.unwrap();
    }
}
