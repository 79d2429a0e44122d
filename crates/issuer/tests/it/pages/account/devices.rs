//! A person sees the devices on which they are signed in and can end them, but no device of anybody else.

use crate::pages::account::app;
use crate::support::{PASSWORD, real_time};

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_shown_and_ended() {
    let app = app().await;
    let (browser, other, bob) = (app.signed_in("alice").await, app.signed_in("alice").await, app.signed_in("bob").await);
    let tokens = app.code_flow(&other, &[]).await;
    let page = browser.get("/account/devices").await;
    assert!(page.text.matches("Firefox on Linux").count() >= 2, "{}", page.text);
    assert!(
        page.text.contains("127.0.0.1") && page.text.contains("This device") && page.text.contains("1 January 2026, 00:00 UTC"),
        "{}",
        page.text
    );
    // A person cannot end the session of somebody else.
    let foreign = bob.get("/account/devices").await.hidden("/account/devices").into_iter().find(|(name, _)| name == "sid").unwrap().1;
    browser.submit(&page, "/account/devices", &[("action", "end"), ("sid", &foreign)]).await;
    assert_eq!(bob.get("/account").await.heading(), "Profile");
    let page = browser.submit(&page, "/account/devices", &[("action", "end-others")]).await;
    assert!(page.text.contains("Your other devices and apps are signed out."));
    assert_eq!(other.get("/account").await.heading(), "Sign in");
    assert_eq!(app.get("/userinfo").bearer(tokens.str("access_token")).send().await.status, 401);
    let own = page.hidden("/account/devices").into_iter().find(|(name, _)| name == "sid").unwrap().1;
    let gone = browser.submit(&page, "/account/devices", &[("action", "end"), ("sid", &own)]).await;
    assert_eq!(gone.heading(), "You are signed out");
    assert_eq!(browser.get("/account").await.heading(), "Sign in");
    let (one, two) = (app.signed_in("alice").await, app.signed_in("alice").await);
    let page = one.get("/account/devices").await;
    assert_eq!(one.submit(&page, "/account/devices", &[("action", "end-all")]).await.heading(), "You are signed out");
    for browser in [&one, &two] {
        assert_eq!(browser.get("/account").await.heading(), "Sign in");
    }
    assert_eq!(bob.get("/account").await.heading(), "Profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_everything_leaves_no_session_that_began_before() {
    let app = app().await;
    let (mut refused, mut signed_in) = (0, 0);
    for round in 0..6 {
        let browser = app.signed_in("alice").await;
        let page = browser.get("/account/devices").await;
        let mut sign_ins = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let other = app.browser();
            sign_ins.spawn(async move {
                let form = other.get("/sign-in").await;
                other.sign_in(&form, "alice", PASSWORD).await.heading().to_owned()
            });
        }
        real_time(20 + 15 * round).await;
        let ended = browser.submit(&page, "/account/devices", &[("action", "end-all")]).await;
        assert_eq!(ended.heading(), "You are signed out");
        assert_eq!(browser.get("/account").await.heading(), "Sign in");
        for heading in sign_ins.join_all().await {
            if heading == "Sign in" { refused += 1 } else { signed_in += 1 }
        }
        let survivors = "SELECT count(*) FROM audit_events JOIN sessions ON audit_events.detail LIKE '%' || sessions.sid || '%' \
                         WHERE audit_events.event = 'signed_in' AND sessions.ended_at IS NULL \
                         AND audit_events.id < (SELECT max(id) FROM audit_events WHERE event = 'others_ended')";
        assert_eq!(app.count(survivors).await, 0, "round {round}");
    }
    assert_eq!(refused + signed_in, 24);
    // The sessions of the last round live on if they began afterwards; nobody else's ended.
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'others_ended'").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_app_is_listed_with_what_ends_it_and_can_be_ended() {
    let app = app().await;
    let (browser, other, bob) = (app.signed_in("alice").await, app.signed_in("alice").await, app.signed_in("bob").await);
    app.code_flow(&browser, &[]).await;
    let elsewhere = app.code_flow(&other, &[("scope", "openid offline_access"), ("prompt", "consent")]).await;
    app.advance(1);
    let by_password = app.sign_in("alice", "orders:read").await;
    let page = browser.get("/account/devices").await;
    for expected in [
        "Signed in with this browser. Last used 1 January 2026, 00:00 UTC.",
        "Ends when this browser is signed out.",
        "Signed in with Firefox on Linux, address 127.0.0.1.",
        "Signed in with your password, without a browser.",
        "Stays signed in until 1 April 2026, 00:00 UTC at the latest, also after you sign out.",
    ] {
        assert!(page.text.contains(expected), "{expected}: {}", page.text);
    }
    // The password grant was used last, so its app comes first.
    let id = page.text.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    // Another person cannot end it.
    let of_bob = bob.get("/account/devices").await;
    bob.submit(&of_bob, "/account/devices", &[("action", "end-app"), ("id", id)]).await;
    assert_eq!(app.get("/userinfo").bearer(elsewhere.str("access_token")).send().await.status, 200);
    let fresh = app.refresh(by_password.str("refresh_token")).await;
    assert_eq!(fresh.status, 200);
    let page = browser.submit(&page, "/account/devices", &[("action", "end-app"), ("id", id)]).await;
    assert!(page.text.contains("That app is signed out.") && !page.text.contains("without a browser"), "{}", page.text);
    assert_eq!(app.refresh(fresh.str("refresh_token")).await.error(), (400, "invalid_grant"));
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'authorization_ended' AND actor_kind = 'user'").await, 1);
    for bad in ["", "x", "00000000-0000-0000-0000-000000000000"] {
        let answer = browser.submit(&page, "/account/devices", &[("action", "end-app"), ("id", bad)]).await;
        assert!([200, 403].contains(&answer.status), "{bad}: {}", answer.status);
    }
}
