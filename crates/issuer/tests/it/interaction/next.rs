//! The interaction asks for sign-in, choice of account, a new password or consent where they are due, and never for more.

use serde_json::json;
use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::patch::Patch;
use signet_issuer::oauth::pkce::Pkce;

use crate::interaction::app;
use crate::support::{CALLBACK, PASSWORD, TestApp, claims};

#[tokio::test(flavor = "multi_thread")]
async fn consent_is_asked_once_and_denied_at_will() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let page = browser.get(&app.authorize(&[])).await;
    assert_eq!(page.heading(), "Allow Web Shop access?");
    assert!(page.text.contains("Know who you are") && page.text.contains("shop.example") && page.text.contains("Until you sign out here."));
    let denied = browser.submit(&page, "/consent", &[("choice", "deny")]).await;
    assert_eq!(denied.reply()["error"], "access_denied");
    assert_eq!(browser.get(&app.authorize(&[("prompt", "none")])).await.reply()["error"], "consent_required");
    let page = browser.get(&app.authorize(&[])).await;
    assert!(browser.consent(&page).await.reply().contains_key("code"));
    // The consent is remembered in other browsers too, for the allowed scopes and for fewer.
    let other = app.signed_in("alice").await;
    for silent in [&[("prompt", "none")][..], &[("prompt", "none"), ("scope", "openid")]] {
        assert!(other.get(&app.authorize(silent)).await.reply().contains_key("code"));
    }
    assert_eq!(other.get(&app.authorize(&[("prompt", "none"), ("scope", "openid email")])).await.reply()["error"], "consent_required");
    assert_eq!(other.get(&app.authorize(&[("prompt", "consent")])).await.heading(), "Allow Web Shop access?");
    // Bob has not allowed anything.
    let page = app.signed_in("bob").await.get(&app.authorize(&[])).await;
    assert_eq!(page.heading(), "Allow Web Shop access?");
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_is_asked_each_time_if_anyone_can_pose_as_the_client() {
    let app = app().await;
    let loopback = "http://127.0.0.1/cb";
    app.add_client_with("native", true, "authorization_code", &["openid"], |client| client.redirect_uris = vec![loopback.into()]).await;
    let browser = app.signed_in("alice").await;
    let request = |prompt: &'static str| {
        app.authorize(&[("client_id", "native"), ("redirect_uri", "http://127.0.0.1:40123/cb"), ("scope", "openid"), ("prompt", prompt)])
    };
    let page = browser.get(&request("")).await;
    let answer = browser.consent(&page).await;
    assert!(answer.header("location").starts_with("http://127.0.0.1:40123/cb?code="), "any port of a loopback address");
    assert_eq!(browser.get(&request("none")).await.reply()["error"], "consent_required");
    assert_eq!(browser.get(&request("")).await.heading(), "Allow native access?");
    // A first-party client is no exception. It cannot do without PKCE either.
    app.add_client_with("own-native", true, "authorization_code", &["openid"], |client| {
        client.redirect_uris = vec![loopback.into()];
        client.first_party = true;
    })
    .await;
    let silent = [("client_id", "own-native"), ("redirect_uri", loopback), ("scope", "openid"), ("prompt", "none")];
    assert_eq!(browser.get(&app.authorize(&silent)).await.reply()["error"], "consent_required");
    let native = [("client_id", "own-native"), ("redirect_uri", loopback), ("code_challenge", ""), ("code_challenge_method", "")];
    assert_eq!(browser.get(&app.authorize(&native)).await.reply()["error"], "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_and_max_age_force_the_step_that_they_name() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    browser.code(&app.authorize(&[])).await;
    let mut now = crate::support::START;
    for again in [&[("prompt", "login")][..], &[("max_age", "99")], &[("max_age", "0")]] {
        app.advance(100);
        now += 100;
        let page = browser.get(&app.authorize(again)).await;
        assert_eq!(page.heading(), "Sign in", "{again:?}");
        let reply = browser.sign_in(&page, "alice", PASSWORD).await.reply();
        let id_token = app.redeem(&reply["code"], &[]).await;
        assert_eq!(claims(id_token.str("id_token"))["auth_time"], json!(now), "{again:?}");
    }
    app.advance(50);
    assert!(browser.get(&app.authorize(&[("max_age", "50")])).await.reply().contains_key("code"));
    assert_eq!(browser.get(&app.authorize(&[("prompt", "none"), ("max_age", "10")])).await.reply()["error"], "login_required");

    let page = browser.get(&app.authorize(&[("prompt", "select_account")])).await;
    assert!(page.text.contains("Continue as alice Example"), "{}", page.text);
    assert!(browser.submit(&page, "/select-account", &[("choice", "continue")]).await.reply().contains_key("code"));
    let page = browser.get(&app.authorize(&[("prompt", "select_account")])).await;
    let page = browser.submit(&page, "/select-account", &[("choice", "other")]).await;
    let page = browser.sign_in(&page, "bob", PASSWORD).await;
    assert_eq!(page.heading(), "Allow Web Shop access?", "bob has consented to nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_that_is_demanded_meanwhile_is_missed_when_the_answer_is_given() {
    let app = app().await;
    app.edit_client("web", ClientPatch { pkce: Patch::Set(Pkce::Nonce), ..ClientPatch::default() }).await.unwrap();
    let browser = app.signed_in("alice").await;
    let without = app.authorize(&[("code_challenge", ""), ("code_challenge_method", ""), ("scope", "openid"), ("nonce", "n")]);
    let consent = browser.get(&without).await;
    assert_eq!(consent.heading(), "Allow Web Shop access?");
    app.edit_client("web", ClientPatch { pkce: Patch::Set(Pkce::Required), ..ClientPatch::default() }).await.unwrap();
    let reply = browser.consent(&consent).await.reply();
    assert_eq!(reply["error"], "invalid_request");
    assert!(reply["error_description"].contains("code_challenge is missing"), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn max_age_is_measured_when_the_answer_is_given() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let consent = browser.get(&app.authorize(&[("max_age", "60")])).await;
    assert_eq!(consent.heading(), "Allow Web Shop access?");
    app.advance(61);
    let page = browser.consent(&consent).await;
    assert_eq!(page.heading(), "Sign in");
    // A person who goes on without signing in comes back to this page.
    assert_eq!(browser.get(&format!("/authorize/resume?request={}", page.request("/sign-in"))).await.heading(), "Sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_for_the_request_does_not_count_for_ever() {
    let app = app().await;
    let browser = app.browser();
    let page = browser.get(&app.authorize(&[("max_age", "60")])).await;
    let consent = browser.sign_in(&page, "alice", PASSWORD).await;
    // A person may take longer than the client allows, but not much longer.
    app.advance(299);
    assert_eq!(browser.get(&format!("/consent?request={}", consent.hidden("/consent")[1].1)).await.heading(), "Allow Web Shop access?");
    app.advance(2);
    let page = browser.consent(&consent).await;
    assert_eq!(page.heading(), "Sign in", "the answer would carry an auth_time that is too old");
    let reply = browser.code_from(browser.sign_in(&page, "alice", PASSWORD).await).await;
    let id_token = app.redeem(&reply, &[]).await;
    assert_eq!(claims(id_token.str("id_token"))["auth_time"], json!(crate::support::START + 301));
}

#[tokio::test(flavor = "multi_thread")]
async fn first_party_clients_need_no_consent_and_disabled_users_are_signed_out() {
    let app = app().await;
    app.add_client_with("own", false, "authorization_code refresh_token", &["openid", "offline_access", "orders:read"], |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.first_party = true;
    })
    .await;
    let browser = app.signed_in("alice").await;
    let request =
        |more: &[(&str, &str)]| app.authorize(&[&[("client_id", "own"), ("scope", "openid offline_access orders:read")], more].concat());
    assert!(browser.get(&request(&[])).await.reply().contains_key("code"), "nobody is asked for the issuer's own");
    assert_eq!(browser.get(&request(&[("prompt", "consent")])).await.heading(), "Allow own access?");
    app.disable_user("alice").await;
    assert_eq!(browser.get(&request(&[])).await.heading(), "Sign in");
    assert_eq!(browser.get("/account").await.heading(), "Sign in");
    let page = browser.get("/sign-in").await;
    let refused = browser.sign_in(&page, "alice", PASSWORD).await;
    assert!(refused.text.contains("The username or the password is wrong."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_while_the_password_is_chosen() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.generate_password("alice").await;
    let browser = app.browser();
    let page = browser.get(&app.authorize(&[])).await;
    let page = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!(page.heading(), "Choose your password");
    assert_eq!(browser.get(&app.authorize(&[("prompt", "none")])).await.reply()["error"], "interaction_required");
    let chosen = "my very own horse staple";
    let fields = [("current_password", PASSWORD), ("new_password", chosen), ("repeat_password", chosen)];
    let page = browser.submit(&page, "/account/password", &fields).await;
    assert_eq!(page.heading(), "Allow Web Shop access?");
}
