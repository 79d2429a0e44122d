//! A page that follows a form says what is true, also if the form was sent twice and the first answer was lost.

use crate::interaction::app;
use crate::support::{PASSWORD, at_once};

const CHOSEN: &str = "my very own horse staple";
const OTHER: &str = "quite another horse and staple";
const STALE: &str = "This page can no longer be used";

fn typed(new: &str) -> [(&str, &str); 3] {
    [("current_password", PASSWORD), ("new_password", new), ("repeat_password", new)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_that_is_sent_twice_is_changed_once_and_said_twice() {
    for keeps_cookie in [true, false] {
        let app = app().await;
        let browser = app.signed_in("alice").await;
        let page = browser.get("/account/password").await;
        let mut fields = page.hidden("/account/password");
        fields.push(("username".into(), "alice".into()));
        let before = browser.cookie().unwrap();
        let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.extend(typed(CHOSEN));
        let own = ("origin", app.url.as_str());
        let first = browser.post_with("/account/password", &fields, own).await;
        assert!(first.text.contains("Your password is changed."), "{}", first.text);
        if !keeps_cookie {
            // The browser drops the answer to the first click with its cookie.
            browser.set_cookie(&before);
        }
        let second = browser.post_with("/account/password", &fields, own).await;
        assert_eq!(second.status, 200, "{}", second.text);
        assert!(second.text.contains("Your password is changed."), "{}", second.text);
        assert_eq!(browser.get("/account").await.heading(), "Profile");
        assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'password_changed'").await, 1);
        assert_eq!(app.try_password("alice", CHOSEN, "").await.status, 200);
        // An old page whose new password is another one changes nothing, and the page does not say that nothing was changed.
        for (name, value) in [("origin", app.url.as_str()), ("origin", "https://evil.example"), ("x-no-origin", "")] {
            let mut fields: Vec<(&str, &str)> = fields.iter().copied().filter(|(name, _)| !name.ends_with("_password")).collect();
            fields.extend(typed(if name == "origin" && value == app.url { OTHER } else { CHOSEN }));
            let stale = browser.post_with("/account/password", &fields, (name, value)).await;
            assert_eq!((stale.status, stale.heading()), (403, STALE), "{value}");
            assert!(stale.text.contains("an earlier click on it may have been used"), "{}", stale.text);
            assert!(!stale.text.contains("Nothing was changed"), "{}", stale.text);
        }
        assert_eq!(app.try_password("alice", CHOSEN, "").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_passwords_that_are_sent_at_once_are_all_answered_truthfully() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let page = browser.get("/account/password").await;
    let mut fields = page.hidden("/account/password");
    fields.push(("username".into(), "alice".into()));
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.extend(typed(CHOSEN));
    // Each compares a password twice at most, and five attempts are free.
    let answers = at_once((0..2).map(|_| browser.post_with("/account/password", &fields, ("origin", &app.url))).collect()).await;
    for answer in &answers {
        assert!(answer.status == 200 && answer.heading() == "Password", "{} {}", answer.status, answer.text);
        assert!(!answer.text.contains("was not saved"), "{}", answer.text);
    }
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'password_changed'").await, 1);
    assert_eq!(app.try_password("alice", CHOSEN, "").await.status, 200);
    assert_eq!(browser.get("/account").await.heading(), "Profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_present_password_as_a_new_one_is_never_said_to_be_changed() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let own = ("origin", app.url.as_str());
    let present = [("current_password", "quite wrong and long"), ("new_password", PASSWORD), ("repeat_password", PASSWORD)];
    // Something of the person was changed a moment ago.
    let profile = browser.get("/account").await;
    assert!(browser.submit(&profile, "/account", &[("name", "Alice")]).await.text.contains("saved"));
    let page = browser.get("/account/password").await;
    let answer = browser.submit(&page, "/account/password", &present).await;
    assert!(answer.status == 400 && answer.text.contains("This is not your current password."), "{}", answer.text);
    // The form of a page that is too old for another reason.
    let hidden = page.hidden("/account/password");
    for csrf in ["", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let mut fields: Vec<(&str, &str)> =
            hidden.iter().filter(|(name, _)| name != "csrf").map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.extend([("csrf", csrf), ("username", "alice")]);
        fields.extend(present);
        let answer = browser.post_with("/account/password", &fields, own).await;
        assert_eq!((answer.status, answer.heading()), (403, STALE), "{csrf}");
    }
    // Another form that was shown before the change, and not the one that made it.
    let changed = browser.submit(&page, "/account/password", &typed(CHOSEN)).await;
    assert!(changed.text.contains("Your password is changed."), "{}", changed.text);
    let fresh = browser.get("/account/password").await;
    let present = [("current_password", "quite wrong and long"), ("new_password", CHOSEN), ("repeat_password", CHOSEN)];
    let answer = browser.submit(&fresh, "/account/password", &present).await;
    assert!(answer.status == 400 && answer.text.contains("This is not your current password."), "{}", answer.text);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'password_changed'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_form_signs_nobody_in_over_another_person() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let mut fields = browser.get("/account/password").await.hidden("/account/password");
    fields.push(("username".into(), "alice".into()));
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.extend(typed(CHOSEN));
    let tab = browser.get(&app.authorize(&[("prompt", "login")])).await;
    browser.sign_in(&tab, "bob", PASSWORD).await;
    let stale = browser.post_with("/account/password", &fields, ("origin", &app.url)).await;
    assert_eq!((stale.status, stale.heading()), (403, STALE));
    assert!(browser.get("/account").await.text.contains("bob"));
    assert_eq!(app.try_password("alice", PASSWORD, "").await.status, 200);
    assert_eq!(app.try_password("bob", PASSWORD, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_that_is_clicked_twice_leads_to_the_app() {
    let app = app().await;
    let bye = "https://shop.example/bye";
    let browser = app.signed_in("alice").await;
    let page = browser.get(&format!("/end_session?client_id=web&post_logout_redirect_uri={bye}&state=q")).await;
    let mut fields = page.hidden("/end_session/confirm");
    fields.push(("choice".into(), "sign-out".into()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for click in ["first", "second", "third"] {
        let answer = browser.post_with("/end_session/confirm", &fields, ("origin", &app.url)).await;
        assert_eq!((answer.status, answer.header("location")), (303, format!("{bye}?state=q").as_str()), "{click}");
    }
    // The fields are checked each time, and no other site can use the form.
    let mut evil = fields.clone();
    evil.retain(|(name, _)| *name != "post_logout_redirect_uri");
    evil.push(("post_logout_redirect_uri", "https://evil.example"));
    let answer = browser.post_with("/end_session/confirm", &evil, ("origin", &app.url)).await;
    assert_eq!((answer.heading(), answer.header("location")), ("You are signed out", ""));
    let foreign = browser.post_with("/end_session/confirm", &fields, ("origin", "https://evil.example")).await;
    assert_eq!((foreign.status, foreign.header("location")), (403, ""));
    // Without an app to go to, the page says what is true whichever click ended the session.
    let browser = app.signed_in("alice").await;
    let page = browser.get("/end_session").await;
    let mut fields = page.hidden("/end_session/confirm");
    fields.push(("choice".into(), "sign-out".into()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let own = ("origin", app.url.as_str());
    assert_eq!(browser.post_with("/end_session/confirm", &fields, own).await.heading(), "You are signed out");
    assert_eq!(browser.post_with("/end_session/confirm", &fields, own).await.heading(), "You are signed out");
    app.advance(41);
    let second = browser.post_with("/end_session/confirm", &fields, own).await;
    assert_eq!(second.heading(), "Nobody is signed in here");
    assert!(second.text.contains("an earlier click has signed you out"), "{}", second.text);
    assert!(!second.text.contains("nothing was ended"), "{}", second.text);
}
