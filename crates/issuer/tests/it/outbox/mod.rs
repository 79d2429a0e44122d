//! Clients are told of each session that ends, once each, whatever other clients do (OpenID Connect Back-Channel Logout 1.0).

mod delivery;
mod ways;

use serde_json::{Value, json};
use signet_issuer::config::Settings;
use signet_verifier::{KeySet, SignedToken};
use url::form_urlencoded;

use crate::support::{Browser, CALLBACK, Received, Receiver, SECRET, TestApp, VERIFIER, claims, real_time};

/// An issuer that may post to this machine, with the user alice, and the clients `web` and `mail`, which are told of sign-outs at `/web` and
/// `/mail` of `receiver`.
async fn house(receiver: &Receiver) -> TestApp {
    house_with(receiver, |_| {}).await
}

async fn house_with(receiver: &Receiver, change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = TestApp::with(|settings| {
        settings.fetch_private_addresses = true;
        change(settings);
    });
    let app = app.await.with_orders().await.with_user("alice").await.with_user("bob").await;
    for id in ["web", "mail", "silent"] {
        add(&app, id, (id != "silent").then(|| format!("{}/{id}", receiver.url))).await;
    }
    app
}

/// Adds a confidential client that uses the code flow.
async fn add(app: &TestApp, id: &str, backchannel_logout_uri: Option<String>) {
    let scopes = ["openid", "profile", "orders:read", "offline_access"];
    app.add_client_with(id, false, "authorization_code refresh_token", &scopes, |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.first_party = true;
        client.metadata.post_logout_redirect_uris = vec!["https://shop.example/bye".into()];
        client.metadata.backchannel_logout_uri = backchannel_logout_uri;
    })
    .await;
}

/// Signs the user of `browser` in to the client `id`; returns the ID token.
async fn enter(app: &TestApp, browser: &Browser, id: &str, scope: &str) -> String {
    let code = browser.code(&app.authorize(&[("client_id", id), ("scope", scope)])).await;
    let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    let answer = app.post("/token").basic_auth(id, SECRET).form(&form).send().await;
    answer.str("id_token").to_owned()
}

/// Returns the logout token of `message`, after checking the form in which it came.
fn logout_token(message: &Received) -> String {
    assert_eq!(message.headers["content-type"], "application/x-www-form-urlencoded");
    assert!(!message.headers.contains_key("cookie") && !message.headers.contains_key("authorization"), "{:?}", message.headers);
    let fields: Vec<(String, String)> = form_urlencoded::parse(message.body.as_bytes()).into_owned().collect();
    let [(name, token)] = &fields[..] else { panic!("{}", message.body) };
    assert_eq!(name, "logout_token");
    token.clone()
}

/// Verifies the logout token of `message` by the JWKS, as a client does (§2.6), and returns its claims.
async fn verified(app: &TestApp, message: &Received) -> Value {
    let token = logout_token(message);
    let jwks = app.get("/.well-known/jwks.json").send().await;
    let keys = KeySet::from_jwks(jwks.text.as_bytes()).unwrap();
    let signed = SignedToken::parse_within(&token, None, 8192).unwrap();
    assert!(signed.has_type("logout+jwt"), "{token}");
    serde_json::from_slice(signed.check_signature(&keys).unwrap()).unwrap()
}

fn sid(id_token: &str) -> String {
    claims(id_token)["sid"].as_str().unwrap().to_owned()
}

/// Waits until nothing is left to deliver.
async fn settled(app: &TestApp) {
    for _ in 0..200 {
        if app.count("SELECT count(*) FROM outbox").await == 0 {
            return;
        }
        real_time(50).await;
    }
    panic!("left over: {}", app.dump("outbox").await);
}

async fn sign_out(browser: &Browser) {
    let page = browser.get("/account").await;
    let answer = browser.submit(&page, "/account/sign-out", &[]).await;
    assert_eq!(answer.heading(), "You are signed out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_has_exactly_the_claims_of_the_specification() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    let browser = app.signed_in("alice").await;
    let id_token = enter(&app, &browser, "web", "openid profile").await;
    app.advance(3);
    sign_out(&browser).await;
    let message = receiver.wait_for("/web", 1).await.remove(0);
    let claims_of = verified(&app, &message).await;
    let now = app.clock_now();
    let expected = json!({
        "iss": app.app.settings.issuer.as_str(),
        "sub": claims(&id_token)["sub"],
        "aud": "web",
        "iat": now,
        "exp": now + 120,
        "jti": claims_of["jti"],
        "sid": claims(&id_token)["sid"],
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    assert_eq!(claims_of, expected);
    assert!(claims_of["jti"].as_str().unwrap().len() >= 20);
    settled(&app).await;
    // It is no ID token, so it ends no session as a hint.
    let again = app.signed_in("alice").await;
    let token = logout_token(&message);
    assert_eq!(again.get(&format!("/end_session?id_token_hint={token}")).await.heading(), "Sign out?");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_is_told_by_its_own_token_and_only_if_it_wants_to_be() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    let browser = app.signed_in("alice").await;
    for id in ["web", "mail", "silent"] {
        // A second sign-in to the same client in the same session changes nothing.
        enter(&app, &browser, id, "openid").await;
        enter(&app, &browser, id, "openid profile").await;
    }
    // Another browser of the same user and a browser of another user are signed in to the same client.
    let (other, bob) = (app.signed_in("alice").await, app.signed_in("bob").await);
    let other_token = enter(&app, &other, "web", "openid").await;
    enter(&app, &bob, "web", "openid").await;
    sign_out(&browser).await;
    for id in ["web", "mail"] {
        let messages = receiver.wait_for(&format!("/{id}"), 1).await;
        let claims = verified(&app, &messages[0]).await;
        assert_eq!(claims["aud"], id);
        assert_ne!(claims["sid"], sid(&other_token));
    }
    settled(&app).await;
    assert_eq!((receiver.received("/web").len(), receiver.received("/mail").len(), receiver.received("/silent").len()), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_without_clients_tells_nobody() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    sign_out(&app.signed_in("alice").await).await;
    let browser = app.signed_in("alice").await;
    enter(&app, &browser, "silent", "openid").await;
    sign_out(&browser).await;
    // A code that was never redeemed gave no ID token.
    let browser = app.signed_in("alice").await;
    browser.code(&app.authorize(&[("client_id", "mail"), ("scope", "openid")])).await;
    sign_out(&browser).await;
    assert_eq!(app.count("SELECT count(*) FROM outbox").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_and_registration_name_the_back_channel() {
    let app = TestApp::with(|settings| settings.open_registration = true).await;
    let discovery = app.get("/.well-known/openid-configuration").send().await.json;
    assert_eq!(
        (&discovery["backchannel_logout_supported"], &discovery["backchannel_logout_session_supported"]),
        (&json!(true), &json!(true))
    );
    let register = async |uri: &str| {
        let metadata = json!({
            "redirect_uris": ["https://new.example/cb"],
            "backchannel_logout_uri": uri,
            "backchannel_logout_session_required": true,
        });
        crate::support::Answer::of(app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap()).await
    };
    let uri = "https://new.example:8443/logout?tenant=a";
    let registered = register(uri).await;
    assert_eq!((registered.status, registered.str("backchannel_logout_uri")), (201, uri), "{}", registered.text);
    assert_eq!(registered.json["backchannel_logout_session_required"], true);
    let private = ["https://127.0.0.1/x", "https://10.1.2.3/x", "https://[::1]/x", "https://2130706433/"];
    let wrong = ["https://new.example/logout#part", "http://new.example/logout", "https://user:x@new.example/", "/logout", "https://"];
    for wrong in [&private[..], &wrong].concat() {
        let refused = register(wrong).await;
        assert_eq!(refused.error(), (400, "invalid_client_metadata"), "{wrong}");
        assert!(
            refused.text.contains("backchannel_logout_uri: expected an https URL of the public internet without a fragment"),
            "{}",
            refused.text
        );
    }
}
