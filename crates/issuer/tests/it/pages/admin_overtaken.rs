//! Buttons and small forms of two administrators at once: nobody agrees to what they did not see, what is done twice is done once, and what was
//! typed for something that is gone is not lost.

use serde_json::json;
use signet_issuer::admin::groups::{self, GroupDraft, GroupPatch};
use signet_issuer::admin::patch::Patch;
use signet_issuer::admin::roles::{self, NewRole};
use signet_issuer::admin::users::{self, UserPatch};
use signet_issuer::admin::{attributes, client_claims, clients};
use signet_issuer::store::ConnectionTrait;

use crate::support::{Answer, Browser, PASSWORD, TestApp};

const OVERTAKEN: &str = "somebody else changed it meanwhile. Read what follows from it now, and confirm it again.";

async fn app() -> (TestApp, Browser) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    app.operate(|change| {
        Box::pin(async move {
            roles::add(change, NewRole::check("extra", &["orders:read".to_owned()])?).await?;
            for name in ["staff", "board"] {
                groups::add(change, GroupDraft { name: name.to_owned(), ..GroupDraft::default() }).await?;
            }
            attributes::add(change, serde_json::from_value(json!({ "name": "team", "type": "string" })).unwrap()).await?;
            let claim = json!({ "claim": "team", "source": "groups", "shape": "list", "in_id_token": true, "in_userinfo": true });
            client_claims::put(change, "web", serde_json::from_value(claim).unwrap()).await
        })
    })
    .await
    .unwrap();
    app.sql("UPDATE users SET email_verified = FALSE WHERE username = 'alice'").await;
    let browser = app.signed_in("boss").await;
    (app, browser)
}

/// Edits the user alice as somebody else does at the same time.
async fn rename_alice(app: &TestApp, name: &str) {
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let patch = UserPatch { name: Patch::Set(name.to_owned()), ..UserPatch::default() };
    app.operate(|change| Box::pin(users::edit(change, alice, patch, None))).await.unwrap();
}

/// Confirms `asked`, whose object has changed since it was shown, expects to be asked once more, and confirms that.
async fn confirmed_twice(browser: &Browser, asked: &Answer, path: &str) -> Answer {
    let again = browser.submit(asked, path, &[("confirm_password", PASSWORD)]).await;
    assert!(again.status == 400 && again.text.contains(OVERTAKEN), "{path}: {} {}", again.status, again.text);
    assert!(again.text.contains("confirm_password"), "{path}: {}", again.text);
    browser.submit(&again, path, &[("confirm_password", PASSWORD)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_confirms_what_another_administrator_has_changed_since_the_page_asked() {
    let (app, browser) = app().await;
    let ask = async |path: &'static str, action: &'static str| {
        let page = browser.get(path).await;
        let asked = browser.submit(&page, path, &[("action", action)]).await;
        assert!(asked.text.contains("confirm_password"), "{path}: {}", asked.text);
        asked
    };
    // The address that is to count as verified is not the one that was shown.
    let asked = ask("/admin/users/alice", "verify").await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let patch = UserPatch { email: Patch::Set("evil@example.com".to_owned()), ..UserPatch::default() };
    app.operate(|change| Box::pin(users::edit(change, alice, patch, None))).await.unwrap();
    let again = browser.submit(&asked, "/admin/users/alice", &[("confirm_password", PASSWORD)]).await;
    assert!(again.text.contains(OVERTAKEN) && again.text.contains("trust that evil@example.com belongs"), "{}", again.text);
    assert!(!users::show(&app.reading(), "alice").await.unwrap().email_verified);

    let asked = ask("/admin/groups/board", "remove").await;
    let patch = GroupPatch { roles: Some(vec!["extra".to_owned()]), ..GroupPatch::default() };
    app.operate(|change| Box::pin(groups::edit(change, "board", patch))).await.unwrap();
    assert_eq!(confirmed_twice(&browser, &asked, "/admin/groups/board").await.heading(), "Groups");

    let asked = ask("/admin/roles/extra", "remove").await;
    let scope = ["orders:write".to_owned()];
    app.operate(|change| Box::pin(roles::change_scopes(change, "extra", &scope, &[]))).await.unwrap();
    assert_eq!(confirmed_twice(&browser, &asked, "/admin/roles/extra").await.heading(), "Roles");

    let asked = ask("/admin/attributes/team", "remove").await;
    let patch = serde_json::from_value(json!({ "display_name": "The team" })).unwrap();
    app.operate(|change| Box::pin(attributes::edit(change, "team", patch, None))).await.unwrap();
    assert_eq!(confirmed_twice(&browser, &asked, "/admin/attributes/team").await.heading(), "Attributes");

    let path = "/admin/clients/web/secret";
    let asked = browser.send_filled(&browser.get(path).await, path, &[("old", "now")]).await;
    app.operate(|change| Box::pin(clients::rotate_secret(change, "web", clients::OldSecret::UntilNextRotation))).await.unwrap();
    let made = confirmed_twice(&browser, &asked, path).await;
    assert!(made.text.contains("It is not shown again"), "{}", made.text);

    let asked = ask("/admin/clients/web", "remove").await;
    app.operate(|change| Box::pin(client_claims::remove(change, "web", "team"))).await.unwrap();
    assert_eq!(confirmed_twice(&browser, &asked, "/admin/clients/web").await.heading(), "Clients");

    let asked = ask("/admin/users/alice", "delete").await;
    rename_alice(&app, "Alice Other").await;
    assert_eq!(confirmed_twice(&browser, &asked, "/admin/users/alice").await.heading(), "Users");
    assert!(users::show(&app.reading(), "alice").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_not_added_to_a_group_whose_roles_have_changed_since_the_page_asked() {
    let (app, browser) = app().await;
    for (path, typed) in [
        ("/admin/groups/staff/members", [("add", "alice"), ("remove", ""), ("action", "")]),
        ("/admin/users", [("user.alice", "true"), ("group", "staff"), ("action", "add-to-group")]),
    ] {
        let csrf = browser.get(path).await.hidden("/account/sign-out").remove(0).1;
        let asked = browser.post(path, &[&typed[..], &[("csrf", &csrf)]].concat()).await;
        assert!(asked.hidden(path).iter().any(|(name, _)| name == "version"), "{path}: {}", asked.text);
        let roles = if path == "/admin/users" { Vec::new() } else { vec!["extra".to_owned()] };
        let patch = GroupPatch { roles: Some(roles), ..GroupPatch::default() };
        app.operate(|change| Box::pin(groups::edit(change, "staff", patch))).await.unwrap();
        let again = browser.submit(&asked, path, &[]).await;
        assert!(again.status == 400 && again.text.contains(OVERTAKEN), "{path}: {}", again.text);
        assert!(groups::members(&app.reading(), "staff", &app.window()).await.unwrap().items.is_empty());
        assert_eq!(again.text.contains("gains the role extra"), path != "/admin/users", "{path}: {}", again.text);
        let done = browser.submit(&again, path, &[]).await;
        assert_eq!(done.status, 200, "{path}: {}", done.text);
        // To add a member once more, or to take one out twice, changes nothing.
        for (add, remove, count) in [("alice", "", 1), ("", "alice", 0), ("", "alice", 0)] {
            let path = "/admin/groups/staff/members";
            let asked = browser.submit(&browser.get(path).await, path, &[("add", add), ("remove", remove)]).await;
            let done = browser.submit(&asked, path, &[]).await;
            assert!(done.text.contains("Saved."), "{add} {remove}: {}", done.text);
            let twice = browser.submit(&asked, path, &[]).await;
            assert!(twice.text.contains("Saved."), "{add} {remove}: {}", twice.text);
            assert_eq!(groups::count_members(&app.reading(), "staff").await.unwrap(), count);
        }
    }
    let changes = "SELECT count(*) FROM audit_events WHERE event = 'group_members_changed'";
    assert_eq!(app.count(changes).await, 4, "only what changed is recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_changed_meanwhile_is_neither_replaced_nor_taken_away_unseen() {
    let (app, browser) = app().await;
    let path = "/admin/clients/web/claim";
    let old = browser.get("/admin/clients/web/claim?claim=team").await;
    let other = json!({ "claim": "team", "source": "roles", "shape": "comma", "in_id_token": true, "in_userinfo": false });
    app.operate(|change| Box::pin(client_claims::put(change, "web", serde_json::from_value(other).unwrap()))).await.unwrap();
    let refused = browser.send_filled(&old, path, &[("claim", "")]).await;
    assert!(refused.status == 400 && refused.text.contains("somebody else changed it meanwhile"), "{}", refused.text);
    for saved in ["Saved now: team.", "Saved now: The user&#39;s roles.", "Saved now: not ticked."] {
        assert!(refused.text.contains(saved), "{saved}: {}", refused.text);
    }
    assert_eq!(client_claims::list(&app.reading(), "web").await.unwrap().len(), 1);
    let asked = browser.send_filled(&refused, path, &[]).await;
    assert!(
        asked.text.contains("no longer gets the claim team in ID tokens. Its value comes from the roles of the user."),
        "{}",
        asked.text
    );
    let done = browser.submit(&asked, path, &[("confirm_password", PASSWORD)]).await;
    assert!(done.text.contains("Saved."), "{}", done.text);
    assert!(client_claims::list(&app.reading(), "web").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_ended_or_removed_already_counts_as_done() {
    let (app, browser) = app().await;
    app.code_flow(&app.browser(), &[("scope", "openid offline_access")]).await;
    let path = "/admin/users/alice";
    let page = browser.get(path).await;
    let csrf = page.hidden(path).into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let field = |name: &str| page.text.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (sid, id, client) = (field("sid"), field("id"), field("client_id"));
    let buttons = [("end-authorization", "id", &id), ("end-session", "sid", &sid), ("withdraw", "client_id", &client)];
    for (action, name, value) in buttons {
        for _ in 0..2 {
            let done = browser.post(path, &[("csrf", &csrf), ("action", action), (name, value)]).await;
            assert!(done.status == 200 && done.text.contains("Ended."), "{action}: {} {}", done.status, done.text);
        }
    }
    for (path, list) in [("/admin/roles/extra", "Roles"), ("/admin/groups/board", "Groups"), ("/admin/attributes/team", "Attributes")] {
        let asked = browser.submit(&browser.get(path).await, path, &[("action", "remove")]).await;
        for _ in 0..2 {
            let done = browser.submit(&asked, path, &[("confirm_password", PASSWORD)]).await;
            assert!(done.heading() == list && done.text.contains("Removed."), "{path}: {} {}", done.status, done.text);
        }
    }
    // A button that was never confirmed does not claim to have removed something.
    let gone = browser.post("/admin/roles/extra", &[("csrf", &csrf), ("action", "remove")]).await;
    assert_eq!((gone.status, gone.heading()), (404, "It is not there"));
    assert!(!gone.text.contains("what you typed"), "{}", gone.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_for_something_that_is_gone_is_shown() {
    let (app, browser) = app().await;
    let forms: [(&str, (&str, &str)); 6] = [
        ("/admin/groups/staff/edit", ("display_name", "The <staff>")),
        ("/admin/groups/board/members", ("add", "alice\r\nboss")),
        ("/admin/roles/extra/edit", ("display_name", "Some more")),
        ("/admin/attributes/team/edit", ("display_name", "The team")),
        ("/admin/users/alice/edit", ("nickname", "Al")),
        ("/admin/clients/web/edit", ("client_name", "The shop")),
    ];
    let mut drawn = Vec::new();
    for (path, typed) in forms {
        drawn.push((path, typed, browser.get(path).await));
    }
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    app.operate(|change| {
        Box::pin(async move {
            groups::edit(change, "staff", GroupPatch { name: Some("crew".to_owned()), ..GroupPatch::default() }).await?;
            groups::remove(change, "board").await?;
            roles::remove(change, "extra").await?;
            attributes::remove(change, "team", None).await?;
            let patch = UserPatch { username: Patch::Set("alicia".to_owned()), ..UserPatch::default() };
            users::edit(change, alice, patch, None).await?;
            clients::remove(change, "web").await
        })
    })
    .await
    .unwrap();
    for (path, typed, form) in drawn {
        let gone = browser.send_filled(&form, path, &[typed]).await;
        assert_eq!((gone.status, gone.heading()), (404, "It is not there"), "{path}: {}", gone.text);
        assert!(gone.text.contains("so that you can copy what you typed."), "{path}: {}", gone.text);
        let shown = typed.1.replace('<', "&#60;").replace('>', "&#62;");
        assert!(gone.text.contains(&format!(">{shown}</pre>")), "{path}: {}", gone.text);
        let csrf = form.hidden(path).into_iter().find(|(name, _)| name == "csrf").unwrap().1;
        assert!(!gone.text.contains(&csrf), "{path}: {}", gone.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_while_the_database_cannot_be_written_is_shown() {
    let (app, browser) = app().await;
    if !app.database_url().starts_with("sqlite") {
        return;
    }
    let pragma = async |sql: &str| {
        app.app.store.writer().execute_unprepared(sql).await.unwrap();
    };
    for (path, typed) in
        [("/admin/groups/new", ("display_name", "The <staff>")), ("/admin/roles/extra/edit", ("display_name", "Some more"))]
    {
        let form = browser.get(path).await;
        pragma("PRAGMA query_only = ON").await;
        let failed = browser.send_filled(&form, path, &[("name", "crew"), typed]).await;
        pragma("PRAGMA query_only = OFF").await;
        assert_eq!((failed.status, failed.heading()), (503, "This does not work at the moment"), "{path}: {}", failed.text);
        let shown = typed.1.replace('<', "&#60;").replace('>', "&#62;");
        assert!(failed.text.contains(&format!(">{shown}</pre>")), "{path}: {}", failed.text);
        assert!(!failed.text.contains("It was renamed"), "{path}: {}", failed.text);
        app.advance(11);
    }
}
