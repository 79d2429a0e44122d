//! Whatever ends a session in a browser acts on the session in which the browser is, whichever of our cookies come with the request, and the page
//! says what has happened.

use crate::browser::{app, live_sessions};
use crate::support::{Answer, Browser, PASSWORD, TestApp};

const BYE: &str = "https://shop.example/bye";

/// The cookies of the browser that asks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sent {
    Nothing,
    /// Cookies that this issuer has never set.
    Unknown,
    /// Those of a session that has expired.
    Expired,
    /// Those of a session that another browser has ended, a while ago.
    EndedElsewhere,
    /// An older one, as a request has it that is under way while the cookie is replaced.
    Replaced,
    /// Only the one of the visitor, as a request has it that was sent before the sign-in was answered.
    Visitor,
    Current,
}

const ALL: [Sent; 7] = [Sent::Nothing, Sent::Unknown, Sent::Expired, Sent::EndedElsewhere, Sent::Replaced, Sent::Visitor, Sent::Current];

impl Sent {
    fn belongs_to_a_live_session(self) -> bool {
        [Self::Replaced, Self::Visitor, Self::Current].contains(&self)
    }
}

/// Returns a browser with the cookies `sent`, and the ID token of the app in its session.
async fn browser(app: &TestApp, sent: Sent) -> (Browser, String) {
    let browser = app.signed_in("alice").await;
    let hint = app.code_flow(&browser, &[]).await.str("id_token").to_owned();
    let old = browser.cookie().unwrap();
    let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
    browser.sign_in(&page, "alice", PASSWORD).await;
    match sent {
        Sent::Current => {}
        Sent::Nothing => browser.cookies().clear(),
        Sent::Replaced => browser.set_cookie(&old),
        Sent::Visitor => drop(browser.cookies().remove("signet")),
        Sent::Unknown => browser.cookies().values_mut().for_each(|value| "AAAAAAAAAAAAAAAAAAAAAA".clone_into(value)),
        Sent::Expired => app.sql(&format!("UPDATE sessions SET expires_at = {}", app.clock_now())).await,
        Sent::EndedElsewhere => app.sql(&format!("UPDATE sessions SET ended_at = {}", app.clock_now() - 1000)).await,
    }
    (browser, hint)
}

/// A request that ends a session.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Account,
    Devices,
    Confirm,
    /// The form of the confirmation, with the page of an app to which the browser goes back.
    ConfirmForApp,
    /// The link of an app, which proves by its ID token that it may sign the person out.
    Link,
    /// A link without such a proof.
    BareLink,
}

impl Way {
    async fn go(self, app: &TestApp, browser: &Browser, hint: &str) -> Answer {
        let own = ("origin", app.url.as_str());
        let confirm = |more: &[(&'static str, &'static str)]| [&[("choice", "sign-out")], more].concat();
        match self {
            Self::Account => browser.post_with("/account/sign-out", &[], own).await,
            Self::Devices => {
                let page = browser.get("/account/devices").await;
                if page.heading() == "Sign in" {
                    return page;
                }
                browser.submit(&page, "/account/devices", &[("action", "end")]).await
            }
            Self::Confirm => browser.post_with("/end_session/confirm", &confirm(&[]), own).await,
            Self::ConfirmForApp => {
                let for_app = confirm(&[("client_id", "web"), ("post_logout_redirect_uri", BYE)]);
                browser.post_with("/end_session/confirm", &for_app, own).await
            }
            Self::Link => browser.get(&format!("/end_session?id_token_hint={hint}&post_logout_redirect_uri={BYE}")).await,
            Self::BareLink => browser.get("/end_session").await,
        }
    }
}

/// Returns whether `answer` changes a cookie, so that "Back" shows no page of the person.
fn changes_a_cookie(answer: &Answer) -> bool {
    answer.headers.get_all("set-cookie").iter().any(|cookie| cookie.to_str().unwrap().starts_with("signet-notice=left."))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_sign_out_says_what_it_has_ended() {
    for sent in ALL {
        for way in [Way::Account, Way::Devices, Way::Confirm, Way::ConfirmForApp, Way::Link, Way::BareLink] {
            let app = app().await;
            let (browser, hint) = browser(&app, sent).await;
            let before = live_sessions(&app).await;
            let answer = way.go(&app, &browser, &hint).await;
            let (told, ended) = (format!("{sent:?} {way:?} {} {}", answer.status, answer.text), before - live_sessions(&app).await);
            let is_at = |heading: &str| answer.status == 200 && answer.heading() == heading;
            let at_app = answer.header("location") == BYE;
            if way == Way::Devices && sent != Sent::Current {
                // The page with the button needs the cookie itself.
                assert!(ended == 0 && is_at("Sign in"), "{told}");
            } else if way == Way::BareLink && sent.belongs_to_a_live_session() {
                assert!(ended == 0 && is_at("Sign out?"), "{told}");
                assert_eq!(
                    answer.text.contains("alice"),
                    sent == Sent::Current,
                    "only the cookie of the session tells whose it is: {told}"
                );
                let mut fields = answer.hidden("/end_session/confirm");
                fields.push(("choice".into(), "sign-out".into()));
                let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let answer = browser.post_with("/end_session/confirm", &fields, ("origin", &app.url)).await;
                assert_eq!((answer.heading(), live_sessions(&app).await), ("You are signed out", 0), "{told}");
                assert!(changes_a_cookie(&answer), "{told}");
            } else if sent.belongs_to_a_live_session() {
                assert_eq!((before, ended), (1, 1), "{told}");
                let to_app = way == Way::ConfirmForApp || way == Way::Link;
                assert!(if to_app { at_app } else { is_at("You are signed out") }, "{told}");
                // The other two redirect to a page of ours, which takes the notice away again.
                assert!([Way::Account, Way::Devices].contains(&way) || changes_a_cookie(&answer), "{told}");
            } else {
                assert_eq!(ended, 0, "{told}");
                // The session that the app names is over, so the app may go on.
                let over = way == Way::Link && before == 0;
                assert!(if over { at_app } else { !at_app && is_at("Nobody is signed in here") }, "{told}");
                assert!(!answer.text.contains("Your session on this device has ended"), "{told}");
                assert_eq!(way == Way::Link && before == 1, answer.text.contains("goes on"), "{told}");
                assert_eq!(way == Way::ConfirmForApp, answer.text.contains(&format!("href=\"{BYE}\"")), "{told}");
            }
            assert!(!answer.sets("signet"), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_leaves_the_cookie_of_another_person_alone() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let late = app.browser_with_cookies_of(&browser);
    let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
    browser.sign_in(&page, "bob", PASSWORD).await;
    // Each of these requests was sent before Bob signed in, so none of the answers may touch his cookie.
    app.advance(1000);
    let paths = ["/", "/account", "/account/devices", "/sign-in", "/signed-out", "/end_session", "/no-access", "/admin", "/nothing"];
    let mut answers = Vec::new();
    for path in paths {
        answers.push((path, late.get_once(path).await));
    }
    answers.push(("/authorize", late.get_once(&app.authorize(&[])).await));
    let forms = ["/sign-in", "/consent", "/select-account", "/account", "/account/password", "/account/devices", "/end_session/confirm"];
    for path in forms {
        answers.push((path, late.post_once(path, &[("username", "alice"), ("password", "wrong")]).await));
    }
    for (path, answer) in answers {
        assert!(!answer.sets("signet"), "{path}");
    }
    assert!(browser.get("/account").await.text.contains("bob"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_shown_to_one_person_never_signs_another_one_out() {
    for way in ["/account/sign-out", "/end_session/confirm"] {
        let app = app().await;
        let browser = app.signed_in("alice").await;
        let shown = browser.get(if way == "/account/sign-out" { "/account" } else { "/end_session?client_id=web" }).await;
        let old = app.browser_with_cookies_of(&browser);
        let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
        browser.sign_in(&page, "bob", PASSWORD).await;
        let fields = [shown.hidden(way), vec![("choice".into(), "sign-out".into())]].concat();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        for (tab, knows) in [(&browser, true), (&old, false)] {
            let asked = tab.post_with(way, &fields, ("origin", &app.url)).await;
            let told = format!("{way} {knows} {} {}", asked.status, asked.text);
            assert_eq!((asked.status, asked.heading(), live_sessions(&app).await), (200, "Sign out?", 1), "{told}");
            assert!(asked.text.contains("was shown to another person") && !asked.text.contains("alice"), "{told}");
            assert_eq!(asked.text.contains("bob"), knows, "{told}");
            assert_eq!(asked.text.contains("Web Shop"), way != "/account/sign-out", "the app that asks stays named: {told}");
            assert!(!asked.sets("signet"), "{told}");
        }
        assert!(browser.get("/account").await.text.contains("bob"));
        // Bob may agree, also with the older cookie.
        let asked = old.post_with(way, &fields, ("origin", &app.url)).await;
        let fields = [asked.hidden("/end_session/confirm"), vec![("choice".into(), "sign-out".into())]].concat();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let signed_out = old.post_with("/end_session/confirm", &fields, ("origin", &app.url)).await;
        assert_eq!((signed_out.heading(), live_sessions(&app).await), ("You are signed out", 0), "{way} {}", signed_out.text);
        assert!(old.cookie().is_some(), "no answer removes the cookie");
        // A page of a session that has ended still signs the same person out.
        let again = app.signed_in("alice").await;
        let account = again.get("/account").await;
        let page = again.get(&app.authorize(&[("prompt", "login")])).await;
        again.sign_in(&page, "alice", PASSWORD).await;
        let fields = account.hidden("/account/sign-out");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let signed_out = again.post_with("/account/sign-out", &fields, ("origin", &app.url)).await;
        assert_eq!(signed_out.heading(), "You are signed out");
    }
}
