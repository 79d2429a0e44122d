//! The authorization endpoint: what it refuses and how, what it asks of the person, and that nobody gets through for another.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use signet_issuer::oauth::application_type::ApplicationType;

use crate::support::{Answer, CALLBACK, PASSWORD, TestApp, at_once, claims};

async fn app() -> TestApp {
    TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await.with_web().await
}

fn is_error_page(answer: &Answer) -> bool {
    answer.header("location").is_empty() && (400..500).contains(&answer.status) && answer.heading() == "This link does not work"
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_client_or_redirect_uri_is_never_sent_anywhere() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    for wrong in [
        &[("client_id", "")][..],
        &[("client_id", "nobody")],
        &[("client_id", "web"), ("client_id", "web")],
        &[("redirect_uri", "")],
        &[("redirect_uri", CALLBACK), ("redirect_uri", CALLBACK)],
    ] {
        assert!(is_error_page(&browser.get(&app.authorize(wrong)).await), "{wrong:?}");
    }
    for uri in [
        "https://shop.example/callback/",
        "https://shop.example/callback?",
        "https://shop.example/callback#",
        "https://shop.example/Callback",
        "https://SHOP.example/callback",
        "HTTPS://shop.example/callback",
        "http://shop.example/callback",
        "https://shop.example:443/callback",
        "https://shop.example./callback",
        "https://shop.example/./callback",
        "https://shop.example/x/../callback",
        "https://shop.example/callback/..;/",
        "https://shop.example/%63allback",
        "https://shop.example/callback%2e",
        "https://shop.example//callback",
        "https://shop.example\\callback",
        "https://shop.example@evil.example/callback",
        "https://evil.example@shop.example/callback",
        "https://a@b@shop.example/callback",
        "https://shop.example.evil.example/callback",
        "https://evilshop.example/callback",
        "https://shopxexample/callback",
        "https://[::1]/callback",
        "https://shop.example\t/callback",
        " https://shop.example/callback",
        "https://shop.example/callback ",
        "https://shop.example/callback\n",
        "//shop.example/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "",
    ] {
        let answer = browser.get(&app.authorize(&[("redirect_uri", uri)])).await;
        assert!(is_error_page(&answer), "{uri:?}: {} {}", answer.status, answer.header("location"));
    }
    app.disable_client("web").await;
    assert!(is_error_page(&browser.get(&app.authorize(&[])).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_error_goes_back_to_the_client() {
    let app = app().await;
    let browser = app.browser();
    for (wrong, error) in [
        (&[("response_type", "")][..], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("response_type", "code id_token")], "unsupported_response_type"),
        (&[("response_mode", "fragment")], "invalid_request"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge", "too-short")], "invalid_request"),
        (&[("scope", "openid \"")], "invalid_scope"),
        (&[("nonce", "a"), ("nonce", "b")], "invalid_request"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("prompt", "create")], "invalid_request"),
        (&[("max_age", "-1")], "invalid_request"),
        (&[("max_age", "soon")], "invalid_request"),
        (&[("claims", "not json")], "invalid_request"),
        (&[("claims", "[]")], "invalid_request"),
        (&[("id_token_hint", "x.y.z")], "invalid_request"),
        (&[("request", "x")], "request_not_supported"),
        (&[("request_uri", "https://shop.example/request")], "request_uri_not_supported"),
        (&[("registration", "{}")], "registration_not_supported"),
        (&[("claims", r#"{"id_token":{"acr":{"essential":true,"value":"gold"}}}"#)], "unmet_authentication_requirements"),
        (&[("prompt", "none")], "login_required"),
    ] {
        let answer = browser.get(&app.authorize(wrong)).await;
        assert!(answer.header("location").starts_with(&format!("{CALLBACK}?error=")), "{wrong:?}: {}", answer.text);
        let reply = answer.reply();
        assert_eq!(reply["error"], error, "{wrong:?}");
        assert_eq!((reply["state"].as_str(), reply["iss"].as_str()), ("the state", app.app.settings.issuer.as_str()), "{wrong:?}");
    }
    let resource = app.signed_in("alice").await.get(&app.authorize(&[("resource", "https://nowhere.example")])).await;
    assert_eq!(resource.reply()["error"], "invalid_target");
    let nothing = app.signed_in("alice").await.get(&app.authorize(&[("scope", "admin")])).await;
    assert_eq!(nothing.reply()["error"], "invalid_scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_in_the_asked_mode() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    browser.code(&app.authorize(&[])).await;
    let page = browser.get(&app.authorize(&[("response_mode", "form_post")])).await;
    let (action, script) = (format!("action=\"{CALLBACK}\""), "document.forms[0].submit()");
    assert!(page.text.contains(&action) && page.text.contains(&format!("<script>{script}</script>")), "{}", page.text);
    let fields: std::collections::HashMap<_, _> = page.hidden(CALLBACK).into_iter().collect();
    assert_eq!((fields["state"].as_str(), fields["iss"].as_str()), ("the state", app.app.settings.issuer.as_str()));
    assert_eq!(app.redeem(&fields["code"], &[]).await.status, 200);
    let hash = BASE64_STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, script.as_bytes()));
    let csp = page.header("content-security-policy");
    assert!(csp.contains(&format!("script-src 'sha256-{hash}'")) && !csp.contains("form-action"), "{csp}");

    let error = browser.get(&app.authorize(&[("response_mode", "form_post"), ("prompt", "none"), ("scope", "admin")])).await;
    let fields: std::collections::HashMap<_, _> = error.hidden(CALLBACK).into_iter().collect();
    assert_eq!(fields["error"], "invalid_scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_from_another_site_is_asked_again_with_get() {
    let app = app().await;
    let form = app.authorize(&[]).strip_prefix("/authorize?").unwrap().to_owned();
    let answer =
        app.http.post(format!("{}/authorize", app.url)).header("content-type", "application/x-www-form-urlencoded").body(form.clone());
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = client.execute(answer.build().unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, format!("/authorize?{form}").as_str()));
    assert!(answer.headers().get("set-cookie").is_none(), "the browser keeps the cookie that it has");
    // Repeated parameters are judged after the client is known, as with GET.
    let twice = app.browser();
    let twice = twice.get("/sign-in").await.status == 200 && {
        let body = app.authorize(&[("resource", crate::support::ORDERS), ("resource", &app.url), ("nonce", "a"), ("nonce", "b")]);
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(body.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        twice.post("/authorize", &fields).await.reply()["error_description"] == "a parameter is repeated"
    };
    assert!(twice);
    let long = app.browser().post("/authorize", &[("client_id", "web"), ("state", &"x".repeat(9000))]).await;
    assert!(is_error_page(&long));
    let page = app.browser().post("/authorize", &[("client_id", "web"), ("redirect_uri", CALLBACK), ("response_type", "token")]).await;
    assert_eq!(page.reply()["error"], "unsupported_response_type");
}

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
    // Remembered, also in another browser, for what was allowed and less.
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
async fn a_client_that_anyone_may_pose_as_asks_each_time() {
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
    // The issuer's own is no exception.
    app.sql("UPDATE clients SET first_party = TRUE WHERE id = 'native'").await;
    assert_eq!(browser.get(&request("none")).await.reply()["error"], "consent_required");
    // Nor can a public client do without PKCE, whatever it is registered for.
    app.sql("UPDATE clients SET require_pkce = FALSE WHERE id = 'native'").await;
    let native = [("client_id", "native"), ("redirect_uri", loopback), ("code_challenge", ""), ("code_challenge_method", "")];
    assert_eq!(browser.get(&app.authorize(&native)).await.reply()["error"], "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_force_what_they_say() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    browser.code(&app.authorize(&[])).await;
    let mut now = crate::support::START;
    for again in [&[("prompt", "login")][..], &[("max_age", "99")], &[("max_age", "0")]] {
        app.advance(100);
        now += 100;
        let page = browser.get(&app.authorize(again)).await;
        assert_eq!(page.heading(), "Sign in", "{again:?}");
        // Going on without signing in leads back here.
        let id = page.hidden("/sign-in").into_iter().find(|(name, _)| name == "request").unwrap().1;
        assert_eq!(browser.get(&format!("/authorize/resume?request={id}")).await.heading(), "Sign in");
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
async fn hints_name_the_user() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[]).await;
    let hint = tokens.str("id_token");
    assert!(browser.get(&app.authorize(&[("prompt", "none"), ("id_token_hint", hint)])).await.reply().contains_key("code"));
    // Expired, it still says who.
    app.advance(3601);
    assert!(browser.get(&app.authorize(&[("prompt", "none"), ("id_token_hint", hint)])).await.reply().contains_key("code"));
    let bob = app.signed_in("bob").await;
    assert_eq!(bob.get(&app.authorize(&[("prompt", "none"), ("id_token_hint", hint)])).await.reply()["error"], "login_required");
    let page = bob.get(&app.authorize(&[("id_token_hint", hint)])).await;
    assert_eq!(
        bob.sign_in(&page, "bob", PASSWORD).await.reply()["error"],
        "login_required",
        "another person than the one who was asked for"
    );
    let page = bob.get(&app.authorize(&[("id_token_hint", hint)])).await;
    assert!(bob.sign_in(&page, "alice", PASSWORD).await.reply().contains_key("code"));
    let wished = json!({ "id_token": { "sub": { "value": claims(hint)["sub"] } } }).to_string();
    let bob = app.signed_in("bob").await;
    assert_eq!(bob.get(&app.authorize(&[("prompt", "none"), ("claims", &wished)])).await.reply()["error"], "login_required");
    assert_eq!(bob.get(&app.authorize(&[("id_token_hint", tokens.str("access_token"))])).await.reply()["error"], "invalid_request");

    let page = app.browser().get(&app.authorize(&[("login_hint", "carol@example.com")])).await;
    assert!(page.text.contains("value=\"carol@example.com\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_outlive_their_keys_but_not_a_revocation() {
    let app = app().await;
    let tokens = app.code_flow(&app.signed_in("alice").await, &[]).await;
    let hint = tokens.str("id_token");
    let kid = crate::support::header(hint)["kid"].as_str().unwrap().to_owned();
    for _ in 0..100 {
        app.advance(12 * 3600);
        app.app.rotation().maintain().await.unwrap();
    }
    let jwks = app.get("/.well-known/jwks.json").send().await;
    assert!(!jwks.text.contains(&kid), "it is out of the JWKS");
    let silent = app.authorize(&[("prompt", "none"), ("id_token_hint", hint)]);
    assert!(app.signed_in("alice").await.get(&silent).await.reply().contains_key("code"));
    assert!(crate::keys::revoke(&app.app, &kid).await);
    app.advance(10);
    assert_eq!(app.signed_in("alice").await.get(&silent).await.reply()["error"], "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_come_by_scope_and_one_by_one() {
    let app = app().await;
    app.sql(r#"UPDATE users SET claims = '{"nickname":"Al","phone_number":"+49 30 901820","locality":"Berlin","country":"Germany"}'"#)
        .await;
    let browser = app.signed_in("alice").await;
    let asked = r#"{"userinfo":{"nickname":{"essential":true},"email":null},"id_token":{"phone_number":null,"auth_time":{"essential":true},"unknown":null}}"#;
    let tokens = app.code_flow(&browser, &[("scope", "openid"), ("claims", asked)]).await;
    assert_eq!(claims(tokens.str("id_token"))["phone_number"], "+49 30 901820");
    let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await;
    let sub = claims(tokens.str("id_token"))["sub"].clone();
    assert_eq!(userinfo.json, json!({ "sub": sub, "nickname": "Al", "email": "alice@example.com" }));
    let all = app.code_flow(&browser, &[("scope", "openid profile email address phone"), ("prompt", "consent")]).await;
    let userinfo = app.post("/userinfo").bearer(all.str("access_token")).send().await;
    let expected = json!({
        "sub": sub, "name": "alice Example", "preferred_username": "alice", "nickname": "Al", "updated_at": crate::support::START,
        "email": "alice@example.com", "email_verified": true, "phone_number": "+49 30 901820", "phone_number_verified": false,
        "address": { "locality": "Berlin", "country": "Germany", "formatted": "Berlin\nGermany" },
    });
    assert_eq!(userinfo.json, expected);
    // What the client may not ask by scope it may not ask one by one either.
    app.add_client_with("narrow", false, "authorization_code", &["openid"], |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.first_party = true;
    })
    .await;
    let code = browser.code(&app.authorize(&[("client_id", "narrow"), ("scope", "openid"), ("claims", asked)])).await;
    let form =
        [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK), ("code_verifier", crate::support::VERIFIER)];
    let tokens = app.post("/token").basic_auth("narrow", crate::support::SECRET).form(&form).send().await;
    assert_eq!(app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json, json!({ "sub": sub }));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_sign_in_at_once() {
    let app = app().await;
    let browser = app.browser();
    let (one, two) = (browser.get(&app.authorize(&[("state", "one")])).await, browser.get(&app.authorize(&[("state", "two")])).await);
    let (one, two) = tokio::join!(browser.sign_in(&one, "alice", PASSWORD), browser.sign_in(&two, "alice", PASSWORD));
    for page in [&one, &two] {
        assert_eq!(page.heading(), "Allow Web Shop access?");
    }
    // One after the other: the second form is of before the sign-in, and its request goes on all the same.
    let browser = app.browser();
    let (one, two) = (browser.get(&app.authorize(&[("state", "one")])).await, browser.get(&app.authorize(&[("state", "two")])).await);
    let one = browser.sign_in(&one, "alice", PASSWORD).await;
    let two = browser.sign_in(&two, "alice", PASSWORD).await;
    assert_eq!(browser.consent(&one).await.reply()["state"], "one");
    let two =
        if two.status == 303 { two } else { browser.get(&format!("/authorize/resume?request={}", two.hidden("/consent")[1].1)).await };
    assert_eq!(two.reply()["state"], "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_open_at_once() {
    let app = app().await;
    for _ in 0..5 {
        let browser = app.signed_in("alice").await;
        let (one, two) = (app.authorize(&[("prompt", "login"), ("state", "1")]), app.authorize(&[("prompt", "login"), ("state", "2")]));
        let (one, two) = tokio::join!(browser.get(&one), browser.get(&two));
        assert_eq!((one.heading(), two.heading()), ("Sign in", "Sign in"));
        let (profile, devices) = tokio::join!(browser.get("/account"), browser.get("/account/devices"));
        assert_eq!(browser.submit(&devices, "/account/devices", &[("action", "end-others")]).await.heading(), "Devices");
        assert_eq!(browser.submit(&profile, "/account", &[("nickname", "Al")]).await.heading(), "Profile");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_an_attacker_prepared_gives_nothing() {
    let app = app().await;
    let (attacker, victim) = (app.browser(), app.signed_in("alice").await);
    let page = attacker.get(&app.authorize(&[])).await;
    let id = page.hidden("/sign-in").into_iter().find(|(name, _)| name == "request").unwrap().1;
    for path in ["/sign-in", "/consent", "/select-account", "/authorize/resume"] {
        let answer = victim.get(&format!("{path}?request={id}")).await;
        assert_eq!((answer.status, answer.heading()), (400, "This page has expired"), "{path}");
    }
    // Fixation: the victim signs in with a cookie that the attacker knows.
    let victim = app.browser();
    victim.set_cookie(&attacker.cookie().unwrap());
    let page = victim.get("/sign-in").await;
    assert_eq!(victim.sign_in(&page, "alice", PASSWORD).await.status, 200);
    assert_ne!(victim.cookie(), attacker.cookie());
    assert_eq!(attacker.get("/account").await.heading(), "Sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_cannot_be_skipped_or_forged() {
    let app = app().await;
    let browser = app.browser();
    let page = browser.get(&app.authorize(&[])).await;
    let id = page.hidden("/sign-in").into_iter().find(|(name, _)| name == "request").unwrap().1;
    assert_eq!(browser.get(&format!("/consent?request={id}")).await.heading(), "Sign in");
    assert_eq!(browser.get(&format!("/select-account?request={id}")).await.heading(), "Sign in");
    for (path, fields) in [
        ("/consent", vec![("request", id.as_str()), ("choice", "allow")]),
        ("/consent", vec![("request", id.as_str()), ("choice", "allow"), ("csrf", "x")]),
        ("/select-account", vec![("request", id.as_str()), ("choice", "continue")]),
        ("/account", vec![("name", "Mallory")]),
        ("/account/password", vec![]),
        ("/account/devices", vec![("action", "end-others")]),
        ("/account/consents", vec![("client_id", "web")]),
        ("/account/sign-out", vec![]),
        ("/end_session/confirm", vec![("choice", "sign-out")]),
    ] {
        let anonymous = browser.post(path, &fields).await;
        assert!(anonymous.status == 403 || anonymous.heading() == "Sign in", "{path}");
        assert_eq!(app.signed_in("alice").await.post(path, &fields).await.status, 403, "{path}");
    }
    let forged = browser.post("/sign-in", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(forged.heading(), "Sign in", "login CSRF");
    assert_eq!(browser.get("/account").await.heading(), "Sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_one_request_is_given_once() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let page = browser.get(&app.authorize(&[])).await;
    let id = page.hidden("/consent").into_iter().find(|(name, _)| name == "request").unwrap().1;
    assert!(browser.consent(&page).await.reply().contains_key("code"));
    assert_eq!(browser.get(&format!("/authorize/resume?request={id}")).await.heading(), "This page has expired");
    // A request waits for an hour.
    let page = app.signed_in("bob").await;
    let waiting = page.get(&app.authorize(&[("prompt", "consent")])).await;
    app.advance(3600);
    assert_eq!(page.submit(&waiting, "/consent", &[("choice", "allow")]).await.heading(), "This page has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_has_one_answer_however_many_tabs_go_on_with_it() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    browser.code(&app.authorize(&[])).await;
    let page = browser.get(&app.authorize(&[("prompt", "select_account")])).await;
    let id = page.hidden("/select-account").into_iter().find(|(name, _)| name == "request").unwrap().1;
    let tries = (0..20).map(|_| browser.submit(&page, "/select-account", &[("choice", "continue")]));
    let answers = at_once(tries.collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.header("location").contains("code=")).count(), 1);
    assert_eq!(browser.get(&format!("/authorize/resume?request={id}")).await.heading(), "This page has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tabs_of_one_browser_lose_nothing() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let tabs = (0..100).map(|_| browser.get_once("/authorize?"));
    assert!(at_once(tabs.collect()).await.iter().all(|answer| answer.status == 400));
    let request = app.authorize(&[("prompt", "consent")]);
    browser.get(&request).await;
    let answers = at_once((0..100).map(|_| browser.get_once(&request)).collect()).await;
    assert!(answers.iter().all(|answer| answer.status == 303 && answer.header("location").starts_with("/consent?request=")));
    // The latest ten wait, the last one among them.
    for _ in 0..15 {
        assert_eq!(browser.get(&request).await.heading(), "Allow Web Shop access?");
    }
    assert_eq!(app.count("SELECT count(*) FROM waiting_requests").await, 10);
    // What is allowed in two tabs at once is allowed.
    for _ in 0..5 {
        let asked = ["openid email", "openid address", "openid phone", "openid profile"]
            .map(|scope| app.authorize(&[("scope", scope), ("prompt", "consent")]));
        let mut pages = Vec::new();
        for request in &asked {
            pages.push(browser.get(request).await);
        }
        let answers = at_once(pages.iter().map(|page| browser.consent(page)).collect()).await;
        assert!(answers.iter().all(|answer| answer.header("location").contains("code=")), "{answers:?}");
        app.sql("DELETE FROM consents").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn max_age_counts_to_the_answer() {
    let app = app().await;
    let browser = app.browser();
    let page = browser.get(&app.authorize(&[("max_age", "60")])).await;
    let id = page.hidden("/sign-in").into_iter().find(|(name, _)| name == "request").unwrap().1;
    let by_itself = browser.get("/sign-in").await;
    browser.sign_in(&by_itself, "alice", PASSWORD).await;
    app.advance(61);
    assert_eq!(browser.get(&format!("/authorize/resume?request={id}")).await.heading(), "Sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_that_differ_name_nobody() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let hint = app.code_flow(&browser, &[]).await.str("id_token").to_owned();
    let bob = app.code_flow(&app.signed_in("bob").await, &[]).await;
    let wished = json!({ "id_token": { "sub": { "value": claims(bob.str("id_token"))["sub"] } } }).to_string();
    let both = [("prompt", "none"), ("id_token_hint", hint.as_str()), ("claims", &wished)];
    assert_eq!(browser.get(&app.authorize(&both)).await.reply()["error"], "login_required");
    for acr in [r#"{"essential":true,"value":5}"#, r#"{"essential":true,"values":["gold"]}"#] {
        let asked = format!(r#"{{"id_token":{{"acr":{acr}}}}}"#);
        let answer = browser.get(&app.authorize(&[("claims", &asked)])).await;
        assert_eq!(answer.reply()["error"], "unmet_authentication_requirements", "{acr}");
    }
    for acr in
        [r#"{"essential":true,"values":null}"#, r#"{"essential":true,"values":["gold","urn:signet:acr:password"]}"#, r#"{"value":"gold"}"#]
    {
        let asked = format!(r#"{{"id_token":{{"acr":{acr}}}}}"#);
        assert!(browser.get(&app.authorize(&[("claims", &asked), ("prompt", "none")])).await.reply().contains_key("code"), "{acr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_scheme_names_no_host() {
    let app = app().await;
    let uri = "com.evil.app://accounts.bank.example/cb";
    app.add_client_with("native", true, "authorization_code", &["openid"], |client| {
        client.redirect_uris = vec![uri.into()];
        client.metadata.application_type = ApplicationType::Native;
    })
    .await;
    let page =
        app.signed_in("alice").await.get(&app.authorize(&[("client_id", "native"), ("redirect_uri", uri), ("scope", "openid")])).await;
    assert!(page.text.contains("an app on this device (com.evil.app)") && !page.text.contains("bank.example"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_users_and_first_party_clients() {
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
