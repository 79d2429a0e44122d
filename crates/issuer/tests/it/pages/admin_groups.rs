//! Pages that change who may do what: several users at once, members, default groups, roles and the access of a client. Each says first who
//! gains and loses what.

use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::roles::{self, NewRole, RolePatch};
use signet_issuer::admin::{clients, users};
use signet_issuer::oauth::access::Access;

use crate::support::{Answer, Browser, PASSWORD, TestApp};

async fn app() -> (TestApp, Browser) {
    let app = TestApp::new().await.with_orders().await.with_web().await;
    app.operate(|change| {
        Box::pin(async move {
            roles::add(change, NewRole::check("desk", &["admin:users".to_owned()])?).await?;
            roles::edit(change, "clerk", RolePatch { delegated: Some(true), ..RolePatch::default() }).await?;
            for (name, delegated, roles) in [("staff", true, vec!["clerk"]), ("board", false, vec!["admin"]), ("club", false, vec![])] {
                let roles = roles.into_iter().map(str::to_owned).collect();
                groups::add(change, GroupDraft { name: name.to_owned(), delegated, roles, ..GroupDraft::default() }).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
    for (username, roles) in [("alice", &[][..]), ("bob", &[]), ("boss", &["admin"]), ("helper", &["desk"])] {
        app.add_user(username, roles).await;
    }
    app.add_client_with("wiki", true, "authorization_code", &["openid"], |draft| {
        draft.access = Some(Access::Groups);
        draft.groups = vec!["staff".to_owned()];
        draft.redirect_uris = vec!["https://wiki.example/cb".to_owned()];
    })
    .await;
    let browser = app.signed_in("boss").await;
    (app, browser)
}

async fn groups_of(app: &TestApp, username: &str) -> Vec<String> {
    users::show(&app.reading(), username).await.unwrap().groups
}

/// Sends the form for the chosen users as a browser does.
async fn choose(browser: &Browser, page: &Answer, users: &[&str], group: &str) -> Answer {
    let names: Vec<String> = users.iter().map(|name| format!("user.{name}")).collect();
    let form = page.text.split("class=\"chooser\"").nth(1).unwrap();
    let csrf = form.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let chosen = names.iter().map(|name| (name.as_str(), "true"));
    let rest = [("csrf", csrf), ("action", "add-to-group"), ("group", group)];
    browser.post("/admin/users", &chosen.chain(rest).collect::<Vec<_>>()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn several_users_join_a_group_after_a_page_that_says_what_they_gain() {
    let (app, browser) = app().await;
    let list = browser.get("/admin/users").await;
    assert!(list.text.contains("name=\"user.alice\"") && list.text.contains("<option value=\"club\">"), "{}", list.text);
    let asked = choose(&browser, &list, &["alice", "bob"], "staff").await;
    assert_eq!(asked.heading(), "Add 2 users to the group staff?");
    for text in
        ["2 users gain the group staff: alice, bob.", "2 users gain the role clerk", "2 users gain the application wiki: alice, bob."]
    {
        assert!(asked.text.contains(text), "{text}: {}", asked.text);
    }
    assert!(groups_of(&app, "alice").await.is_empty(), "nothing happens before it is confirmed");
    let done = browser.submit(&asked, "/admin/users", &[]).await;
    assert!(done.text.contains("Saved."), "{}", done.text);
    assert_eq!((groups_of(&app, "alice").await, groups_of(&app, "bob").await), (vec!["staff".to_owned()], vec!["staff".to_owned()]));
    let again = choose(&browser, &list, &["alice", "bob"], "STAFF").await;
    assert!(again.text.contains("The roles, groups and applications of users stay as they are."), "{}", again.text);
    // A refusal keeps the choice, which can be corrected in place.
    for (users, group, expected) in [
        (&[][..], "staff", "one or more usernames"),
        (&["alice"], "", "the name of a group"),
        (&["alice", "bob"], "none", "the name of a group that exists"),
        (&["alice", "nobody"], "staff", "there is no user nobody"),
    ] {
        let refused = choose(&browser, &list, users, group).await;
        assert!(refused.status == 400 && refused.text.contains(expected), "{users:?} {group}: {}", refused.text);
        let kept = format!(">\n{}</textarea>", users.join("\n"));
        assert!(refused.text.contains(&kept) && refused.text.contains(&format!("value=\"{group}\"")), "{}", refused.text);
    }
    let refused = choose(&browser, &list, &["alice", "bob"], "none").await;
    let asked = browser.send_filled(&refused, "/admin/users", &[("group", "club")]).await;
    assert_eq!(asked.heading(), "Add 2 users to the group club?");
    browser.submit(&asked, "/admin/users", &[]).await;
    assert_eq!(groups_of(&app, "bob").await, ["club", "staff"]);
    let both = ["alice".to_owned(), "bob".to_owned()];
    app.operate(|change| Box::pin(groups::change_members(change, "club", &[], &both))).await.unwrap();
    // A group that makes administrators needs the password.
    let asked = choose(&browser, &list, &["bob"], "board").await;
    app.advance(700);
    let asked = if asked.text.contains("confirm_password") { asked } else { choose(&browser, &list, &["bob"], "board").await };
    assert!(asked.text.contains("confirm_password"), "{}", asked.text);
    assert_eq!(browser.submit(&asked, "/admin/users", &[("confirm_password", "wrong")]).await.status, 400);
    assert_eq!(groups_of(&app, "bob").await, ["staff"]);
    browser.submit(&asked, "/admin/users", &[("confirm_password", PASSWORD)]).await;
    assert_eq!(groups_of(&app, "bob").await, ["board", "staff"]);
    // The history of each user tells it.
    let path = "/admin/audit?by=user&value=alice";
    let history = browser.get(path).await;
    assert!(history.text.contains("user groups changed"), "{}", history.text);
    let event = history.text.split("href=\"").find(|rest| rest.contains(">user groups changed<")).unwrap().split('"').next().unwrap();
    let event = browser.get(event).await;
    assert!(event.text.contains("<td data-label=\"After\">staff</td>"), "{}", event.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_desk_fills_only_groups_and_moves_only_people_that_it_may() {
    let (app, _) = app().await;
    let helper = app.signed_in("helper").await;
    let list = helper.get("/admin/users").await;
    assert!(list.text.contains("<option value=\"staff\">") && !list.text.contains("<option value=\"club\">"), "{}", list.text);
    for (users, group, text) in [
        (&["alice"][..], "club", "not delegated"),
        (&["alice", "boss"], "staff", "nly an administrator may act"),
        (&["helper"], "staff", "nly an administrator may act"),
    ] {
        let refused = choose(&helper, &list, users, group).await;
        assert!(refused.status == 400 && refused.text.contains(text), "{users:?} {group}: {}", refused.text);
    }
    let asked = choose(&helper, &list, &["alice"], "staff").await;
    assert_eq!(asked.heading(), "Add alice to the group staff?");
    helper.submit(&asked, "/admin/users", &[]).await;
    assert_eq!(groups_of(&app, "alice").await, ["staff"]);
    app.operate(|change| Box::pin(roles::add(change, NewRole::check("reader", &["admin:read".to_owned()]).unwrap()))).await.unwrap();
    app.add_user("reader", &["reader"]).await;
    let list = app.signed_in("reader").await.get("/admin/users").await;
    assert!(!list.text.contains("user.alice") && !list.text.contains("type=\"checkbox\""), "whoever only reads chooses nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_default_groups_and_roles_say_first_who_gains_and_loses_what() {
    let (app, browser) = app().await;
    let path = "/admin/groups/staff/members";
    let form = browser.get(path).await;
    assert_eq!(browser.submit(&form, path, &[]).await.status, 400, "neither adds nor removes anybody");
    let asked = browser.submit(&form, path, &[("add", "alice\nbob")]).await;
    assert!(asked.text.contains("2 users gain the scope orders:read: alice, bob."), "{}", asked.text);
    assert!(groups_of(&app, "alice").await.is_empty());
    browser.submit(&asked, path, &[]).await;
    assert_eq!(groups_of(&app, "alice").await, ["staff"]);
    let asked = browser.submit(&browser.get(path).await, path, &[("remove", "bob")]).await;
    assert!(asked.text.contains("1 user loses the application wiki: bob."), "{}", asked.text);
    let refused = browser.submit(&form, path, &[("add", "nobody")]).await;
    assert!(refused.status == 400 && refused.text.contains("there is no user nobody"), "{}", refused.text);

    let page = browser.get("/admin/roles/clerk").await;
    let asked = browser.submit(&page, "/admin/roles/clerk", &[("action", "remove")]).await;
    assert!(asked.text.contains("2 users lose the scope orders:write: alice, bob."), "{}", asked.text);

    let path = "/admin/groups/club/edit";
    let form = browser.get(path).await;
    let asked = browser.submit(&form, path, &[("name", "club"), ("is_default", "true")]).await;
    assert!(asked.text.contains("Every user who is added from now on becomes a member and gets no roles."), "{}", asked.text);
    assert!(!groups::show(&app.reading(), "club").await.unwrap().is_default);
    browser.submit(&asked, path, &[]).await;
    assert!(groups::show(&app.reading(), "club").await.unwrap().is_default);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_names_the_clients_that_use_it_and_a_role_those_who_have_it() {
    let (app, browser) = app().await;
    let page = browser.get("/admin/groups/staff").await;
    let part = page.text.split("<h2>Clients that use it</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(part.contains("href=\"/admin/clients/wiki\"") && part.contains("Its members may sign in"), "{part}");
    assert!(!part.contains("/admin/clients/web"), "{part}");
    assert!(browser.get("/admin/groups/club").await.text.contains("No client uses it."));
    let page = browser.get("/admin/roles/clerk").await;
    let part = page.text.split("<h2>Who has it</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(part.contains("href=\"/admin/groups/staff\"") && part.contains("Nobody has it directly."), "{part}");
    for number in 0..51 {
        app.add_user(&format!("clerk{number}"), &["clerk"]).await;
    }
    let page = browser.get("/admin/roles/clerk").await;
    let rows = |text: &str| text.matches("href=\"/admin/users/clerk").count();
    let next = page.text.split("href=\"").find(|rest| rest.starts_with("/admin/roles/clerk?after=")).unwrap().split('"').next().unwrap();
    let second = browser.get(next).await;
    assert_eq!((rows(&page.text), rows(&second.text)), (50, 1), "{}", second.text);
    // The help desk sees it, but no link to a client.
    let page = app.signed_in("helper").await.get("/admin/groups/staff").await;
    assert!(page.text.contains("Its members may sign in") && !page.text.contains("href=\"/admin/clients/wiki\""), "{}", page.text);
    let db = app.plans().await;
    let staff = groups::show(&app.reading(), "staff").await.unwrap().id;
    signet_issuer::store::client_groups::of_group(&db, staff, 100).await.unwrap();
    db.assert_indexed(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_closed_says_who_loses_it() {
    let (app, browser) = app().await;
    app.code_flow(&app.browser(), &[("scope", "openid offline_access")]).await;
    let path = "/admin/clients/web/edit";
    let form = browser.get(path).await;
    let asked = browser.send_filled(&form, path, &[("access", "groups"), ("groups", "staff")]).await;
    for text in [
        "From now on only members of the groups may sign in.",
        "5 users lose the application web: admin, alice, bob, boss, helper.",
        "One authorization, with its refresh token, gives no more tokens.",
    ] {
        assert!(asked.text.contains(text), "{text}: {}", asked.text);
    }
    assert_eq!(clients::show(&app.reading(), "web").await.unwrap().access, Access::Everyone);
    let saved = browser.submit(&asked, path, &[]).await;
    assert!(saved.text.contains("Members of 1 group may sign in:"), "{}", saved.text);
    // Another change of it asks nothing, and opening it again tells who gains it.
    let form = browser.get(path).await;
    let saved = browser.send_filled(&form, path, &[("client_name", "The web")]).await;
    assert!(saved.text.contains("Saved."), "{}", saved.text);
    let form = browser.get(path).await;
    let asked = browser.send_filled(&form, path, &[("access", "everyone")]).await;
    assert!(asked.text.contains("From now on everyone may sign in."), "{}", asked.text);
    assert!(asked.text.contains("5 users gain the application web: admin, alice, bob, boss, helper."), "{}", asked.text);
    // Members of its groups keep it, and whoever is disabled has nothing to lose.
    let members = ["alice".to_owned(), "bob".to_owned()];
    app.operate(|change| Box::pin(groups::change_members(change, "staff", &members, &[]))).await.unwrap();
    let helper = users::show(&app.reading(), "helper").await.unwrap().id;
    app.operate(|change| Box::pin(users::disable(change, helper))).await.unwrap();
    let asked = browser.send_filled(&browser.get(path).await, path, &[("access", "everyone")]).await;
    assert!(asked.text.contains("2 users gain the application web: admin, boss."), "{}", asked.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_user_names_the_path_to_each_application_and_ends_each_device() {
    let (app, browser) = app().await;
    app.code_flow(&app.browser(), &[("scope", "openid")]).await;
    let members = ["alice".to_owned()];
    app.operate(|change| Box::pin(groups::change_members(change, "staff", &members, &[]))).await.unwrap();
    let page = browser.get("/admin/users/alice").await;
    let part = page.text.split("Applications they may sign in to").nth(1).unwrap().split("</section>").next().unwrap();
    let wiki = part.split("<tr>").find(|row| row.contains("/admin/clients/wiki")).unwrap();
    assert!(wiki.contains("href=\"/admin/groups/staff\""), "{wiki}");
    let web = part.split("<tr>").find(|row| row.contains("/admin/clients/web")).unwrap();
    assert!(web.contains("everyone may"), "{web}");
    let bob = browser.get("/admin/users/bob").await;
    assert!(!bob.text.contains("/admin/clients/wiki"));
    // Each device and each app has a button of its own in its row.
    let row = page.text.split(">Devices<").nth(1).unwrap().split("<tr>").nth(2).unwrap().split("</tr>").next().unwrap().to_owned();
    let sid = row.split("name=\"sid\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let row = page.text.split(">Apps<").nth(1).unwrap().split("<tr>").nth(2).unwrap().split("</tr>").next().unwrap().to_owned();
    assert!(row.contains("value=\"end-authorization\"") && row.contains("/admin/clients/web"), "{row}");
    let ended = browser.submit(&page, "/admin/users/alice", &[("action", "end-session"), ("sid", &sid)]).await;
    assert!(ended.text.contains("Ended.") && ended.text.contains("Signed in nowhere."), "{}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_more_members_than_are_examined_is_true() {
    let (app, browser) = app().await;
    app.code_flow(&app.browser(), &[("scope", "openid offline_access")]).await;
    let (numbers, id) = if app.database_url().starts_with("sqlite") {
        (
            "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1499) SELECT i FROM n) AS n",
            "unhex(printf('%032x', i + 1))",
        )
    } else {
        ("(SELECT generate_series(0, 1499) AS i) AS n", "lpad(to_hex(i + 1), 32, '0')::uuid")
    };
    // Their ids come before that of Alice.
    app.sql(&format!(
        "INSERT INTO users (id, username, email_verified, created_at, updated_at) SELECT {id}, 'many' || i, FALSE, 0, 0 FROM {numbers}"
    ))
    .await;
    for group in ["staff", "club"] {
        let members = "SELECT groups.id, users.id FROM groups, users WHERE username LIKE 'many%'";
        app.sql(&format!("INSERT INTO group_members {members} AND groups.name = '{group}'")).await;
    }
    // Who uses the client is examined before the members of its groups, who do not lose it.
    let path = "/admin/clients/web/edit";
    let asked = browser.send_filled(&browser.get(path).await, path, &[("access", "groups"), ("groups", "staff")]).await;
    for text in ["1 user loses the application web: alice.", "One authorization, with its refresh token", "only 1,000 were examined"] {
        assert!(asked.text.contains(text), "{text}: {}", asked.text);
    }
    browser.submit(&asked, path, &[]).await;
    // They are members of both groups, so that they lose nothing by the change from one to the other.
    let asked = browser.send_filled(&browser.get(path).await, path, &[("groups", "staff\nclub")]).await;
    let told = "Of the 1,000 users who were examined, nobody gains or loses anything. More users may be concerned";
    assert!(asked.text.contains(told) && !asked.text.contains("stay as they are"), "{}", asked.text);

    let page = browser.get("/admin/groups/staff").await;
    let asked = browser.submit(&page, "/admin/groups/staff", &[("action", "remove")]).await;
    assert!(asked.text.contains("Its members, 1,000 or more, lose the roles that it carries"), "{}", asked.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_of_a_form_is_marked() {
    let (_app, browser) = app().await;
    let marked = |page: &Answer| -> Vec<String> {
        let fault = "-hint\"><span class=\"field-error\">";
        let before = page.text.split(fault).collect::<Vec<_>>();
        before[..before.len() - 1].iter().map(|text| text.rsplit('"').next().unwrap().to_owned()).collect()
    };
    let form = browser.get("/admin/groups/staff/members").await;
    let refused = browser.submit(&form, "/admin/groups/staff/members", &[("add", "alice\nnobody"), ("remove", "none")]).await;
    assert_eq!((refused.status, marked(&refused)), (400, vec!["add".to_owned(), "remove".to_owned()]), "{}", refused.text);
    let list = browser.get("/admin/users").await;
    let refused = choose(&browser, &list, &["nobody"], "none").await;
    assert_eq!((refused.status, marked(&refused)), (400, vec!["users".to_owned(), "group".to_owned()]), "{}", refused.text);
    // A name that somebody else has is a fault of its field, too.
    let form = browser.get("/admin/groups/new").await;
    let refused = browser.submit(&form, "/admin/groups/new", &[("name", "staff")]).await;
    assert_eq!(marked(&refused), ["name"], "{}", refused.text);
    assert!(refused.text.contains("Expected another value; there is a group staff already."), "{}", refused.text);
    let form = browser.get("/admin/users/new").await;
    let refused = browser.submit(&form, "/admin/users/new", &[("username", "alice")]).await;
    assert_eq!(marked(&refused), ["username"], "{}", refused.text);
    let refused = browser.get("/admin/audit?by=address&value=x&from=yesterday&until=2026-13-01").await;
    assert_eq!(marked(&refused), ["value", "from", "until"], "{}", refused.text);
    let tried = browser.get("/admin/clients/wiki/try?user=nobody&resource=https://none.example&scope=openid").await;
    assert_eq!(marked(&tried), ["user", "resource"], "{}", tried.text);
    assert!(!tried.text.contains("Nothing was changed"), "{}", tried.text);
}
