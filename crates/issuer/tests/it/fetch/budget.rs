//! Strangers let the issuer fetch URLs only so often: for one address, for one registration token, and in all.

use std::sync::Arc;

use serde_json::{Value, json};
use signet_issuer::admin::registration_tokens::{self, NewRegistrationToken};
use signet_issuer::config::Settings;
use signet_issuer::fetch::Message;
use signet_issuer::fetch::budget::Asker;

use crate::clients::assertion::{Key, send};
use crate::fetch::PNG;
use crate::support::{Answer, Site, TestApp, at_once};

async fn app(change: impl FnOnce(&mut Settings)) -> TestApp {
    TestApp::with(|settings| {
        settings.open_registration = true;
        settings.fetch_private_addresses = true;
        settings.trusted_proxies = Some(vec!["127.0.0.0/8".parse().unwrap()]);
        change(settings);
    })
    .await
}

async fn register(app: &TestApp, address: &str, token: &str, more: Value) -> Answer {
    let mut metadata = json!({ "redirect_uris": ["https://new.example/cb"], "client_name": "New App" });
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request = app.http.post(format!("{}/register", app.url)).header("x-forwarded-for", address).json(&metadata);
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_let_the_issuer_fetch_without_bound() {
    let (app, site) = (app(|settings| (settings.fetches_per_address, settings.fetches_in_all) = (3, 5)).await, Site::open().await);
    let logo = json!({ "logo_uri": site.put("/logo.png", 200, PNG) });
    // A registration whose logo may not be fetched is a registration without a logo.
    for number in 0..6 {
        let made = register(&app, "192.0.2.1", "", logo.clone()).await;
        assert_eq!((made.status, made.json.get("logo_uri").is_some()), (201, number < 3), "{number}: {}", made.text);
    }
    assert_eq!(site.asked("/logo.png"), 3);
    let sector = json!({ "sector_identifier_uri": site.put("/sector", 200, "[\"https://new.example/cb\"]") });
    let refused = register(&app, "192.0.2.1", "", sector.clone()).await;
    assert_eq!(refused.error(), (429, "temporarily_unavailable"), "{}", refused.text);
    assert_eq!(refused.header("retry-after"), "300");
    // Another address has a count of its own, and together they have that of all.
    assert_eq!(register(&app, "192.0.2.2", "", sector.clone()).await.status, 201);
    assert_eq!(register(&app, "2001:db8::1", "", sector.clone()).await.status, 201);
    assert_eq!(register(&app, "192.0.2.4", "", sector.clone()).await.status, 429);
    assert_eq!((site.asked("/logo.png"), site.asked("/sector")), (3, 2));
    app.advance(299);
    assert_eq!(register(&app, "192.0.2.4", "", sector.clone()).await.header("retry-after"), "1");
    app.advance(1);
    assert_eq!(register(&app, "192.0.2.1", "", sector.clone()).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_registration_token_cannot_let_the_issuer_fetch_without_bound() {
    let app = app(|settings| (settings.open_registration, settings.fetches_per_token) = (false, 2)).await;
    let site = Site::open().await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let token = NewRegistrationToken::check(100, 3600).unwrap();
        tokens.push(app.operate(|change| Box::pin(registration_tokens::issue(change, token))).await.unwrap().token);
    }
    // A registration that fails does not use the token up, but its fetch counts.
    let wrong = json!({ "sector_identifier_uri": site.put("/wrong", 200, "[]") });
    for (address, status) in [("192.0.2.1", 400), ("192.0.2.2", 400), ("192.0.2.3", 429), ("192.0.2.4", 429)] {
        assert_eq!(register(&app, address, &tokens[0], wrong.clone()).await.status, status, "{address}");
    }
    assert_eq!(register(&app, "192.0.2.3", &tokens[1], wrong.clone()).await.status, 400);
    assert_eq!(site.asked("/wrong"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_addresses_cannot_let_the_keys_of_a_client_be_fetched_without_bound() {
    let site = Site::open().await;
    let key = Key::new("one");
    let app = app(|settings| settings.fetches_per_token = 2).await.with_orders().await;
    let jwks_uri = site.put("/jwks", 200, key.jwks());
    app.add_client_with("signer", false, "client_credentials", &["orders:read"], |client| {
        client.token_endpoint_auth_method = Some("private_key_jwt".into());
        client.metadata = serde_json::from_value(json!({ "jwks_uri": jwks_uri })).unwrap();
    })
    .await;
    for number in 0..5 {
        let claims = |jti: String| json!({ "iss": "signer", "sub": "signer", "aud": app.url, "jti": jti, "exp": app.clock_now() + 60 });
        let stranger = Key(key.0.clone(), "unknown").sign(&claims(format!("x{number}")));
        let expected = if number < 2 { (401, "invalid_client") } else { (429, "temporarily_unavailable") };
        assert_eq!(send(&app, &stranger, &[]).await.error(), expected, "{number}");
        // The client itself goes on with the keys that are cached.
        assert_eq!(send(&app, &key.sign(&claims(format!("own {number}"))), &[]).await.status, 200);
        app.advance(30);
    }
    assert_eq!(site.asked("/jwks"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_goes_on_with_its_cached_keys_when_no_fetch_is_left() {
    let (site, key) = (Site::open().await, Key::new("one"));
    let app = app(|settings| (settings.fetches_in_all, settings.fetch_window) = (1, 86_400)).await.with_orders().await;
    let jwks_uri = site.put("/jwks", 200, key.jwks());
    app.add_client_with("signer", false, "client_credentials", &["orders:read"], |client| {
        client.token_endpoint_auth_method = Some("private_key_jwt".into());
        client.metadata = serde_json::from_value(json!({ "jwks_uri": jwks_uri })).unwrap();
    })
    .await;
    let own = async |jti: &str| {
        let claims = json!({ "iss": "signer", "sub": "signer", "aud": app.url, "jti": jti, "exp": app.clock_now() + 60 });
        send(&app, &key.sign(&claims), &[]).await
    };
    assert_eq!(own("first").await.status, 200);
    // The keys are older than 10 min, so that they should be fetched again, but strangers have spent all fetches.
    app.advance(601);
    assert_eq!(own("second").await.status, 200);
    // After an hour more they are too old to be trusted.
    app.advance(3600);
    assert_eq!(own("third").await.error(), (429, "temporarily_unavailable"));
    assert_eq!(site.asked("/jwks"), 1);
}

/// Whoever has registered some clients and signs out of them again and again lets the issuer send as many messages as it may.
#[tokio::test(flavor = "multi_thread")]
async fn messages_to_clients_take_no_fetch_from_requests() {
    let (site, key) = (Site::open().await, Key::new("one"));
    let app = app(|settings| (settings.fetches_in_all, settings.fetches_per_token) = (3, 1)).await.with_orders().await;
    let url = site.put("/logout", 200, "");
    let message = Message { url: &url, media_type: "application/x-www-form-urlencoded", authorization: None, body: "" };
    for (client, is_sent) in [("signer", true), ("signer", false), ("two", true), ("three", true), ("four", false)] {
        let sent = app.app.fetcher.post(message, Asker::Client(client)).await;
        assert_eq!(sent.is_ok(), is_sent, "{client}: {sent:?}");
    }
    let jwks_uri = site.put("/jwks", 200, key.jwks());
    app.add_client_with("signer", false, "client_credentials", &["orders:read"], |client| {
        client.token_endpoint_auth_method = Some("private_key_jwt".into());
        client.metadata = serde_json::from_value(json!({ "jwks_uri": jwks_uri })).unwrap();
    })
    .await;
    let claims = json!({ "iss": "signer", "sub": "signer", "aud": app.url, "jti": "1", "exp": app.clock_now() + 60 });
    assert_eq!(send(&app, &key.sign(&claims), &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_fetches_run_at_once() {
    let app = Arc::new(app(|settings| (settings.fetches_at_once, settings.fetch_timeout) = (6, 1)).await);
    // It accepts connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/sector", silent.local_addr().unwrap());
    let ask = async |address: String| register(&app, &address, "", json!({ "sector_identifier_uri": uri })).await.error().0;
    let count = |answers: &[u16]| [429, 400].map(|status| answers.iter().filter(|answer| **answer == status).count());
    // One address has a quarter of the places, so that it cannot keep others from having theirs. The fetches that are made time out.
    let of_one = at_once((0..4).map(|_| ask("192.0.2.1".to_owned())).collect()).await;
    assert_eq!(count(&of_one), [2, 2], "{of_one:?}");
    let of_many = at_once((1..=8).map(|number| ask(format!("192.0.2.{number}"))).collect()).await;
    assert_eq!(count(&of_many), [2, 6], "{of_many:?}");
}
