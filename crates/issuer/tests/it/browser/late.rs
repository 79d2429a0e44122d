//! A sign-out ends the sign-ins of its browser that are under way, and clicks that meet are about one session, whichever of them comes first,
//! on whichever node, and whatever its clock shows.

use crate::browser::{app, is_signed_in, live_sessions};
use crate::support::{Answer, Browser, PASSWORD, TestApp, at_once, real_time};

const UNDER_WAY: &str = "While you signed in, your session in this browser ended";
const COUNTED: &str = "SELECT coalesce(sum(count), 0) FROM attempts WHERE account IS NOT NULL";
const ROUNDS: usize = 60;

/// Returns an issuer that compares one password at a time.
async fn slow_app() -> TestApp {
    let app = TestApp::with(|settings| settings.hash_threads = 1).await.with_orders().await;
    app.with_user("alice").await.with_user("bob").await.with_web().await
}

/// Signs `username` in with the form of `page`. The one thread that compares passwords is kept until the attempt was counted and `meanwhile` has
/// run; then `at_the_same_moment` runs while the sign-in goes on.
async fn sign_in_during<T>(
    app: &TestApp,
    browser: &Browser,
    (page, username): (&Answer, &str),
    meanwhile: impl Future<Output = ()>,
    at_the_same_moment: impl Future<Output = T>,
) -> (Answer, T) {
    let (release, kept) = std::sync::mpsc::channel::<()>();
    let thread = app.app.pool.run(move |_| kept.recv().unwrap());
    let before = app.count(COUNTED).await;
    let meanwhile = async {
        // The attempt is counted just before the password is compared.
        while app.count(COUNTED).await == before {
            real_time(5).await;
        }
        meanwhile.await;
        release.send(()).unwrap();
        at_the_same_moment.await
    };
    let (_, answer, done) = tokio::join!(thread, browser.sign_in(page, username, PASSWORD), meanwhile);
    (answer, done)
}

async fn failures(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM audit_events WHERE event = 'sign_in_failed'").await
}

/// The three kinds of sign-ins that a sign-out in another tab may meet.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Case {
    /// The person who is signed in signs in again.
    Same,
    /// Somebody else signs in.
    Other,
    /// The form was sent before the browser had a session; another tab has signed in since.
    First,
}

/// Runs `case` in a fresh browser. `instant` says whether the sign-out and the sign-in meet in the same moment; otherwise the sign-out comes first.
/// Returns the answers to the sign-in and to the sign-out.
async fn meet(app: &TestApp, node: &TestApp, case: Case, instant: bool) -> (Browser, Answer, Answer) {
    let browser = if case == Case::First { app.browser() } else { node.browser_with_cookies_of(&node.signed_in("alice").await) };
    let browser = app.browser_with_cookies_of(&browser);
    let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
    let tab = node.browser_with_cookies_of(&browser);
    let account = tokio::sync::OnceCell::new();
    let prepare = async {
        if case == Case::First {
            let form = tab.get("/sign-in").await;
            tab.sign_in(&form, "alice", PASSWORD).await;
        }
        account.set(tab.get("/account").await).unwrap();
        assert_eq!(account.get().unwrap().heading(), "Profile");
    };
    let sign_out = async || {
        let fields = account.get().unwrap().hidden("/account/sign-out");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        tab.post_with("/account/sign-out", &fields, ("origin", &app.url)).await
    };
    let username = if case == Case::Other { "bob" } else { "alice" };
    let (signed_in, signed_out) = if instant {
        Box::pin(sign_in_during(app, &browser, (&page, username), prepare, async { sign_out().await })).await
    } else {
        let first = async {
            prepare.await;
            assert_eq!(sign_out().await.heading(), "You are signed out", "{case:?}");
        };
        Box::pin(sign_in_during(app, &browser, (&page, username), first, async { tab.get("/account").await })).await
    };
    (browser, signed_in, signed_out)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_under_way_does_not_undo_a_sign_out() {
    let app = slow_app().await;
    let node = app.another_node().await;
    for case in [Case::Same, Case::Other, Case::First] {
        let (browser, signed_in, account) = Box::pin(meet(&app, &node, case, false)).await;
        assert_eq!((signed_in.status, signed_in.heading(), account.heading()), (400, "Sign in", "Sign in"), "{case:?}");
        assert!(signed_in.text.contains(UNDER_WAY), "{case:?} {}", signed_in.text);
        assert_eq!((live_sessions(&app).await, failures(&app).await), (0, 0), "{case:?}");
        assert!(!is_signed_in(&browser).await);
        assert!(!signed_in.sets("signet-device"), "{case:?}: the device is stored by a complete sign-in alone");
        // The page is the way on: the same form leads to the app.
        let username = if case == Case::Other { "bob" } else { "alice" };
        let onward = browser.sign_in(&signed_in, username, PASSWORD).await;
        assert!(onward.header("location").contains("code=") || onward.text.contains("action=\"/consent\""), "{case:?} {}", onward.text);
        let account = browser.get("/account").await;
        browser.submit(&account, "/account/sign-out", &[]).await;
        app.sql("DELETE FROM attempts").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_wins_against_a_sign_in_of_the_same_moment() {
    let app = slow_app().await;
    let node = app.another_node().await;
    for case in [Case::Same, Case::Other, Case::First] {
        for round in 0..ROUNDS {
            let (_, signed_in, signed_out) = Box::pin(meet(&app, &node, case, true)).await;
            assert!(!signed_in.text.contains("is wrong"), "{case:?} {round} {}", signed_in.text);
            // A page that was shown to Alice never signs Bob out.
            let bob_came_first = case == Case::Other && signed_out.heading() == "Sign out?";
            assert!(bob_came_first || signed_out.heading() == "You are signed out", "{case:?} {round} {}", signed_out.text);
            assert_eq!((live_sessions(&app).await, failures(&app).await), (i64::from(bob_came_first), 0), "{case:?} {round}");
            app.sql("UPDATE sessions SET ended_at = 1").await;
            app.sql("DELETE FROM attempts").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_the_session_meanwhile_the_page_says_only_what_is_known() {
    let app = slow_app().await;
    for by in ["device", "everywhere", "administrator", "expiry", "disabled", "password"] {
        let browser = app.signed_in("alice").await;
        let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
        let sids = app.dump("sessions").await;
        let end = async {
            let now = app.clock_now();
            let ended = format!("UPDATE sessions SET ended_at = {now} WHERE ended_at IS NULL");
            match by {
                "device" | "administrator" => app.sql(&ended).await,
                "expiry" => app.advance(8 * 3600 + 1),
                "everywhere" => {
                    app.sql(&ended).await;
                    app.sql("UPDATE users SET credential_version = credential_version + 1 WHERE username = 'alice'").await;
                }
                "disabled" => app.disable_user("alice").await,
                _ => app.sql("UPDATE users SET credential_version = 99, password_hash = 'another' WHERE username = 'alice'").await,
            }
        };
        let (answer, ()) = Box::pin(sign_in_during(&app, &browser, (&page, "alice"), end, async {})).await;
        let known = !["disabled", "password"].contains(&by);
        assert_eq!((answer.status, answer.heading()), (400, "Sign in"), "{by} {sids}");
        assert_eq!(answer.text.contains(UNDER_WAY), known, "{by} {}", answer.text);
        assert_eq!(answer.text.contains("is wrong"), !known, "{by} {}", answer.text);
        assert!(answer.text.contains("Web Shop"), "{by}: the page leads to the app {}", answer.text);
        if by == "disabled" {
            app.sql("UPDATE users SET disabled_at = NULL").await;
        }
        app.sql("DELETE FROM attempts").await;
    }
}

/// Sends `path` from several tabs at once, each with the cookies that the browser has now.
async fn clicks(app: &TestApp, browser: &Browser, page: &Answer, count: usize) -> Vec<(Browser, Answer)> {
    let tabs: Vec<Browser> = (0..count).map(|_| app.browser_with_cookies_of(browser)).collect();
    let answers = at_once(tabs.iter().map(|tab| tab.sign_in(page, "alice", PASSWORD)).collect()).await;
    tabs.into_iter().zip(answers).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_that_meet_begin_one_session_whichever_answer_comes_last() {
    let app = app().await;
    app.signed_in("alice").await.code(&app.authorize(&[])).await;
    app.sql("UPDATE sessions SET ended_at = 1").await;
    for round in 0..ROUNDS {
        let browser = app.browser();
        let page = browser.get(&app.authorize(&[])).await;
        let clicked = clicks(&app, &browser, &page, 3).await;
        assert_eq!(live_sessions(&app).await, 1, "{round}");
        for (tab, answer) in &clicked {
            assert!(answer.reply().contains_key("code"), "{round} {}", answer.text);
            assert_eq!(tab.cookie(), clicked[0].0.cookie(), "{round}");
            assert!(is_signed_in(tab).await, "{round}");
        }
        // The clicks meet once more, now that the browser has the cookie of a session.
        let tab = &clicked[0].0;
        let page = tab.get(&app.authorize(&[("prompt", "login")])).await;
        let again = clicks(&app, tab, &page, 3).await;
        assert_eq!(live_sessions(&app).await, 1, "{round}");
        for (other, answer) in &again {
            assert!(answer.reply().contains_key("code"), "{round} {}", answer.text);
            assert_ne!(other.cookie(), tab.cookie(), "a sign-in gives the cookie a new id");
            assert!(is_signed_in(other).await, "{round}");
        }
        assert!(!is_signed_in(tab).await, "the old id opens nothing");
        app.sql("UPDATE sessions SET ended_at = 1").await;
        app.sql("DELETE FROM attempts").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_cookie_leads_to_the_session_on_every_node_whatever_its_clock_shows() {
    for skew in [-30, -15, 15, 30] {
        let app = app().await;
        let node = app.node_with_clock(skew).await;
        let browser = app.signed_in("alice").await;
        let old = app.browser_with_cookies_of(&browser);
        let account = browser.get("/account").await;
        let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
        browser.sign_in(&page, "alice", PASSWORD).await;
        // A second click, on the other node.
        let click = node.browser_with_cookies_of(&old);
        click.sign_in(&page, "alice", PASSWORD).await;
        assert_eq!((live_sessions(&app).await, is_signed_in(&click).await), (1, true), "{skew}");
        // A sign-out by the old cookie, on the other node, and a second click on it.
        let tab = node.browser_with_cookies_of(&old);
        let own = ("origin", app.url.as_str());
        let fields = account.hidden("/account/sign-out");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        for (from, click) in [(&tab, "first"), (&old, "second"), (&tab, "third")] {
            assert_eq!(from.post_with("/account/sign-out", &fields, own).await.heading(), "You are signed out", "{skew} {click}");
            assert_eq!(live_sessions(&app).await, 0, "{skew} {click}");
        }
        assert!(!is_signed_in(&browser).await, "{skew}");
    }
}
