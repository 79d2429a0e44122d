//! A one-time link sets a password once, for 24 hours, and ends everything that was signed in before.

use signet_issuer::accounts::password_link::LIFETIME;
use signet_issuer::admin::{change, users};
use signet_issuer::audit::{Actor, Face, Who};

use crate::support::{PASSWORD, TestApp};

const CHOSEN: &str = "a better passphrase than before";

impl TestApp {
    /// Makes a link for `username` and returns its path.
    async fn link_of(&self, username: &str) -> String {
        let id = users::show(&self.reading(), username).await.unwrap().id;
        let made = self.operate(|change| Box::pin(users::make_link(change, id))).await.unwrap();
        made.url.strip_prefix(&self.url).unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_sets_a_password_once_and_ends_everything() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let signed_in = app.signed_in("alice").await;
    let refresh = app.sign_in("alice", "").await.str("refresh_token").to_owned();
    for _ in 0..12 {
        app.try_password("alice", "wrong", "").await;
    }
    let link = app.link_of("alice").await;
    assert_eq!(app.count("SELECT count(*) FROM password_links").await, 1);
    let token = link.split_once('=').unwrap().1.to_owned();
    let kept = format!("SELECT count(*) FROM password_links WHERE hash LIKE '%{token}%'");
    assert_eq!(app.count(&kept).await, 0, "only the hash is stored");
    let browser = app.browser();
    // Programs that check mail open links. That changes nothing.
    for _ in 0..2 {
        let page = browser.get(&link).await;
        assert_eq!((page.status, page.heading()), (200, "Set your password"), "{}", page.text);
        assert!(page.text.contains("alice"));
    }
    let page = browser.get(&link).await;
    for (new, again, text) in [("short", "short", "8 to 256"), (CHOSEN, PASSWORD, "differ"), ("alice12345", "alice12345", "too easy")] {
        let refused = browser.submit(&page, "/set-password", &[("new_password", new), ("repeat_password", again)]).await;
        assert!(refused.status == 400 && refused.text.contains(text), "{text}: {} {}", refused.status, refused.text);
    }
    assert_eq!(signed_in.get("/account").await.heading(), "Profile", "nothing has happened yet");
    let set = browser.submit(&page, "/set-password", &[("new_password", CHOSEN), ("repeat_password", CHOSEN)]).await;
    assert_eq!((set.status, set.heading()), (200, "Your password is set"), "{}", set.text);
    assert_eq!(signed_in.get("/account").await.heading(), "Sign in");
    assert_eq!(app.refresh(&refresh).await.str("error"), "invalid_grant");
    // The wrong passwords before are forgotten, so the person need not wait.
    let sign_in = browser.get("/sign-in").await;
    assert_eq!(browser.sign_in(&sign_in, "alice", CHOSEN).await.heading(), "Profile");
    let again = browser.submit(&page, "/set-password", &[("new_password", PASSWORD), ("repeat_password", PASSWORD)]).await;
    assert_eq!((again.status, again.heading()), (400, "This link can no longer be used"));
    assert_eq!(app.browser().get(&link).await.heading(), "This link can no longer be used");
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'password_set_by_link' AND face = 'page'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_the_help_desk_does_not_open_for_who_has_become_an_administrator() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let id = users::show(&app.reading(), "alice").await.unwrap().id;
    let helper = Actor { face: Face::Api, ..Actor::local(Who::User(uuid::Uuid::nil()), Face::Api) };
    let helper = helper.with_scopes(["admin:users"].into_iter().collect(), Some(app.clock_now()));
    let made = change(&app.app, &helper, |change| Box::pin(users::make_link(change, id))).await.unwrap();
    let link = made.url.strip_prefix(&app.url).unwrap();
    let (browser, admin) = (app.browser(), ["admin".to_owned()]);
    let page = browser.get(link).await;
    assert_eq!(page.heading(), "Set your password");
    app.operate(|change| Box::pin(users::change_roles(change, id, &admin, &[]))).await.unwrap();
    assert_eq!(browser.get(link).await.heading(), "This link can no longer be used");
    let refused = browser.submit(&page, "/set-password", &[("new_password", CHOSEN), ("repeat_password", CHOSEN)]).await;
    assert_eq!(refused.heading(), "This link can no longer be used");
    // That of an administrator does.
    assert_eq!(browser.get(&app.link_of("alice").await).await.heading(), "Set your password");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_dies_by_a_newer_one_by_time_and_by_whatever_changes_the_account() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await;
    let heading = async |link: &str| app.browser().get(link).await.heading().to_owned();
    let (set, spent) = ("Set your password", "This link can no longer be used");
    let [first, second] = [app.link_of("alice").await, app.link_of("alice").await];
    let other = app.link_of("bob").await;
    assert_eq!((heading(&first).await, heading(&second).await), (spent.to_owned(), set.to_owned()));
    assert_eq!(heading(&other).await, set, "the link of another user stays");
    app.disable_user("alice").await;
    assert_eq!(heading(&second).await, spent);
    let id = users::show(&app.reading(), "alice").await.unwrap().id;
    let refused = app.operate(|change| Box::pin(users::make_link(change, id))).await.err().unwrap();
    assert!(refused.to_string().contains("disabled"), "{refused}");
    app.operate(|change| Box::pin(users::enable(change, id))).await.unwrap();
    assert_eq!(heading(&second).await, spent, "what was ended stays ended");
    // A person who changes their own password needs the link no more.
    let browser = app.signed_in("bob").await;
    let page = browser.get("/account/password").await;
    let typed = [("current_password", PASSWORD), ("new_password", CHOSEN), ("repeat_password", CHOSEN)];
    browser.submit(&page, "/account/password", &typed).await;
    assert_eq!(heading(&other).await, spent);
    let last = app.link_of("alice").await;
    app.advance(LIFETIME.unsigned_abs() - 1);
    assert_eq!(heading(&last).await, set);
    app.advance(1);
    assert_eq!(heading(&last).await, spent);
    let (store, now) = (app.app.store.writer(), app.clock_now());
    assert_eq!(signet_issuer::store::password_links::purge(store, now, 10).await.unwrap(), 1);
    assert_eq!(app.count("SELECT count(*) FROM password_links").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_use_a_link_at_once_one_sets_the_password() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let link = app.link_of("alice").await;
    let (one, other) = (app.browser(), app.browser());
    let (page, page_of_other) = (one.get(&link).await, other.get(&link).await);
    let typed = [("new_password", CHOSEN), ("repeat_password", CHOSEN)];
    let (a, b) = tokio::join!(one.submit(&page, "/set-password", &typed), other.submit(&page_of_other, "/set-password", &typed));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "{} {}", a.text, b.text);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'password_set_by_link'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_links_must_wait_and_other_sites_send_no_form() {
    let app = TestApp::with(|settings| settings.address_attempts = 5).await.with_orders().await.with_user("alice").await;
    let link = app.link_of("alice").await;
    let browser = app.browser();
    let page = browser.get(&link).await;
    let typed = [("new_password", CHOSEN), ("repeat_password", CHOSEN)];
    for _ in 0..5 {
        let guessed = browser.submit(&page, "/set-password", &[("link", "guessed"), typed[0], typed[1]]).await;
        assert_eq!(guessed.heading(), "This link can no longer be used");
    }
    let waits = browser.submit(&page, "/set-password", &typed).await;
    assert!(waits.status == 429 && waits.text.contains("Too many attempts"), "{} {}", waits.status, waits.text);
    let foreign = browser.post_with("/set-password", &[("link", "x"), typed[0], typed[1]], ("origin", "https://evil.example")).await;
    assert_eq!(foreign.status, 403, "{}", foreign.text);
    // A form without the token of this browser is shown again.
    let token = link.split_once('=').unwrap().1;
    let stranger = app.browser().post("/set-password", &[("link", token), typed[0], typed[1]]).await;
    assert!(stranger.status == 400 && stranger.text.contains("sent no cookie with this form"), "{}", stranger.text);
    let other = app.browser();
    other.get(&link).await;
    let changed = other.post("/set-password", &[("link", token), typed[0], typed[1]]).await;
    assert!(changed.status == 400 && changed.text.contains("has changed since the page was shown"), "{}", changed.text);
    assert_eq!(app.count("SELECT count(*) FROM password_links").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_without_a_link_does_not_speak_of_one_that_was_used() {
    let app = TestApp::new().await;
    for path in ["/set-password", "/set-password?link="] {
        let page = app.browser().get(path).await;
        assert_eq!((page.status, page.heading()), (400, "This page cannot be opened on its own"), "{path}");
        assert!(!page.text.contains("used before"), "{}", page.text);
    }
    assert_eq!(app.browser().get("/set-password?link=x").await.heading(), "This link can no longer be used");
}
