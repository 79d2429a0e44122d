//! A client is for everyone, or for the members of its groups. Every way to tokens and to claims asks for the membership.

use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::patch::Patch;
use signet_issuer::config::Settings;
use signet_issuer::oauth::access::Access;

use crate::support::{Answer, PASSWORD, SECRET, TestApp, at_once};

impl TestApp {
    async fn add_group(&self, name: &str, members: &[&str]) {
        let draft = GroupDraft { name: name.to_owned(), ..GroupDraft::default() };
        self.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
        self.change_members(name, members, &[]).await;
    }

    async fn change_members(&self, name: &str, add: &[&str], remove: &[&str]) {
        let [add, remove] = [add, remove].map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        self.operate(|change| Box::pin(groups::change_members(change, name, &add, &remove))).await.unwrap();
    }

    async fn give_to_groups(&self, client: &str, names: &[&str]) {
        let groups = Patch::Set(names.iter().map(|name| (*name).to_owned()).collect());
        let patch = ClientPatch { access: Patch::Set(Access::Groups), groups, ..ClientPatch::default() };
        self.edit_client(client, patch).await.unwrap();
    }
}

/// An issuer whose clients `shop` and `web` are for the members of the group `staff`, to which alice belongs.
async fn app(change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = TestApp::with(change).await.with_orders().await.with_user("alice").await.with_user("bob").await.with_web().await;
    app.add_group("staff", &["alice"]).await;
    for client in ["shop", "web"] {
        app.give_to_groups(client, &["staff"]).await;
    }
    app
}

async fn password(app: &TestApp, username: &str) -> Answer {
    let form = [
        ("grant_type", "password"),
        ("client_id", "shop"),
        ("username", username),
        ("password", PASSWORD),
        ("scope", "openid orders:read"),
    ];
    app.token(&form).await
}

/// The ways in which a member loses the access.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Left,
    Deleted,
    OtherGroup,
}

async fn lose(app: &TestApp, loss: Loss) {
    match loss {
        Loss::Left => app.change_members("staff", &[], &["alice"]).await,
        Loss::Deleted => drop(app.operate(|change| Box::pin(groups::remove(change, "staff"))).await.unwrap()),
        Loss::OtherGroup => {
            app.add_group("others", &["bob"]).await;
            for client in ["shop", "web"] {
                app.give_to_groups(client, &["others"]).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_grant_and_every_look_up_asks_for_membership() {
    for loss in [Loss::Left, Loss::Deleted, Loss::OtherGroup] {
        let app = app(|_| {}).await;
        let given = password(&app, "alice").await;
        assert_eq!(given.status, 200, "{}", given.text);
        assert_eq!(password(&app, "bob").await.error(), (400, "invalid_grant"), "bob is no member");
        let refreshed = app.refresh(given.str("refresh_token")).await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.text);
        let browser = app.signed_in("alice").await;
        let web = app.code_flow(&browser, &[]).await;
        assert_eq!(app.get("/userinfo").bearer(web.str("access_token")).send().await.status, 200);
        assert!(app.introspect("web", given.str("access_token")).await.text.contains("\"active\":true"));
        let code = browser.code(&app.authorize(&[])).await;

        lose(&app, loss).await;
        assert_eq!(password(&app, "alice").await.error(), (400, "invalid_grant"), "{loss:?}");
        assert_eq!(app.refresh(refreshed.str("refresh_token")).await.error(), (400, "invalid_grant"), "{loss:?}");
        assert_eq!(app.redeem(&code, &[]).await.error(), (400, "invalid_grant"), "{loss:?}");
        assert_eq!(app.get("/userinfo").bearer(web.str("access_token")).send().await.status, 401, "{loss:?}");
        assert!(app.introspect("web", given.str("access_token")).await.text.contains("\"active\":false"), "{loss:?}");

        // Nothing was spent or ended, so that a member who comes back goes on as before.
        let staff = if matches!(loss, Loss::Left) { "staff" } else { "again" };
        if staff == "again" {
            app.add_group("again", &[]).await;
        }
        app.change_members(staff, &["alice"], &[]).await;
        for client in ["shop", "web"] {
            app.give_to_groups(client, &[staff]).await;
        }
        assert_eq!(app.refresh(refreshed.str("refresh_token")).await.status, 200, "{loss:?}");
        // The access tokens of before are refused for good.
        assert_eq!(app.get("/userinfo").bearer(web.str("access_token")).send().await.status, 401, "{loss:?}");
        assert_eq!(app.redeem(&code, &[]).await.status, 200, "{loss:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_whom_to_ask_and_leads_back() {
    let app = app(|settings| settings.support_contact = Some("it-help@example.com".to_owned())).await;
    let browser = app.signed_in("bob").await;
    for prompt in ["", "consent", "login", "select_account"] {
        let mut page = browser.get(&app.authorize(&[("prompt", prompt)])).await;
        if prompt == "login" {
            page = browser.sign_in(&page, "bob", PASSWORD).await;
        }
        if prompt == "select_account" {
            page = browser.submit(&page, "/select-account", &[("choice", "continue")]).await;
        }
        assert_eq!(page.heading(), "You may not use Web Shop", "{prompt}");
        assert!(page.text.contains("it-help@example.com"), "{}", page.text);
        let reply = browser.submit(&page, "/no-access", &[("choice", "back")]).await.reply();
        assert_eq!(reply["error"], "access_denied", "{prompt}");
    }
    assert_eq!(browser.get(&app.authorize(&[("prompt", "none")])).await.reply()["error"], "access_denied");
    let refused =
        app.count("SELECT count(*) FROM audit_events WHERE event = 'access_refused' AND client_id = 'web' AND user_id IS NOT NULL");
    assert_eq!(refused.await, 4);

    // Another account may go on with the same request.
    let page = browser.get(&app.authorize(&[])).await;
    let page = browser.submit(&page, "/no-access", &[("choice", "other")]).await;
    assert_eq!(page.heading(), "Sign in");
    let page = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!(page.heading(), "Allow Web Shop access?");
    // Whoever becomes a member while the page is open goes on, too.
    let bob = app.signed_in("bob").await;
    let page = bob.get(&app.authorize(&[])).await;
    app.change_members("staff", &["bob"], &[]).await;
    assert_eq!(bob.submit(&page, "/no-access", &[("choice", "back")]).await.heading(), "Allow Web Shop access?");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_leaves_during_a_refresh_gets_no_tokens_afterwards() {
    let app = app(|_| {}).await;
    for _ in 0..5 {
        app.change_members("staff", &["alice"], &[]).await;
        let token = password(&app, "alice").await;
        let token = token.str("refresh_token").to_owned();
        let refresh = async || app.refresh(&token).await.status;
        let refreshes = async { at_once((0..6).map(|_| refresh()).collect()).await };
        let ((), _) = tokio::join!(app.change_members("staff", &[], &["alice"]), refreshes);
        assert_eq!(app.refresh(&token).await.error(), (400, "invalid_grant"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_for_groups_without_groups_is_refused() {
    let app = app(|_| {}).await;
    let refused = app.edit_client("web", ClientPatch { groups: Patch::Clear, ..ClientPatch::default() }).await;
    assert!(refused.unwrap_err().to_string().starts_with("groups: expected the name of one or more groups"));
    let groups = Patch::Set(vec!["nobody".to_owned()]);
    let refused = app.edit_client("web", ClientPatch { groups, ..ClientPatch::default() }).await;
    assert_eq!(refused.unwrap_err().to_string(), "groups: expected the names of existing groups, such as staff; found nobody");
    // Its other fields can be changed even after its last group was deleted.
    app.operate(|change| Box::pin(groups::remove(change, "staff"))).await.unwrap();
    let renamed = ClientPatch { client_name: Patch::Set("Shop".to_owned()), ..ClientPatch::default() };
    let edited = app.edit_client("web", renamed).await.unwrap().client;
    assert_eq!((edited.access, edited.groups.len()), (Access::Groups, 0));
    // A service client needs no user and no group.
    app.add_client("machine", false, "client_credentials", &["orders:read"]).await;
    let form = [("grant_type", "client_credentials")];
    assert_eq!(app.post("/token").form(&form).basic_auth("machine", SECRET).send().await.status, 200);
}
