//! A form that is sent twice, as a double click sends it, leads to the app: the browser drops the first answer and shows only the second.

use crate::interaction::app;
use crate::support::{Answer, Browser, PASSWORD, SECRET, TestApp, at_once};

const ANSWERED: &str = "You have already gone on from here";

/// Returns the codes that came with `answers`, each of which must lead to the app.
fn codes(answers: &[Answer]) -> Vec<String> {
    answers.iter().map(|answer| answer.reply()["code"].clone()).collect()
}

/// Redeems `codes` and returns the tokens of the one that is accepted. All others must have been replaced.
async fn only_one_is_alive(app: &TestApp, codes: &[String]) -> Answer {
    let mut accepted = Vec::new();
    for code in codes {
        let answer = app.redeem(code, &[]).await;
        if answer.status == 200 {
            accepted.push(answer);
        } else {
            assert_eq!(answer.error(), (400, "invalid_grant"));
        }
    }
    assert_eq!(accepted.len(), 1, "{codes:?}");
    let tokens = accepted.remove(0);
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.str("refresh_token"))];
    assert_eq!(app.post("/token").basic_auth("web", SECRET).form(&form).send().await.status, 200, "the other codes ended nothing");
    assert_eq!(app.count("SELECT count(*) FROM authorizations WHERE ended_at IS NULL").await, 1);
    tokens
}

async fn consent_page(app: &TestApp, browser: &Browser) -> Answer {
    let page = browser.get(&app.authorize(&[("prompt", "consent")])).await;
    assert_eq!(page.heading(), "Allow Web Shop access?");
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn allow_that_is_clicked_twice_leads_to_the_app() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let page = consent_page(&app, &browser).await;
    let answers = [browser.consent(&page).await, browser.consent(&page).await];
    let codes = codes(&answers);
    assert_ne!(codes[0], codes[1]);
    assert!(answers.iter().all(|answer| answer.reply()["state"] == "the state"));
    only_one_is_alive(&app, &codes).await;
    // The app has the code now, so the same click gives no other.
    let late = browser.consent(&page).await;
    assert_eq!((late.status, late.heading()), (400, ANSWERED));
    assert!(late.text.contains("the app has probably opened"), "{}", late.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_at_the_same_moment_lead_to_the_app_by_one_code() {
    for prompt in ["consent", "select_account"] {
        let app = app().await;
        let browser = app.signed_in("alice").await;
        browser.code(&app.authorize(&[])).await;
        let page = browser.get(&app.authorize(&[("prompt", prompt)])).await;
        let path = if prompt == "consent" { "/consent" } else { "/select-account" };
        let choice = if prompt == "consent" { "allow" } else { "continue" };
        let fields = [("choice", choice)];
        let answers = at_once((0..5).map(|_| browser.submit(&page, path, &fields)).collect()).await;
        only_one_is_alive(&app, &codes(&answers)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_that_is_clicked_twice_leads_to_the_app() {
    let app = app().await;
    app.signed_in("alice").await.code(&app.authorize(&[])).await;
    let browser = app.browser();
    let page = browser.get(&app.authorize(&[])).await;
    let answers = [browser.sign_in(&page, "alice", PASSWORD).await, browser.sign_in(&page, "alice", PASSWORD).await];
    only_one_is_alive(&app, &codes(&answers)).await;
    let late = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!(late.heading(), ANSWERED);
    assert_eq!(browser.get("/account").await.heading(), "Profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_of_one_session_at_the_same_moment_lead_to_the_app_by_one_code() {
    for _ in 0..4 {
        let app = app().await;
        let browser = app.signed_in("alice").await;
        browser.code(&app.authorize(&[])).await;
        let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
        let answers = at_once((0..4).map(|_| browser.sign_in(&page, "alice", PASSWORD)).collect()).await;
        only_one_is_alive(&app, &codes(&answers)).await;
        assert_eq!(app.count("SELECT count(*) FROM sessions WHERE ended_at IS NULL").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_repeated_for_a_few_seconds_from_the_first() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let page = consent_page(&app, &browser).await;
    browser.consent(&page).await.reply();
    app.advance(9);
    browser.consent(&page).await.reply();
    app.advance(2);
    assert_eq!(browser.consent(&page).await.heading(), ANSWERED);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_repeated_for_nobody_else() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let page = consent_page(&app, &browser).await;
    let (code, id) = (browser.consent(&page).await.reply()["code"].clone(), page.request("/consent"));
    // Another person signs in in the same browser, in another tab.
    let tab = browser.get("/sign-in?request=").await;
    let tab = if tab.heading() == "Sign in" { tab } else { browser.get(&app.authorize(&[("prompt", "login")])).await };
    browser.sign_in(&tab, "bob", PASSWORD).await;
    for path in ["/authorize/resume", "/consent", "/select-account", "/sign-in", "/no-access"] {
        assert_eq!(browser.get(&format!("{path}?request={id}")).await.heading(), ANSWERED, "{path}");
    }
    let forged = browser.get("/account").await.hidden("/account/sign-out")[0].1.clone();
    let fields = [("csrf", forged.as_str()), ("request", &id), ("choice", "allow"), ("scope", "openid")];
    assert_eq!(browser.post("/consent", &fields).await.heading(), ANSWERED);
    // The code of alice ended with her session, and bob got none.
    assert_eq!(app.redeem(&code, &[]).await.error(), (400, "invalid_grant"));
    assert_eq!(app.count("SELECT count(*) FROM authorization_codes").await, 1);
    // She signs in again in the same browser: that is another session.
    let again = browser.get(&app.authorize(&[("prompt", "login")])).await;
    browser.sign_in(&again, "alice", PASSWORD).await;
    assert_eq!(browser.get(&format!("/authorize/resume?request={id}")).await.heading(), ANSWERED);
    // In another browser the request is not known at all.
    let stranger = app.signed_in("alice").await.get(&format!("/authorize/resume?request={id}")).await;
    assert_eq!(stranger.heading(), "This sign-in is not known in this browser");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_repeated_but_never_turned_into_something_else() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let page = consent_page(&app, &browser).await;
    let deny = || browser.submit(&page, "/consent", &[("choice", "deny")]);
    let answers = at_once((0..5).map(|_| deny()).collect()).await;
    assert!(answers.iter().all(|answer| answer.reply()["error"] == "access_denied"));
    assert_eq!(browser.consent(&page).await.heading(), ANSWERED, "who has said no does not say yes by going back");
    assert_eq!(app.count("SELECT count(*) FROM consents").await, 0);
    app.advance(11);
    assert_eq!(deny().await.heading(), ANSWERED);
    // Whoever has said yes is not told that they have said no.
    let page = consent_page(&app, &browser).await;
    browser.consent(&page).await.reply();
    assert_eq!(browser.submit(&page, "/consent", &[("choice", "deny")]).await.heading(), ANSWERED);
    let page = browser.get(&app.authorize(&[("prompt", "select_account")])).await;
    browser.submit(&page, "/select-account", &[("choice", "continue")]).await.reply();
    assert_eq!(browser.submit(&page, "/select-account", &[("choice", "other")]).await.heading(), ANSWERED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_answer_obeys_what_has_changed_meanwhile() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let page = consent_page(&app, &browser).await;
    let id = page.request("/consent");
    let code = browser.consent(&page).await.reply()["code"].clone();
    let consents = browser.get("/account/consents").await;
    browser.submit(&consents, "/account/consents", &[]).await;
    assert_eq!(browser.get(&format!("/authorize/resume?request={id}")).await.heading(), ANSWERED);
    assert_eq!(app.redeem(&code, &[]).await.error(), (400, "invalid_grant"));
    // A session that has ended repeats nothing.
    let page = consent_page(&app, &browser).await;
    browser.consent(&page).await.reply();
    let account = browser.get("/account").await;
    browser.submit(&account, "/account/sign-out", &[]).await;
    assert_ne!(browser.consent(&page).await.status, 303);
    assert_eq!(app.count("SELECT count(*) FROM authorizations").await, 0);
}
