//! A user who knows the current password can change it, and the change ends the other sessions and the authorizations.

use signet_issuer::admin::authorizations::{self, AuthorizationFilter};
use signet_issuer::admin::users::{self, PasswordHash};

use crate::pages::account::app;
use crate::support::{Answer, Browser, PASSWORD, SECRET, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn only_a_user_who_knows_the_password_can_change_it() {
    let app = app().await;
    let (browser, other) = (app.signed_in("alice").await, app.signed_in("alice").await);
    let page = browser.get("/account/password").await;
    assert!(page.text.contains("Firefox on Linux, address 127.0.0.1"));
    let chosen = "my very own horse staple";
    for (current, new, repeated, expected) in [
        ("wrong password", chosen, chosen, "This is not your current password."),
        ("", chosen, chosen, "Type your current password."),
        (PASSWORD, chosen, "another one altogether", "The two new passwords differ."),
        (PASSWORD, PASSWORD, PASSWORD, "Choose a password that differs"),
        (PASSWORD, "short", "short", "Choose a password of 8 to 256 characters."),
        (PASSWORD, "password1", "password1", "too easy to guess"),
        (PASSWORD, "alice@example.com", "alice@example.com", "too easy to guess"),
    ] {
        let fields = [("current_password", current), ("new_password", new), ("repeat_password", repeated)];
        let answer = browser.submit(&page, "/account/password", &fields).await;
        assert_eq!(answer.status, 400, "{expected}");
        assert!(answer.text.contains(expected), "{expected}: {}", answer.text);
    }
    let before = browser.cookie();
    let fields = [("current_password", PASSWORD), ("new_password", chosen), ("repeat_password", chosen)];
    let answer = browser.submit(&page, "/account/password", &fields).await;
    assert!(answer.text.contains("Your password is changed."), "{}", answer.text);
    assert_ne!(browser.cookie(), before);
    assert_eq!(browser.get("/account").await.heading(), "Profile");
    assert_eq!(other.get("/account").await.heading(), "Sign in");
    assert_eq!(app.sign_in("alice", "").await.error(), (400, "invalid_grant"));
    assert_eq!(app.try_password("alice", chosen, "").await.status, 200);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'password_changed'").await, 1);
}

const CHOSEN: &str = "my very own horse staple";

/// Everything that can use the account of alice, and the browser in which she changes something.
struct Everything {
    browser: Browser,
    other: Browser,
    /// The refresh tokens, each with its client and whether it was given in `browser` and ends with it.
    tokens: Vec<(&'static str, Answer)>,
    code: String,
}

impl Everything {
    async fn of(app: &TestApp) -> Self {
        let (browser, other) = (app.signed_in("alice").await, app.signed_in("alice").await);
        let offline = [("scope", "openid offline_access"), ("prompt", "consent")];
        let tokens = vec![
            ("here", app.code_flow(&browser, &[]).await),
            ("here, offline", app.code_flow(&browser, &offline).await),
            ("elsewhere", app.code_flow(&other, &[]).await),
            ("elsewhere, offline", app.code_flow(&other, &offline).await),
            ("by password", app.sign_in("alice", "openid orders:read").await),
        ];
        let code = other.code(&app.authorize(&[])).await;
        Self { browser, other, tokens, code }
    }

    /// Returns what still lives. Everything that is named here can still get tokens, or show the account.
    async fn alive(&self, app: &TestApp) -> Vec<&'static str> {
        let mut alive = Vec::new();
        for (name, tokens) in &self.tokens {
            let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.str("refresh_token"))];
            let refreshed = match *name {
                "by password" => app.refresh(tokens.str("refresh_token")).await,
                _ => app.post("/token").basic_auth("web", SECRET).form(&form).send().await,
            };
            let shown = app.get("/userinfo").bearer(tokens.str("access_token")).send().await.status;
            assert_eq!(refreshed.status == 200, shown != 401, "{name}: {} {shown}", refreshed.text);
            alive.extend((refreshed.status == 200).then_some(*name));
        }
        alive.extend((app.redeem(&self.code, &[]).await.status == 200).then_some("code"));
        alive.extend((self.browser.get("/account").await.heading() == "Profile").then_some("browser"));
        alive.extend((self.other.get("/account").await.heading() == "Profile").then_some("other browser"));
        alive
    }

    async fn change(&self, kept: &[&str]) {
        let page = self.browser.get("/account/password").await;
        let offered = page.text.split("name=\"keep-").skip(1).map(|field| {
            let name = match field {
                label if label.split("</label>").next().unwrap().contains("without a browser") => "by password",
                label if label.split("</label>").next().unwrap().contains("with this browser") => "here, offline",
                _ => "elsewhere, offline",
            };
            (name, format!("keep-{}", field.split('"').next().unwrap()))
        });
        let keep: Vec<String> = offered.filter(|(name, _)| kept.contains(name)).map(|(_, field)| field).collect();
        assert_eq!(keep.len(), kept.len(), "{}", page.text);
        let mut fields = vec![("current_password", PASSWORD), ("new_password", CHOSEN), ("repeat_password", CHOSEN)];
        fields.extend(keep.iter().map(|name| (name.as_str(), "yes")));
        let answer = self.browser.submit(&page, "/account/password", &fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_everything_but_the_session_that_makes_the_change() {
    let all = ["here", "here, offline", "elsewhere", "elsewhere, offline", "by password", "code", "browser", "other browser"];
    let here = ["here", "browser"];
    let app = app().await;
    assert_eq!(Everything::of(&app).await.alive(&app).await, all);

    let everything = Everything::of(&app).await;
    everything.change(&[]).await;
    assert_eq!(everything.alive(&app).await, here);
    assert_eq!(
        app.count("SELECT count(*) FROM audit_events WHERE event = 'password_changed' AND detail LIKE '%\"sessions_ended\":3%'").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_keeps_the_apps_that_they_name_but_not_after_a_forced_change() {
    let app = app().await;
    let everything = Everything::of(&app).await;
    everything.change(&["by password", "elsewhere, offline"]).await;
    assert_eq!(everything.alive(&app).await, ["here", "elsewhere, offline", "by password", "browser"]);

    // Someone else may have seen a generated password, so a forced change keeps nothing, even if the form asks for it.
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.generate_password("alice").await;
    let (browser, other) = (app.signed_in("alice").await, app.signed_in("alice").await);
    let by_password = app.sign_in("alice", "orders:read").await;
    let page = browser.get("/account/password").await;
    assert!(page.text.contains("will be signed out") && !page.text.contains("name=\"keep-"), "{}", page.text);
    let id = authorizations::list(&app.reading(), &AuthorizationFilter::default(), &app.window()).await.unwrap().items.remove(0).id;
    let keep = format!("keep-{id}");
    let fields = [("current_password", PASSWORD), ("new_password", CHOSEN), ("repeat_password", CHOSEN), (keep.as_str(), "yes")];
    assert_eq!(browser.submit(&page, "/account/password", &fields).await.status, 200);
    assert_eq!(app.refresh(by_password.str("refresh_token")).await.error(), (400, "invalid_grant"));
    assert_eq!((browser.get("/account").await.heading(), other.get("/account").await.heading()), ("Profile", "Sign in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_authorizations_of_one_app_are_told_apart_and_the_latest_comes_first() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    for _ in 0..3 {
        app.sign_in("alice", "openid orders:read").await;
        app.advance(5);
    }
    let page = browser.get("/account/password").await;
    let labels: Vec<&str> = page.text.split("<label for=\"keep-").skip(1).map(|label| label.split("</label>").next().unwrap()).collect();
    let given: Vec<&str> = labels.iter().map(|label| label.split("Given ").nth(1).unwrap().split(". ").next().unwrap()).collect();
    assert_eq!(given, ["1 January 2026, 00:00:10 UTC", "1 January 2026, 00:00:05 UTC", "1 January 2026, 00:00:00 UTC"], "{}", page.text);
    // The page about devices lists them in the same way.
    let page = browser.get("/account/devices").await;
    let listed: Vec<&str> = page.text.split("<p class=\"meta\">Given ").skip(1).map(|row| row.split(". ").next().unwrap()).collect();
    assert_eq!(listed, given, "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_else_ends_on_demand_and_by_an_operator() {
    let app = app().await;
    let everything = Everything::of(&app).await;
    let page = everything.browser.get("/account/devices").await;
    everything.browser.submit(&page, "/account/devices", &[("action", "end-others")]).await;
    assert_eq!(everything.alive(&app).await, ["here", "browser"]);
    assert_eq!(
        app.count("SELECT count(*) FROM audit_events WHERE event = 'others_ended' AND detail LIKE '%\"authorizations_ended\":4%'").await,
        1
    );

    let everything = Everything::of(&app).await;
    let page = everything.browser.get("/account/devices").await;
    everything.browser.submit(&page, "/account/devices", &[("action", "end-all")]).await;
    assert!(everything.alive(&app).await.is_empty());

    let everything = Everything::of(&app).await;
    let id = users::show(&app.reading(), "alice").await.unwrap().id;
    let hash = PasswordHash::chosen(&app.app, CHOSEN.into(), &["alice"]).await.unwrap();
    app.operate(|change| Box::pin(users::set_password(change, id, hash))).await.unwrap();
    assert!(everything.alive(&app).await.is_empty());
}
