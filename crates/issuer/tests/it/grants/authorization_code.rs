//! A code works once and only for what it was given for, and its second valid use ends the tokens that came of it.

use serde_json::json;
use signet_issuer::admin::resources;

use crate::support::{CALLBACK, ORDERS, PASSWORD, SECRET, TestApp, at_once, claims};

async fn app() -> TestApp {
    TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await
}

async fn code(app: &TestApp) -> String {
    app.signed_in("alice").await.code(&app.authorize(&[])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_flow_gives_tokens_with_what_was_asked() {
    let app = app().await;
    let answer = app.code_flow(&app.browser(), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.str("scope"), "openid orders:read profile");
    let access = answer.claims();
    assert_eq!(access["aud"], json!([ORDERS, format!("{}/userinfo", app.url)]));
    let id = claims(answer.str("id_token"));
    assert_eq!((&id["aud"], &id["nonce"], &id["sub"]), (&json!("web"), &json!("the-nonce"), &access["sub"]));
    assert_eq!((&id["acr"], &id["amr"]), (&json!("urn:signet:acr:password"), &json!(["pwd"])));
    assert_eq!(id["auth_time"], json!(crate::support::START));
    assert!(id["at_hash"].is_string() && id["sid"].is_string());
    assert_eq!(id["sid"], access["sid"]);
    assert_eq!(id["azp"], json!(null));

    let refreshed = refresh(&app, answer.str("refresh_token"), &[]).await;
    let renewed = claims(refreshed.str("id_token"));
    assert_eq!((&renewed["nonce"], &renewed["auth_time"], &renewed["sub"]), (&json!(null), &id["auth_time"], &id["sub"]));
}

async fn refresh(app: &TestApp, token: &str, more: &[(&str, &str)]) -> crate::support::Answer {
    let form = [&[("grant_type", "refresh_token"), ("refresh_token", token)], more].concat();
    app.post("/token").basic_auth("web", SECRET).form(&form).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_bound_to_all_that_it_was_given_for() {
    let app = app().await;
    app.add_client_with("other", false, "authorization_code", &["openid"], |client| client.redirect_uris = vec![CALLBACK.into()]).await;
    let good = code(&app).await;
    for wrong in [
        &[("redirect_uri", "https://shop.example/callback/")][..],
        &[("redirect_uri", "https://shop.example/callback?x=1")],
        &[("code_verifier", "")],
        &[("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl")],
        &[("code_verifier", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")],
        &[("code_verifier", "short")],
        &[("code", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")],
    ] {
        assert_eq!(app.redeem(&good, wrong).await.error(), (400, "invalid_grant"), "{wrong:?}");
    }
    assert_eq!(app.redeem(&good, &[("redirect_uri", "")]).await.error(), (400, "invalid_request"));
    let stolen = [
        ("grant_type", "authorization_code"),
        ("code", good.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", crate::support::VERIFIER),
    ];
    let by_other = app.post("/token").basic_auth("other", SECRET).form(&stolen).send().await;
    assert_eq!(by_other.error(), (400, "invalid_grant"));
    // None of these attempts has spent the code.
    assert_eq!(app.redeem(&good, &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_accepted_as_no_other_kind_of_token() {
    let app = app().await;
    let code = code(&app).await;
    assert_eq!(refresh(&app, &code, &[]).await.error(), (400, "invalid_grant"));
    assert_eq!(app.get("/userinfo").bearer(&code).send().await.error(), (401, "invalid_token"));
    assert_eq!(app.introspect("web", &code).await.json, json!({ "active": false }));
    assert_eq!(app.get("/register/web").bearer(&code).send().await.error(), (401, "invalid_token"));
    let tokens = app.redeem(&code, &[]).await;
    for other in ["access_token", "refresh_token", "id_token"] {
        assert_eq!(app.redeem(tokens.str(other), &[]).await.error(), (400, "invalid_grant"), "{other}");
    }
    assert_eq!(
        app.browser().get(&format!("/authorize/resume?request={code}")).await.heading(),
        "This sign-in is not known in this browser"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_comes_if_and_only_if_a_challenge_was_sent() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client_with("web", false, "authorization_code", &["openid", "orders:read"], |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        (client.pkce, client.first_party) = (None, true);
    })
    .await;
    let browser = app.signed_in("alice").await;
    let bare = [("code_challenge", ""), ("code_challenge_method", ""), ("scope", "openid")];
    let code = browser.code(&app.authorize(&bare)).await;
    assert_eq!(app.redeem(&code, &[]).await.error(), (400, "invalid_grant"), "a verifier without a challenge");
    assert_eq!(app.redeem(&code, &[("code_verifier", "")]).await.status, 200);
    let code = browser.code(&app.authorize(&[("scope", "openid")])).await;
    assert_eq!(app.redeem(&code, &[("code_verifier", "")]).await.error(), (400, "invalid_grant"), "a challenge without a verifier");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_a_minute_and_while_its_session_lives() {
    let app = app().await;
    let late = code(&app).await;
    app.advance(60);
    assert_eq!(app.redeem(&late, &[]).await.error(), (400, "invalid_grant"));

    let browser = app.signed_in("alice").await;
    let code = browser.code(&app.authorize(&[])).await;
    let account = browser.get("/account").await;
    browser.submit(&account, "/account/sign-out", &[]).await;
    assert_eq!(app.redeem(&code, &[]).await.error(), (400, "invalid_grant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_hundred_redemptions_gets_tokens_and_the_others_end_them() {
    let app = app().await;
    let code = code(&app).await;
    let tries = (0..200).map(|_| app.redeem(&code, &[])).collect::<Vec<_>>();
    let answers = at_once(tries).await;
    let good: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(good.len(), 1);
    assert!(answers.iter().filter(|answer| answer.status != 200).all(|answer| answer.error() == (400, "invalid_grant")));
    assert_eq!(refresh(&app, good[0].str("refresh_token"), &[]).await.error(), (400, "invalid_grant"));
    assert_eq!(app.get("/userinfo").bearer(good[0].str("access_token")).send().await.status, 401);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'code_replayed'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_valid_second_redemption_ends_the_authorization() {
    let app = app().await;
    let code = code(&app).await;
    let tokens = app.redeem(&code, &[]).await;
    assert_eq!(
        app.redeem(&code, &[("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl")]).await.error(),
        (400, "invalid_grant")
    );
    assert_eq!(app.redeem(&code, &[("redirect_uri", "https://evil.example")]).await.error(), (400, "invalid_grant"));
    let alive = refresh(&app, tokens.str("refresh_token"), &[]).await;
    assert_eq!(alive.status, 200, "an outsider's replay does no harm");
    // A valid second redemption ends the tokens even after the code has expired.
    app.advance(3600);
    assert_eq!(app.redeem(&code, &[]).await.error(), (400, "invalid_grant"));
    assert_eq!(refresh(&app, alive.str("refresh_token"), &[]).await.error(), (400, "invalid_grant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_code_or_token_survives_a_withdrawal_that_is_answered() {
    let app = app().await;
    for _ in 0..6 {
        let browser = app.signed_in("alice").await;
        let request = app.authorize(&[("scope", "openid orders:read offline_access"), ("prompt", "consent")]);
        browser.code(&request).await;
        let page = browser.get("/account/consents").await;
        let silent = app.authorize(&[("scope", "openid orders:read offline_access"), ("prompt", "none")]);
        // Half of them have their codes already, and the others ask for one while the person withdraws the consent.
        let mut codes = Vec::new();
        for _ in 0..6 {
            codes.push(browser.code(&silent).await);
        }
        let tries = (0..12).map(|number| {
            let (codes, browser, app, silent) = (&codes, &browser, &app, &silent);
            async move {
                let code = match codes.get(number) {
                    Some(code) => code.clone(),
                    None => browser.get_once(silent).await.reply().get("code").cloned().unwrap_or_default(),
                };
                app.redeem(&code, &[]).await
            }
        });
        let (answers, withdrawn) = tokio::join!(at_once(tries.collect()), browser.submit(&page, "/account/consents", &[]));
        assert!(withdrawn.text.contains("Withdrawn."));
        for answer in answers.iter().filter(|answer| answer.status == 200) {
            assert_eq!(app.get("/userinfo").bearer(answer.str("access_token")).send().await.status, 401);
            assert_eq!(refresh(&app, answer.str("refresh_token"), &[]).await.error(), (400, "invalid_grant"));
        }
        assert!(
            answers.iter().all(|answer| answer.status == 200
                || answer.error() == (400, "invalid_grant")
                || answer.error() == (400, "invalid_request"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn authorizations_end_with_their_session_unless_offline() {
    let app = app().await;
    for (scope, survives) in [("openid orders:read", false), ("openid orders:read offline_access", true)] {
        let browser = app.signed_in("alice").await;
        let tokens = app.code_flow(&browser, &[("scope", scope), ("prompt", "consent")]).await;
        let account = browser.get("/account").await;
        browser.submit(&account, "/account/sign-out", &[]).await;
        let refreshed = refresh(&app, tokens.str("refresh_token"), &[]).await;
        assert_eq!(refreshed.status == 200, survives, "{scope}: {}", refreshed.text);
    }
    // The same happens when the session expires.
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[("scope", "openid orders:read")]).await;
    app.advance(8 * 3600 - 1);
    let tokens = refresh(&app, tokens.str("refresh_token"), &[]).await;
    assert_eq!(tokens.status, 200);
    app.advance(2);
    assert_eq!(refresh(&app, tokens.str("refresh_token"), &[]).await.error(), (400, "invalid_grant"));
    assert_eq!(app.get("/userinfo").bearer(tokens.str("access_token")).send().await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_resources_of_the_request_bound_those_of_the_tokens() {
    let app = app().await;
    let userinfo = format!("{}/userinfo", app.url);
    let browser = app.signed_in("alice").await;
    let both = [("resource", ORDERS), ("resource", userinfo.as_str())];
    let tokens = app.code_flow(&browser, &both).await;
    assert_eq!(tokens.claims()["aud"], json!([ORDERS, userinfo]));
    let only = refresh(&app, tokens.str("refresh_token"), &[("resource", &userinfo)]).await;
    assert_eq!((&only.claims()["aud"], only.str("scope")), (&json!(userinfo), "openid profile"));
    let beyond = refresh(&app, only.str("refresh_token"), &[("resource", &app.url)]).await;
    assert_eq!(beyond.error(), (400, "invalid_target"));

    let one = app.code_flow(&browser, &[("resource", ORDERS)]).await;
    let beyond = refresh(&app, one.str("refresh_token"), &[("resource", &userinfo)]).await;
    assert_eq!(beyond.error(), (400, "invalid_target"));
    let code = browser.code(&app.authorize(&[])).await;
    let extra = app.redeem(&code, &[("scope", "admin orders:write")]).await;
    assert_eq!(extra.str("scope"), "openid orders:read profile", "a scope at the token endpoint adds nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_is_gone_does_not_keep_a_refresh_from_another_one() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let userinfo = format!("{}/userinfo", app.url);
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[("resource", ORDERS), ("resource", &userinfo)]).await;
    app.operate(|change| Box::pin(resources::remove(change, ORDERS))).await.unwrap();
    let unnamed = refresh(&app, tokens.str("refresh_token"), &[]).await;
    assert_eq!(unnamed.error(), (400, "invalid_target"), "the first resource is gone, and the request names no other");
    let named = refresh(&app, tokens.str("refresh_token"), &[("resource", &userinfo)]).await;
    assert_eq!(named.status, 200, "{}", named.text);
    assert_eq!(named.claims()["aud"], json!(userinfo));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_outlives_the_session_or_the_authorization_that_it_needs() {
    let app = TestApp::with(|settings| {
        settings.session_idle_lifetime = 900;
        settings.session_absolute_lifetime = 1200;
        settings.refresh_idle_lifetime = 1500;
        settings.refresh_absolute_lifetime = 1500;
    });
    let app = app.await.with_orders().await.with_user("alice").await.with_web().await;
    let browser = app.browser();
    for (scope, end) in [("openid orders:read", 900), ("openid orders:read offline_access", 1500)] {
        let began = app.clock_now();
        let page = browser.get(&app.authorize(&[("scope", scope), ("prompt", "login consent")])).await;
        let page = browser.sign_in(&page, "alice", PASSWORD).await;
        let mut tokens = app.redeem(&browser.consent(&page).await.reply()["code"], &[]).await;
        // Without this end the tokens would live for 600 s.
        for since in [0, 300, 600, 899, 1499, 1500] {
            if since > 0 {
                app.advance(u64::try_from(began + since - app.clock_now()).unwrap());
                tokens = refresh(&app, tokens.str("refresh_token"), &[]).await;
            }
            if since >= end {
                assert_eq!(tokens.error(), (400, "invalid_grant"), "{scope} {since}");
                break;
            }
            let expected = std::cmp::min(600, end - since);
            assert_eq!(tokens.json["expires_in"], expected, "{scope} {since}: {}", tokens.text);
            assert_eq!(claims(tokens.str("access_token"))["exp"], began + since + expected, "{scope} {since}");
        }
    }
}
