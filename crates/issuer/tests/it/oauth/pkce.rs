//! Whether an authorization request must carry a PKCE challenge depends on the client, and the refusal names the remedy.

use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::oauth::pkce::Pkce;

use crate::support::{Answer, Browser, CALLBACK, Log, TestApp};

const BARE: [(&str, &str); 2] = [("code_challenge", ""), ("code_challenge_method", "")];

async fn app(pkce: Option<Pkce>, scopes: &[&str]) -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client_with("web", false, "authorization_code", scopes, |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        (client.pkce, client.first_party) = (pkce, true);
    })
    .await;
    app
}

async fn ask(app: &TestApp, browser: &Browser, more: &[(&str, &str)]) -> Answer {
    browser.get(&app.authorize(&[&BARE, more].concat())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_challenge_needs_what_the_client_is_set_to() {
    use Pkce::{Nonce, Optional, Required};
    let app = app(None, &["openid", "orders:read"]).await;
    let browser = app.signed_in("alice").await;
    for (pkce, more, accepted) in [
        (None, &[("scope", "openid")][..], true),
        (Some(Nonce), &[("scope", "orders:read openid")], true),
        (Some(Nonce), &[("scope", "openid"), ("nonce", "")], false),
        (Some(Nonce), &[("scope", "orders:read")], false),
        (Some(Nonce), &[("scope", "openidx")], false),
        (Some(Nonce), &[("scope", "")], false),
        (Some(Optional), &[("scope", "openid"), ("nonce", "")], true),
        (Some(Optional), &[("scope", "orders:read"), ("nonce", "")], true),
        (Some(Required), &[("scope", "openid")], false),
    ] {
        app.edit_client("web", ClientPatch { pkce: pkce.into(), ..ClientPatch::default() }).await.unwrap();
        let reply = ask(&app, &browser, more).await.reply();
        assert_eq!(reply.contains_key("code"), accepted, "{pkce:?} {more:?}: {reply:?}");
        if !accepted {
            assert_eq!(reply["error"], "invalid_request", "{pkce:?} {more:?}");
            assert!(reply["error_description"].starts_with("code_challenge is missing: switch PKCE with S256 on"), "{reply:?}");
        }
        // A challenge that is sent is checked, whatever the client is set to.
        let half = browser.get(&app.authorize(&[&[("code_challenge_method", "")], more].concat())).await;
        assert_eq!(half.reply()["error"], "invalid_request", "{pkce:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_protects_nothing_without_an_id_token() {
    let app = app(None, &["orders:read"]).await;
    let browser = app.signed_in("alice").await;
    let reply = ask(&app, &browser, &[("scope", "openid orders:read")]).await.reply();
    assert_eq!(reply["error"], "invalid_request", "this client gets no ID token");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_register_themselves_follow_the_setting() {
    for (setting, without_nonce) in [(Pkce::Required, false), (Pkce::Nonce, false), (Pkce::Optional, true)] {
        let app = TestApp::with(|settings| (settings.open_registration, settings.registration_pkce) = (true, setting)).await;
        let app = app.with_orders().await.with_user("alice").await;
        let browser = app.signed_in("alice").await;
        for (method, is_public) in [("client_secret_basic", false), ("none", true)] {
            let metadata = serde_json::json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": method });
            let made = Answer::of(app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap()).await;
            assert_eq!(made.status, 201, "{}", made.text);
            for (nonce, accepted) in [("x", setting != Pkce::Required), ("", without_nonce)] {
                let more = [("client_id", made.str("client_id")), ("scope", "openid"), ("nonce", nonce)];
                let answer = ask(&app, &browser, &more).await;
                assert_eq!(answer.status == 200, accepted && !is_public, "{setting:?} {method} {nonce:?}: {}", answer.text);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_only_remedies_that_help() {
    for (pkce, scopes, remedies, no_remedy) in [
        (Pkce::Required, &["openid"][..], &["set pkce of the client to nonce"][..], "optional"),
        (Pkce::Nonce, &["openid"], &["send the scope openid and a nonce", "set pkce of the client to optional"], "register"),
        (Pkce::Nonce, &["orders:read"], &["register the client for the scope openid", "set pkce of the client to optional"], "to nonce"),
    ] {
        let app = app(Some(pkce), scopes).await;
        let answer = ask(&app, &app.browser(), &[("scope", scopes[0]), ("nonce", "")]).await;
        let said = answer.reply()["error_description"].clone();
        assert!(remedies.iter().all(|remedy| said.contains(remedy)) && !said.contains(no_remedy), "{pkce:?} {scopes:?}: {said}");
    }
}

#[test]
fn the_log_names_the_remedy_too() {
    let log = Log::default();
    log.runtime().block_on(async {
        let app = app(Some(Pkce::Required), &["openid"]).await;
        ask(&app, &app.browser(), &[]).await;
    });
    let text = log.text();
    let line = text.lines().find(|line| line.contains("request_log: ") && line.contains("INFO")).unwrap();
    for part in ["client=\"web\"", "error=\"invalid_request\"", "switch PKCE with S256 on", "set pkce of the client to nonce"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}
