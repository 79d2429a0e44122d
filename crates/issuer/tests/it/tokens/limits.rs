//! What one part of the issuer makes, each other part that reads it must be able to read, at the limits that are set.

use signet_verifier::MAX_TOKEN_BYTES;

use crate::interaction::app;
use crate::support::{Answer, CALLBACK, PASSWORD, SECRET, TestApp};
use crate::tokens::verify;

/// Texts of `length` bytes that become longer in JSON, in URLs, or in both.
fn texts(length: usize) -> [String; 4] {
    ["x".repeat(length), "\"".repeat(length), "\u{1}".repeat(length), "é".repeat(length / 2)]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_with_the_longest_nonce_is_a_hint() {
    let app = app().await;
    for nonce in texts(1024) {
        let browser = app.signed_in("alice").await;
        let tokens = app.code_flow(&browser, &[("nonce", &nonce)]).await;
        let hint = tokens.str("id_token");
        assert_eq!(crate::support::claims(hint)["nonce"], nonce.as_str());
        let silent = browser.get(&app.authorize(&[("prompt", "none"), ("id_token_hint", hint)])).await;
        assert!(silent.reply().contains_key("code"), "{} bytes", hint.len());
        let out = [("id_token_hint", hint), ("post_logout_redirect_uri", "https://shop.example/bye"), ("state", "s")];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(out).finish();
        let left = browser.get(&format!("/end_session?{query}")).await;
        assert_eq!(left.reply()["state"], "s", "{} bytes: {}", hint.len(), left.text);
        assert_eq!(browser.get("/account").await.heading(), "Sign in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_with_the_longest_claims_is_a_hint() {
    let app = app().await;
    let long = "ü".repeat(200);
    let names = ["given_name", "family_name", "middle_name", "nickname", "street_address", "locality", "region", "country"];
    let claims: Vec<(String, String)> = names.iter().map(|name| ((*name).to_owned(), long.clone())).collect();
    let id = signet_issuer::admin::users::show(&app.reading(), "alice").await.unwrap().id;
    app.operate(|change| Box::pin(signet_issuer::admin::users::set_claims(change, id, &claims))).await.unwrap();
    let browser = app.signed_in("alice").await;
    let asked = r#"{"id_token":{"given_name":null,"family_name":null,"middle_name":null,"nickname":null,"address":null}}"#;
    let scope = ("scope", "openid profile address");
    let tokens = app.code_flow(&browser, &[scope, ("claims", asked), ("nonce", &"x".repeat(1024))]).await;
    let hint = tokens.str("id_token");
    assert!(hint.len() > MAX_TOKEN_BYTES, "this test needs a long one: {}", hint.len());
    let silent = browser.get(&app.authorize(&[scope, ("prompt", "none"), ("id_token_hint", hint)])).await.reply();
    assert!(silent.contains_key("code"), "{silent:?}");
}

/// Sends an authorization request of `web`, signs alice in and consents.
async fn flow(app: &TestApp, more: &[(&str, &str)]) -> Answer {
    let browser = app.browser();
    let mut answer = browser.get(&app.authorize(more)).await;
    if answer.text.contains("action=\"/sign-in\"") {
        answer = browser.sign_in(&answer, "alice", PASSWORD).await;
    }
    if answer.text.contains("action=\"/consent\"") { browser.consent(&answer).await } else { answer }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_state_comes_back_as_it_was_sent() {
    let app = app().await;
    for state in texts(4096) {
        let answer = flow(&app, &[("state", &state)]).await;
        assert_eq!(answer.reply().get("state"), Some(&state), "{}", answer.status);
    }
    let form_post = flow(&app, &[("state", &"x".repeat(4096)), ("response_mode", "form_post")]).await;
    assert_eq!(form_post.hidden(CALLBACK).into_iter().find(|(name, _)| name == "state").unwrap().1.len(), 4096);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_limits_the_client_is_told() {
    let app = app().await;
    let long_state = flow(&app, &[("state", &"x".repeat(4097))]).await.reply();
    assert_eq!((long_state["error"].as_str(), long_state.get("state")), ("invalid_request", None));
    assert_eq!(long_state["error_description"], "state: expected at most 4096 bytes; found 4097");
    let long_nonce = flow(&app, &[("nonce", &"x".repeat(1025))]).await.reply();
    assert_eq!((long_nonce["error"].as_str(), long_nonce["state"].as_str()), ("invalid_request", "the state"));
    assert_eq!(long_nonce["error_description"], "nonce: expected at most 1024 bytes; found 1025");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_remedy_for_too_long_claims_is_that_of_the_token() {
    use signet_issuer::admin::edit_resource::{self, ResourcePatch};
    use signet_issuer::admin::groups::{self, GroupDraft};
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let alice = ["alice".to_owned()];
    for number in 0..60 {
        let name = format!("{number:03}{}", "g".repeat(120));
        let draft = GroupDraft { name: name.clone(), ..GroupDraft::default() };
        app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
        app.operate(|change| Box::pin(groups::change_members(change, &name, &alice, &[]))).await.unwrap();
    }
    let told = Some(vec![signet_issuer::oauth::token_claim::TokenClaim::Groups]);
    let patch = ResourcePatch { token_claims: told, ..ResourcePatch::default() };
    app.operate(|change| Box::pin(edit_resource::edit(change, "https://orders.example", patch))).await.unwrap();
    let refused = app.sign_in("alice", "orders:read").await;
    let reason = refused.str("error_description");
    assert_eq!(refused.error(), (400, "invalid_scope"), "{}", refused.text);
    assert!(reason.contains("in the access token are") && reason.contains("from the resource"), "{reason}");
    assert!(!reason.contains("give the client fewer claims"), "{reason}");
}

/// Every access token that is made can be read by services and by our own endpoints; a longer one is not made.
#[tokio::test(flavor = "multi_thread")]
async fn no_access_token_is_longer_than_services_read() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let names: Vec<String> = (0..60).map(|number| format!("{number:03}{}", "s".repeat(125))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    app.add_resource("https://many.example", &names, None).await;
    app.change_clerk(&names, &[]).await;
    let all = [&names[..], &["openid"]].concat();
    app.add_client_with("many", false, "password", &all, |client| client.default_resource = Some("https://many.example".to_owned())).await;
    app.add_client_with("service", false, "", &[], |client| client.default_resource = Some("https://many.example".to_owned())).await;
    let ask = async |count: usize| {
        let scope = names[..count].join(" ");
        let form = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", &scope)];
        app.post("/token").basic_auth("many", SECRET).form(&form).send().await
    };
    let mut refused = 0;
    for count in (1..=60).step_by(6).chain(38..48) {
        let answer = ask(count).await;
        if answer.status == 200 {
            let token = answer.str("access_token");
            assert!(verify(&app, "https://many.example", false, token).await.is_ok(), "{count} scopes, {} bytes", token.len());
            assert_eq!(app.introspect("service", token).await.json["active"], true, "{count} scopes, {} bytes", token.len());
        } else {
            assert_eq!(answer.error(), (400, "invalid_scope"), "{count} scopes");
            assert!(answer.str("error_description").contains("longer than 8192 bytes"), "{}", answer.text);
            refused += 1;
            // The attempt counts like one with a wrong password.
            app.advance(600);
        }
    }
    assert!(refused > 1, "this test needs too many scopes");
    assert_eq!(ask(0).await.error(), (400, "invalid_scope"), "all scopes are too many as well");
}
