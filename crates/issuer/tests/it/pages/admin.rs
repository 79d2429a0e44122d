//! The administration pages call the operations of the command line, ask for the password before what is dangerous, and are for
//! administrators alone.

use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::{client_claims, clients, users};

use crate::support::{Browser, PASSWORD, TestApp};

async fn boss() -> (TestApp, Browser) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    let browser = app.signed_in("boss").await;
    (app, browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_without_a_scope_of_administration_see_no_page() {
    let (app, browser) = boss().await;
    assert_eq!(browser.get("/admin").await.heading(), "Overview");
    let alice = app.signed_in("alice").await;
    for path in ["/admin", "/admin/users", "/admin/users/alice", "/admin/keys", "/admin/clients/web"] {
        let page = alice.get(path).await;
        assert_eq!((page.status, page.heading()), (403, "This page is for administrators"), "{path}");
        assert_eq!(app.browser().get(path).await.heading(), "Sign in", "{path}");
    }
    // A token is no cookie.
    let token = app.sign_in("boss", "openid").await;
    assert_eq!(app.get("/admin").bearer(token.str("access_token")).send().await.heading(), "Sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_desk_is_offered_and_granted_no_more_than_it_may_do() {
    let (app, _) = boss().await;
    app.sql("INSERT INTO roles (name, delegated, version, created_at) VALUES ('desk', FALSE, 0, 0)").await;
    app.sql("INSERT INTO role_scopes VALUES ('desk', 'admin:users')").await;
    app.add_user("helper", &["desk"]).await;
    let helper = app.signed_in("helper").await;
    let page = helper.get("/admin/users/alice").await;
    assert!(page.text.contains("End all devices") && !page.text.contains("Disable and end everything"), "{}", page.text);
    assert_eq!(helper.get("/admin/keys").await.status, 403);
    let (_, csrf) = page.hidden("/admin/users/alice").into_iter().find(|(name, _)| name == "csrf").unwrap();
    let refused = helper.post("/admin/users/boss", &[("csrf", csrf.as_str()), ("action", "end-sessions")]).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert!(refused.text.contains("nly an administrator may act"), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_after_the_session_has_ended_loses_nothing_that_was_typed() {
    let (app, browser) = boss().await;
    for path in ["/admin/groups/new", "/admin/users/alice/edit", "/admin/clients/new?preset=web"] {
        let form = browser.get(path).await;
        app.sql("DELETE FROM sessions").await;
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        let hidden = form.hidden(path);
        let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.extend([("name", "Night <shift>"), ("client_name", "Night <shift>")]);
        let answer = browser.post_with(path, &fields, ("sec-fetch-site", "same-origin")).await;
        assert_eq!((answer.status, answer.heading()), (400, "Your session has ended"), "{path}: {}", answer.text);
        assert!(answer.text.contains("Night &#60;shift&#62;") && answer.text.contains("/sign-in?next=%2Fadmin"), "{path}: {}", answer.text);
        browser.sign_in(&browser.get("/sign-in").await, "boss", PASSWORD).await;
    }
    // The page does not show a form that another site has sent.
    app.sql("DELETE FROM sessions").await;
    let foreign = browser.post_with("/admin/groups/new", &[("name", "Night shift")], ("origin", "https://evil.example")).await;
    assert!(!foreign.text.contains("Night"), "{}", foreign.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dangerous_asks_for_the_password_and_names_what_is_lost() {
    let (app, browser) = boss().await;
    let page = browser.get("/admin/users/alice").await;
    let asked = browser.submit(&page, "/admin/users/alice", &[("action", "disable")]).await;
    assert_eq!(asked.heading(), "Disable alice?");
    assert!(users::show(&app.reading(), "alice").await.unwrap().enabled, "nothing happens before it is confirmed");
    let wrong = browser.submit(&asked, "/admin/users/alice", &[("confirm_password", "not the password")]).await;
    assert_eq!((wrong.status, wrong.heading()), (400, "Disable alice?"));
    let done = browser.submit(&wrong, "/admin/users/alice", &[("confirm_password", PASSWORD)]).await;
    assert!(done.text.contains("Disabled."), "{}", done.text);
    assert!(!users::show(&app.reading(), "alice").await.unwrap().enabled);
    // The name of whoever did it stands in the trail.
    assert_eq!(
        app.count("SELECT count(*) FROM audit_events WHERE event = 'user_disabled' AND actor_kind = 'user' AND face = 'page'").await,
        1
    );
    // The last administrator stays: the page says so and nothing changes.
    let page = browser.get("/admin/users/boss").await;
    app.sql("DELETE FROM user_roles WHERE user_id IN (SELECT id FROM users WHERE username = 'admin')").await;
    let refused = browser.submit(&page, "/admin/users/boss", &[("action", "disable")]).await;
    assert!(refused.status == 400 && refused.text.contains("o administrator would remain"), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_add_and_change_and_keep_what_was_typed() {
    let (app, browser) = boss().await;
    let form = browser.get("/admin/groups/new").await;
    let typed = [("name", "a,b"), ("display_name", "Ops & <friends>"), ("roles", "clerk\nnone")];
    let refused = browser.submit(&form, "/admin/groups/new", &typed).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("Ops &#38; &#60;friends&#62;") && refused.text.contains("without commas"), "{}", refused.text);
    let added = browser.submit(&form, "/admin/groups/new", &[("name", "on call"), ("roles", "clerk")]).await;
    assert_eq!(added.heading(), "on call");
    let members = browser.get("/admin/groups/on%20call/members").await;
    let page = browser.submit(&members, "/admin/groups/on%20call/members", &[("add", "alice\r\nboss")]).await;
    assert!(page.text.contains("2 users gain the group on call: alice, boss."), "{}", page.text);
    let page = browser.submit(&page, "/admin/groups/on%20call/members", &[]).await;
    assert!(page.text.contains("Members: 2.") && page.text.contains("/admin/users/alice"), "{}", page.text);
    // A user is added with a password that is shown once.
    let form = browser.get("/admin/users/new").await;
    let asked = browser.submit(&form, "/admin/users/new", &[("username", "Carol"), ("groups", "on call")]).await;
    assert!(asked.text.contains("They get these roles and groups: on call."), "{}", asked.text);
    assert!(users::show(&app.reading(), "carol").await.is_err());
    let shown = browser.submit(&asked, "/admin/users/new", &[("confirm_password", PASSWORD)]).await;
    assert!(shown.text.contains("It is not shown again"), "{}", shown.text);
    assert_eq!(users::show(&app.reading(), "carol").await.unwrap().groups, ["on call"]);
    // More rights need the password; fewer do not.
    let form = browser.get("/admin/users/carol/roles").await;
    let asked = browser.submit(&form, "/admin/users/carol/roles", &[("roles", "clerk")]).await;
    assert_eq!(asked.heading(), "Give carol more rights?");
    browser.submit(&asked, "/admin/users/carol/roles", &[("confirm_password", PASSWORD)]).await;
    assert_eq!(users::show(&app.reading(), "carol").await.unwrap().roles, ["clerk"]);
    // A form of another site, without the token of this browser, changes nothing.
    let stolen = browser.post("/admin/users/carol/roles", &[("roles", "")]).await;
    assert_eq!(stolen.status, 403);
    assert_eq!(users::show(&app.reading(), "carol").await.unwrap().roles, ["clerk"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_leads_back_to_the_page_of_the_administration_and_nowhere_else() {
    let (app, _) = boss().await;
    let browser = app.browser();
    let asked = browser.get("/admin/audit?by=user&value=alice%2B1").await;
    assert_eq!(asked.heading(), "Sign in");
    let wrong = browser.sign_in(&asked, "boss", "not the password").await;
    let hidden = wrong.hidden("/sign-in");
    assert!(hidden.contains(&("next".to_owned(), "/admin/audit?by=user&value=alice%2B1".to_owned())), "{hidden:?}");
    let page = browser.sign_in(&wrong, "boss", PASSWORD).await;
    assert_eq!(page.heading(), "Audit", "{}", page.text);
    assert!(page.text.contains("value=\"alice+1\""), "the query comes back too: {}", page.text);
    assert_eq!(browser.get("/sign-in?next=%2Fadmin%2Fkeys").await.heading(), "Keys", "whoever is signed in goes there at once");
    // Whoever is no administrator is told so there.
    let alice = app.browser();
    let asked = alice.get("/admin/keys").await;
    assert_eq!(alice.sign_in(&asked, "alice", PASSWORD).await.status, 403);
    for elsewhere in [
        "https://evil.example/",
        "//evil.example/admin",
        "/\\evil.example",
        "/admin/../authorize?client_id=web",
        "/admin/%2E%2e/authorize",
        "/admin//evil.example",
        "/administrator",
        "/account/password",
        "/admin/keys\r\nLocation: https://evil.example",
        "admin",
        "javascript:alert(1)",
    ] {
        let browser = app.browser();
        let encoded: String = url::form_urlencoded::byte_serialize(elsewhere.as_bytes()).collect();
        let page = browser.get(&format!("/sign-in?next={encoded}")).await;
        assert!(!page.text.contains("name=\"next\""), "{elsewhere}: {}", page.text);
        let mut fields = page.hidden("/sign-in");
        fields.extend(
            [("next", elsewhere), ("username", "boss"), ("password", PASSWORD)].map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let led = browser.post_once("/sign-in", &fields).await;
        assert_eq!((led.status, led.header("location")), (303, "/account"), "{elsewhere}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_of_the_administration_without_a_page_says_so_on_a_page() {
    let (app, browser) = boss().await;
    for path in ["/admin/nothing", "/admin/users/alice/nothing", "/admin/keys/x/y"] {
        let page = browser.get(path).await;
        assert_eq!((page.status, page.heading()), (404, "There is nothing here"), "{path}");
        assert!(page.text.contains("Go to the administration"), "{path}: {}", page.text);
        assert_eq!(app.browser().get(path).await.heading(), "Sign in", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_twice_counts_once_and_forms_use_plain_words() {
    let (app, browser) = boss().await;
    let path = "/admin/users/alice/roles";
    let asked = browser.submit(&browser.get(path).await, path, &[("roles", "clerk\nadmin\nadmin\n")]).await;
    assert!(asked.text.contains("alice gets the roles: admin. "), "{}", asked.text);
    let form = browser.get("/admin/users/alice/edit").await;
    assert!(form.text.contains(">Given name</label>") && form.text.contains("The claim given_name."), "{}", form.text);
    let client = browser.get("/admin/clients/web").await;
    for words in ["demanded of every sign-in", "People sign in to it with the browser (authorization_code). It gets new tokens"] {
        assert!(client.text.contains(words), "{words}: {}", client.text);
    }
    // The clients of the first start are of no use to people who administer nothing.
    let of = async |username: &str| {
        let page = browser.get(&format!("/admin/users/{username}")).await;
        page.text.split("Applications they may sign in to").nth(1).unwrap().split("</section>").next().unwrap().to_owned()
    };
    let (alice, boss) = (of("alice").await, of("boss").await);
    assert!(!alice.contains("/admin/clients/cli") && !alice.contains("/admin/clients/api%2Ddocs"), "{alice}");
    assert!(
        alice.contains("/admin/clients/web") && boss.contains("/admin/clients/cli") && boss.contains("/admin/clients/api%2Ddocs"),
        "{boss}"
    );
    drop(app);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_that_would_then_be_refused() {
    let (app, browser) = boss().await;
    let csrf = browser.get("/admin/users/alice").await.hidden("/admin/users/alice").into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let post = async |path: &str, fields: &[(&str, &str)]| browser.post(path, &[&[("csrf", csrf.as_str())], fields].concat()).await;
    let userinfo = url::form_urlencoded::byte_serialize(format!("{}/userinfo", app.app.settings.issuer).as_bytes()).collect::<String>();
    let kid = signet_issuer::admin::keys::list(&app.reading()).await.unwrap()[0].kid.clone();
    for (path, fields, status, reason) in [
        ("/admin/keys", vec![("action", "revoke"), ("kid", "nonsense")], 404, "here is no key nonsense"),
        (&format!("/admin/resources/{userinfo}"), vec![("action", "remove")], 400, "is built in"),
        ("/admin/roles/admin", vec![("action", "remove")], 400, "he role admin is built in"),
        (
            "/admin/clients/web/claim",
            vec![("claim", "iss"), ("source", "groups"), ("in_userinfo", "true")],
            400,
            "the protocol does not use",
        ),
        (
            "/admin/clients/web/claim",
            vec![("claim", "x"), ("source", "attribute"), ("field", "none"), ("in_userinfo", "true")],
            400,
            "there is no attribute none",
        ),
        (
            "/admin/clients/web/claim",
            vec![("claim", "x"), ("source", "fixed"), ("value", "{"), ("in_userinfo", "true")],
            400,
            "JSON, such as",
        ),
        ("/admin/clients/none/claim", vec![("claim", "x"), ("source", "groups"), ("in_userinfo", "true")], 404, "here is no client none"),
    ] {
        let version = clients::show(&app.reading(), "web").await.unwrap().version.to_string();
        let refused = post(path, &[&fields[..], &[("version", version.as_str())]].concat()).await;
        assert!(refused.status == status && refused.text.contains(reason), "{path} {fields:?}: {} {}", refused.status, refused.text);
        assert!(!refused.text.contains("confirm_password"), "{path}: {}", refused.text);
    }
    // A key is revoked once, and a second one is not published while the first one waits.
    for (action, reason) in [("rotate", "is published already"), ("revoke", "is not in the JWKS any more")] {
        let fields = [("action", action), ("kid", kid.as_str())];
        let asked = post("/admin/keys", &fields).await;
        let done = browser.submit(&asked, "/admin/keys", &[("confirm_password", PASSWORD)]).await;
        assert_eq!(done.status, 200, "{action}: {}", done.text);
        let again = post("/admin/keys", &fields).await;
        assert!(again.status == 400 && again.text.contains(reason), "{action}: {}", again.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_set_tried_and_taken_away() {
    let (app, browser) = boss().await;
    let draft = GroupDraft { name: "platform".to_owned(), ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    let alice = ["alice".to_owned()];
    app.operate(|change| Box::pin(groups::change_members(change, "platform", &alice, &[]))).await.unwrap();
    let form = browser.get("/admin/clients/web/claim").await;
    let typed = [
        ("claim", "policy"),
        ("source", "group_map"),
        ("map", "platform=readwrite"),
        ("shape", "first"),
        ("in_id_token", "true"),
        ("in_userinfo", "true"),
    ];
    let asked = browser.submit(&form, "/admin/clients/web/claim", &typed).await;
    let saved = browser.submit(&asked, "/admin/clients/web/claim", &[("confirm_password", PASSWORD)]).await;
    assert!(saved.text.contains(">platform</a> gives &#34;readwrite&#34;"), "{}", saved.text);
    let tried = browser.get("/admin/clients/web/try?user=alice&scope=openid+email+orders%3Aread").await;
    for part in ["readwrite", "scope email", "alice@example.com", "granted"] {
        assert!(tried.text.contains(part), "{part}: {}", tried.text);
    }
    let unknown = browser.get("/admin/clients/web/try?user=nobody").await;
    assert_eq!(unknown.status, 400);
    let form = browser.get("/admin/clients/web/claim?claim=policy").await;
    let asked = browser.submit(&form, "/admin/clients/web/claim", &[("stored", "policy")]).await;
    let lost = "Web Shop no longer gets the claim policy in ID tokens and UserInfo. \
                Its value comes from the group map: platform gives &#34;readwrite&#34;.";
    assert!(asked.text.contains(lost), "{}", asked.text);
    browser.submit(&asked, "/admin/clients/web/claim", &[("confirm_password", PASSWORD)]).await;
    assert!(client_claims::list(&app.reading(), "web").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_renamed_and_replaces_no_other() {
    let (app, browser) = boss().await;
    let path = "/admin/clients/web/claim";
    let of_field = |claim: &'static str| {
        vec![("claim", claim), ("source", "user"), ("field", "username"), ("shape", "first"), ("in_userinfo", "true")]
    };
    let names = async || -> Vec<String> {
        let claims = client_claims::list(&app.reading(), "web").await.unwrap();
        claims.into_iter().map(|claim| claim.claim).collect()
    };
    for claim in ["login", "account"] {
        let asked = browser.submit(&browser.get(path).await, path, &of_field(claim)).await;
        browser.submit(&asked, path, &[("confirm_password", PASSWORD)]).await;
    }
    assert_eq!(names().await, ["account", "login"]);
    // A form for a new claim does not replace one, and neither does one for another claim.
    let taken = browser.submit(&browser.get(path).await, path, &of_field("login")).await;
    assert!(taken.text.contains("the client web has the claim login already"), "{}", taken.text);
    let edit = browser.get(&format!("{path}?claim=account")).await;
    let taken = browser.submit(&edit, path, &[of_field("login"), vec![("stored", "account")]].concat()).await;
    assert!(taken.text.contains("the client web has the claim login already"), "{}", taken.text);
    let asked = browser.submit(&edit, path, &[of_field("nickname"), vec![("stored", "account")]].concat()).await;
    assert!(asked.text.contains("is told the claim nickname") && asked.text.contains("no longer gets the claim account"), "{}", asked.text);
    browser.submit(&asked, path, &[("confirm_password", PASSWORD)]).await;
    assert_eq!(names().await, ["login", "nickname"]);
}
