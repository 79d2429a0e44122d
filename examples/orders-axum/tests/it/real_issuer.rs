//! Tests against a real issuer in the same process: the test sends a password to `/token`, and the service accepts the token.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use secrecy::ExposeSecret;
use signet_issuer::clock::SystemClock;
use signet_issuer::config::Settings;
use signet_issuer::server;
use signet_issuer::start;
use signet_verifier::Verifier;
use tower::ServiceExt;

#[tokio::test(flavor = "multi_thread")]
async fn a_password_becomes_a_token_that_the_service_accepts() {
    let dir = tempfile::TempDir::new().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let issuer = format!("http://{address}");
    let mut settings = Settings::defaults(&issuer, address).unwrap();
    settings.database_url = format!("sqlite:{}", dir.path().join("signet.db").display()).try_into().unwrap();
    settings.keys_dir = dir.path().join("keys");
    let (app, administrator) = start::open(settings, Arc::new(SystemClock::default())).await.unwrap();
    tokio::spawn(server::serve(app, listener, std::future::pending()));

    // The first start has created an administrator, whose tokens have the issuer itself as their audience. So the service uses the
    // issuer as its audience, too.
    let administrator = administrator.unwrap();
    let form =
        [("grant_type", "password"), ("username", "admin"), ("password", administrator.password.expose_secret()), ("scope", "admin")];
    let answer = reqwest::Client::new().post(format!("{issuer}/token")).form(&form).send().await.unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let token = answer["access_token"].as_str().unwrap();

    let verifier = Verifier::issuer(&issuer).audience(&issuer).build().unwrap();
    let send = |path: &'static str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
        orders_axum::app(verifier.clone()).oneshot(request)
    };
    let me = send("/me").await.unwrap();
    assert_eq!(me.status(), StatusCode::OK);
    let me: serde_json::Value = serde_json::from_slice(&to_bytes(me.into_body(), 4096).await.unwrap()).unwrap();
    assert_eq!((&me["client_id"], &me["scopes"]), (&"cli".into(), &serde_json::json!(["admin"])));
    assert_eq!(send("/orders").await.unwrap().status(), StatusCode::FORBIDDEN);
}
