//! The pages on which administrators change, link, unlock and delete people, and declare what is kept about them.

use serde_json::json;
use signet_issuer::admin::attributes;
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::roles::{self, NewRole};
use signet_issuer::admin::{sessions, users};

use crate::support::{Answer, Browser, PASSWORD, TestApp};

async fn boss() -> (TestApp, Browser) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    let browser = app.signed_in("boss").await;
    (app, browser)
}

impl Browser {
    /// Submits the form of `page` and types the password on the page that asks for it.
    async fn confirmed(&self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let asked = self.submit(page, action, fields).await;
        assert!(asked.text.contains("confirm_password"), "{}", asked.text);
        self.submit(&asked, action, &[("confirm_password", PASSWORD)]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_edited_on_one_page_that_keeps_what_was_typed() {
    let (app, browser) = boss().await;
    let draft = serde_json::from_value(json!({ "name": "team", "type": "string", "max": 5 })).unwrap();
    app.operate(|change| Box::pin(attributes::add(change, draft))).await.unwrap();
    let path = "/admin/users/alice/edit";
    let form = browser.get(path).await;
    assert!(form.text.contains("value=\"alice@example.com\""), "{}", form.text);
    let typed = [
        ("username", "alicia"),
        ("name", "Alicia <A>"),
        ("email", "nobody"),
        ("external_id", "e-1"),
        ("attribute-team", "purple"),
        ("birthdate", "yesterday"),
        ("nickname", "Al"),
    ];
    let refused = browser.submit(&form, path, &typed).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    for part in ["Alicia &#60;A&#62;", "value=\"e-1\"", "value=\"purple\"", "value=\"Al\"", "value=\"yesterday\""] {
        assert!(refused.text.contains(part), "{part}: {}", refused.text);
    }
    assert_eq!(refused.text.matches("field-error").count(), 3, "one message for each field: {}", refused.text);
    let corrected = |(name, value)| match name {
        "email" => (name, "alicia@example.com"),
        "attribute-team" => (name, "blue"),
        "birthdate" => (name, "1990-12-31"),
        _ => (name, value),
    };
    let typed = typed.map(corrected);
    // A box that was ticked for the address before says nothing about the new one.
    app.sql("UPDATE users SET email_verified = TRUE WHERE username = 'alice'").await;
    let asked = browser.submit(&refused, path, &[&typed[..], &[("email_verified", "true")]].concat()).await;
    assert_eq!(asked.heading(), "Give alice the username alicia?", "applications know people by that name: {}", asked.text);
    assert!(users::show(&app.reading(), "alicia").await.is_err());
    let saved = browser.submit(&asked, path, &[]).await;
    assert!(saved.status == 200 && saved.text.contains("Saved.") && saved.text.contains("team: blue"), "{}", saved.text);
    let user = users::show(&app.reading(), "alicia").await.unwrap();
    assert_eq!((user.email_verified, user.external_id.as_deref(), user.claims["nickname"].as_str()), (false, Some("e-1"), "Al"));
    // A form that another administrator's change has overtaken changes nothing.
    let late: Vec<(String, String)> = form.hidden(path);
    let mut late: Vec<(&str, &str)> = late.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    late.extend([("username", "alice"), ("email", ""), ("name", "")]);
    let late = browser.post("/admin/users/alicia/edit", &late).await;
    assert!(late.status >= 400, "{}", late.text);
    assert_eq!(users::show(&app.reading(), "alicia").await.unwrap().version, user.version);
    let verified = browser.confirmed(&saved, "/admin/users/alicia", &[("action", "verify")]).await;
    assert_eq!(verified.status, 200, "{}", verified.text);
    assert!(users::show(&app.reading(), "alicia").await.unwrap().email_verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_user_ends_one_thing_or_everything() {
    let (app, browser) = boss().await;
    let alice = app.signed_in("alice").await;
    let other = app.signed_in("alice").await;
    app.code_flow(&alice, &[]).await;
    let path = "/admin/users/alice";
    let page = browser.get(path).await;
    for part in ["What they may use", "orders:read", "directly", "What they allowed clients", "Make a link", "never more than 1 hour"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let withdrawn = browser.submit(&page, path, &[("action", "withdraw"), ("client_id", "web")]).await;
    assert!(withdrawn.text.contains("The user has allowed no client anything."), "{}", withdrawn.text);
    assert_eq!(app.count("SELECT count(*) FROM authorizations WHERE ended_at IS NULL").await, 0);
    let id = users::show(&app.reading(), "alice").await.unwrap().id;
    let listed = sessions::list(&app.reading(), Some(id), &app.window()).await.unwrap().items;
    assert_eq!(listed.len(), 2);
    browser.submit(&page, path, &[("action", "end-session"), ("sid", &listed[0].sid)]).await;
    let left = [alice.get("/account").await.heading().to_owned(), other.get("/account").await.heading().to_owned()];
    assert!(left.contains(&"Profile".to_owned()) && left.contains(&"Sign in".to_owned()), "{left:?}");
    let made = browser.confirmed(&page, path, &[("action", "link")]).await;
    assert!(made.heading() == "A link for alice" && made.text.contains("/set-password?link="), "{}", made.text);
    for _ in 0..20 {
        app.try_password("alice", "wrong", "").await;
    }
    let locked = browser.get(path).await;
    assert!(locked.text.contains("must wait until"), "{}", locked.text);
    let unlocked = browser.submit(&locked, path, &[("action", "unlock")]).await;
    assert!(!unlocked.text.contains("must wait until"), "{}", unlocked.text);
    let asked = browser.submit(&page, path, &[("action", "delete")]).await;
    assert!(asked.heading() == "Delete alice?" && asked.text.contains("1 role and 0 memberships of groups"), "{}", asked.text);
    let gone = browser.submit(&asked, path, &[("confirm_password", PASSWORD)]).await;
    assert_eq!((gone.status, gone.heading()), (200, "Users"), "{}", gone.text);
    assert_eq!(browser.get(path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_desk_is_offered_only_what_it_may_do() {
    let (app, _) = boss().await;
    app.operate(|change| Box::pin(roles::add(change, NewRole::check("desk", &["admin:users".to_owned()]).unwrap()))).await.unwrap();
    app.add_user("helper", &["desk"]).await;
    let helper = app.signed_in("helper").await;
    let page = helper.get("/admin/users/alice").await;
    assert!(page.text.contains("Delete") && page.text.contains("Make a link"), "{}", page.text);
    assert!(!page.text.contains("Mark the address") && !page.text.contains("Disable and end"), "{}", page.text);
    let form = helper.get("/admin/users/alice/edit").await;
    assert!(!form.text.contains("name=\"username\"") && form.text.contains("name=\"email\""), "{}", form.text);
    let saved = helper.submit(&form, "/admin/users/alice/edit", &[("name", "Alice"), ("email", "new@example.com")]).await;
    assert!(saved.text.contains("Saved."), "{}", saved.text);
    let list = helper.get("/admin/attributes").await;
    assert!(list.status == 200 && !list.text.contains("Declare an attribute"), "{}", list.text);
    // It deletes nobody who administers.
    let asked = helper.submit(&page, "/admin/users/alice", &[("action", "delete")]).await;
    let form: Vec<(String, String)> = asked.hidden("/admin/users/alice");
    let csrf = &form.iter().find(|(name, _)| name == "csrf").unwrap().1;
    let fields = [("csrf", csrf.as_str()), ("action", "delete"), ("confirm_password", PASSWORD)];
    let refused = helper.post("/admin/users/boss", &fields).await;
    assert!(refused.status == 403 && refused.text.contains("nly an administrator may act"), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_is_declared_shown_to_its_person_and_removed() {
    let (app, browser) = boss().await;
    let form = browser.get("/admin/attributes/new").await;
    let path = "/admin/attributes/new";
    let typed =
        [("name", "cost_center"), ("type", "string"), ("display_name", "Cost center"), ("scope", "none"), ("min", "two"), ("max", "x")];
    let refused = browser.submit(&form, path, &typed).await;
    assert!(refused.status == 400 && refused.text.contains("value=\"Cost center\""), "{}", refused.text);
    assert_eq!(refused.text.matches("field-error").count(), 3, "{}", refused.text);
    let typed = [
        ("name", "cost_center"),
        ("type", "string"),
        ("display_name", "Cost center"),
        ("max", "4"),
        ("visibility", "user"),
        ("mutability", "user"),
    ];
    let added = browser.confirmed(&form, path, &typed).await;
    assert_eq!((added.status, added.heading()), (200, "Cost center"), "{}", added.text);
    let alice = app.signed_in("alice").await;
    let profile = alice.get("/account").await;
    assert!(profile.text.contains("name=\"attribute-cost_center\""), "{}", profile.text);
    let long = alice.submit(&profile, "/account", &[("attribute-cost_center", "12345"), ("nickname", "Al")]).await;
    assert!(long.status == 400 && long.text.contains("Expected a text of at most 4 characters"), "{}", long.text);
    assert!(long.text.contains("value=\"12345\"") && long.text.contains("value=\"Al\""), "{}", long.text);
    let saved = alice.submit(&profile, "/account", &[("attribute-cost_center", "1234")]).await;
    assert!(saved.text.contains("Your profile is saved.") && saved.text.contains("value=\"1234\""), "{}", saved.text);
    assert_eq!(users::show(&app.reading(), "alice").await.unwrap().attributes["cost_center"], "1234");
    // Once only administrators change it, the form of the person changes nothing, even one that was open before.
    let form = browser.get("/admin/attributes/cost%5Fcenter/edit").await;
    let fields = [("display_name", "Cost center"), ("max", "4"), ("visibility", "user"), ("mutability", "admin")];
    let saved = browser.confirmed(&form, "/admin/attributes/cost%5Fcenter/edit", &fields).await;
    assert!(saved.text.contains("People see their own value"), "{}", saved.text);
    alice.submit(&profile, "/account", &[("attribute-cost_center", "9999")]).await;
    let profile = alice.get("/account").await;
    assert!(profile.text.contains("1234") && !profile.text.contains("name=\"attribute-cost_center\""), "{}", profile.text);
    let page = browser.get("/admin/attributes/cost%5Fcenter").await;
    let removed = browser.confirmed(&page, "/admin/attributes/cost%5Fcenter", &[("action", "remove")]).await;
    assert_eq!((removed.status, removed.heading()), (200, "Attributes"), "{}", removed.text);
    assert!(!alice.get("/account").await.text.contains("1234"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_rights_says_first_who_gains_and_loses_what() {
    let (app, browser) = boss().await;
    let draft = GroupDraft { name: "packers".into(), roles: vec!["clerk".into()], ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    app.add_user("carol", &[]).await;
    let carol = ["carol".to_owned()];
    app.operate(|change| Box::pin(groups::change_members(change, "packers", &carol, &[]))).await.unwrap();
    let page = browser.get("/admin/groups/packers").await;
    let asked = browser.submit(&page, "/admin/groups/packers", &[("action", "remove")]).await;
    assert!(asked.text.contains("1 user loses the role clerk: carol."), "{}", asked.text);
    let form = browser.get("/admin/groups/packers/edit").await;
    let asked = browser.submit(&form, "/admin/groups/packers/edit", &[("name", "packers"), ("roles", "")]).await;
    assert!(asked.text.contains("1 user loses the scope orders:read: carol."), "{}", asked.text);
    let form = browser.get("/admin/roles/clerk/edit").await;
    let asked = browser.submit(&form, "/admin/roles/clerk/edit", &[("scopes", "orders:read")]).await;
    assert!(asked.text.contains("lose the scope orders:write: ") && asked.text.contains("carol"), "{}", asked.text);
    let form = browser.get("/admin/users/carol/roles").await;
    let asked = browser.submit(&form, "/admin/users/carol/roles", &[("roles", "admin")]).await;
    assert!(asked.text.contains("1 user gains the scope admin: carol."), "{}", asked.text);
    let user = users::show(&app.reading(), "carol").await.unwrap();
    assert_eq!((user.roles.len(), user.groups.len()), (0, 1), "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_are_taken_and_names_that_change_say_first_what_ends() {
    let (app, browser) = boss().await;
    let path = "/admin/users/alice/roles";
    let asked = browser.submit(&browser.get(path).await, path, &[("roles", "")]).await;
    assert_eq!(asked.heading(), "Take rights from alice?");
    for text in ["alice loses the roles: clerk.", "1 user loses the scope orders:read: alice.", "confirm_password"] {
        assert!(asked.text.contains(text), "{text}: {}", asked.text);
    }
    assert_eq!(users::show(&app.reading(), "alice").await.unwrap().roles, ["clerk"]);
    let asked = browser.submit(&browser.get(path).await, path, &[("roles", "admin")]).await;
    assert!(asked.text.contains("alice gets the roles: admin. alice loses the roles: clerk."), "{}", asked.text);
    let taken = browser.confirmed(&browser.get(path).await, path, &[("roles", "")]).await;
    assert!(taken.text.contains("Saved."), "{}", taken.text);
    assert!(users::show(&app.reading(), "alice").await.unwrap().roles.is_empty());

    // A change of a group tells all that follows: other roles, another name, and the switches.
    let draft = GroupDraft { name: "packers".into(), roles: vec!["clerk".into()], ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    let path = "/admin/groups/packers/edit";
    let form = browser.get(path).await;
    let all = [("name", "senders"), ("roles", ""), ("delegated", "true"), ("is_default", "true")];
    let asked = browser.submit(&form, path, &all).await;
    for text in [
        "They are told senders from now on",
        "The name packers is never given to another group.",
        "Every user who is added from now on becomes a member and gets no roles.",
        "The help desk may add everybody who is no administrator",
        "confirm_password",
    ] {
        assert!(asked.text.contains(text), "{text}: {}", asked.text);
    }
    // A name alone is confirmed without the password, and a name that is taken is refused before anybody is asked.
    let taken = browser.submit(&form, path, &[("name", "a,b"), ("roles", "clerk")]).await;
    assert!(taken.status == 400 && taken.text.contains("without commas"), "{}", taken.text);
    let asked = browser.submit(&form, path, &[("name", "Packers"), ("roles", "clerk")]).await;
    assert!(asked.text.contains("They are told Packers") && !asked.text.contains("is never given"), "{}", asked.text);
    assert!(!asked.text.contains("confirm_password"), "{}", asked.text);
    let saved = browser.submit(&asked, path, &[]).await;
    assert!(saved.text.contains("Saved."), "{}", saved.text);
    assert_eq!(groups::show(&app.reading(), "packers").await.unwrap().name, "Packers");
    // The same holds for usernames.
    let path = "/admin/users/alice/edit";
    let refused = browser.submit(&browser.get(path).await, path, &[("username", "boss")]).await;
    assert!(refused.status == 400 && refused.text.contains("name=\"version\""), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_adds_an_administrator_gives_their_password() {
    let (app, browser) = boss().await;
    for (path, fields) in [
        ("/admin/users/new", [("username", "carol"), ("roles", "admin")]),
        ("/admin/roles/new", [("name", "chief"), ("scopes", "admin")]),
        ("/admin/groups/new", [("name", "chiefs"), ("roles", "admin")]),
    ] {
        let form = browser.get(path).await;
        let asked = browser.submit(&form, path, &fields).await;
        assert!(asked.text.contains("confirm_password"), "{path}: {}", asked.text);
        let wrong = browser.submit(&asked, path, &[("confirm_password", "not the password")]).await;
        assert!(wrong.text.contains("The password is wrong."), "{path}: {}", wrong.text);
        let added = browser.submit(&wrong, path, &[("confirm_password", PASSWORD)]).await;
        assert!(added.status == 200 && added.text.contains(fields[0].1), "{path}: {} {}", added.status, added.text);
        assert!(!added.text.contains("confirm_password"), "{path}: {}", added.text);
    }
    assert_eq!(users::show(&app.reading(), "carol").await.unwrap().roles, ["admin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scopes_on_the_page_of_a_user_lead_to_their_resources() {
    let app = TestApp::administered().await.with_user("alice").await.with_web().await;
    app.code_flow(&app.signed_in("alice").await, &[("scope", "openid orders:read")]).await;
    // Of the roles, of the apps, and of what was allowed. The help desk sees no resources, so it gets no links.
    for (who, links) in [("boss", 3), ("admin-users", 0)] {
        let page = app.signed_in(who).await.get("/admin/users/alice").await;
        let link = "/admin/resources/https%3A%2F%2Forders%2Eexample\">orders:read</a>";
        assert_eq!((page.status, page.text.matches(link).count()), (200, links), "{who}: {}", page.text);
        assert!(page.text.matches("orders:read").count() >= 3, "{who}: {}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_newest_first_and_no_cell_of_a_list_is_blank() {
    let (app, browser) = boss().await;
    for name in ["carl", "dora", "erik", "fred"] {
        app.add_user(name, &[]).await;
        app.advance(60);
        app.signed_in(name).await;
    }
    let token = app.token_of("boss", "admin").await;
    let (mut path, mut names) = ("/sessions?limit=2".to_owned(), Vec::new());
    while !path.is_empty() {
        let page = app.call("GET", &path, &token, None, None).await;
        assert_eq!(page.status, 200, "{}", page.text);
        names.extend(page.json["items"].as_array().unwrap().iter().map(|session| session["username"].as_str().unwrap().to_owned()));
        path = page.json["next"].as_str().map_or_else(String::new, |next| format!("/sessions?limit=2&after={next}"));
    }
    assert_eq!(names, ["fred", "erik", "dora", "carl", "boss"]);
    let listed = browser.get("/admin/sessions").await.text;
    let place = |name: &str| listed.find(&format!("/admin/users/{name}")).unwrap_or_else(|| panic!("{listed}"));
    assert!(place("fred") < place("erik") && place("dora") < place("carl"), "{listed}");
    app.sql("UPDATE users SET email = NULL, name = NULL WHERE username = 'carl'").await;
    app.operate(|change| Box::pin(groups::add(change, GroupDraft { name: "crew".to_owned(), ..GroupDraft::default() }))).await.unwrap();
    app.operate(|change| Box::pin(roles::add(change, NewRole::check("idle", &[]).unwrap()))).await.unwrap();
    for path in ["users", "groups", "roles", "clients", "resources", "sessions", "audit", "keys", "search?q=carl", "roles/clerk"] {
        let page = browser.get(&format!("/admin/{path}")).await;
        assert!(page.status == 200 && page.text.contains("<td"), "{path}: {}", page.text);
        let blank = page.text.split("<td").skip(1).find(|cell| cell.split_once('>').is_none_or(|(_, rest)| rest.starts_with("</td>")));
        assert_eq!(blank, None, "{path}");
    }
}
