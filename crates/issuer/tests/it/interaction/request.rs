//! The client is told of every error in its request, and a hint names the user for whom it asks.

use serde_json::json;

use crate::interaction::app;
use crate::support::{CALLBACK, PASSWORD, claims};

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
    let claims = browser.get(&app.authorize(&[("claims", "[]")])).await.reply();
    let expected = "claims: expected a JSON object as in OpenID Connect Core 5.5, such as {userinfo: {email: null}} with quotes; found []";
    assert_eq!(claims["error_description"], expected);
    let resource = app.signed_in("alice").await.get(&app.authorize(&[("resource", "https://nowhere.example")])).await;
    assert_eq!(resource.reply()["error"], "invalid_target");
    let nothing = app.signed_in("alice").await.get(&app.authorize(&[("scope", "admin")])).await;
    assert_eq!(nothing.reply()["error"], "invalid_scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_which_nothing_can_be_granted_says_whether_the_client_or_the_user_lacks_the_scope() {
    let app = app().await;
    app.add_user("carol", &[]).await;
    let without_role = app.signed_in("carol").await;
    for (scope, expected) in [
        ("admin nonsense", "scope: none can be granted: admin nonsense; the client is not registered for it"),
        ("orders:read", "scope: none can be granted: orders:read; the user has no role with it"),
        ("orders:read nonsense", "scope: none can be granted: orders:read; the user has no role with it"),
    ] {
        let reply = without_role.get(&app.authorize(&[("scope", scope)])).await.reply();
        assert_eq!(reply["error"], "invalid_scope", "{scope}");
        assert!(reply["error_description"].starts_with(expected), "{scope}: {}", reply["error_description"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_hint_names_the_user_who_must_answer() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[]).await;
    let hint = tokens.str("id_token");
    assert!(browser.get(&app.authorize(&[("prompt", "none"), ("id_token_hint", hint)])).await.reply().contains_key("code"));
    // An expired hint still names the user.
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
async fn hints_that_name_different_users_are_refused() {
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
