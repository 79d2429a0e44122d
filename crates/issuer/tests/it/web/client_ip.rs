//! `X-Forwarded-For` counts only where a trusted proxy sends it.

use crate::support::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn forwarded_addresses_count_only_from_trusted_proxies() {
    let from = async |app: &TestApp, address: &str| {
        let form = [("grant_type", "password"), ("client_id", "shop"), ("username", "nobody"), ("password", PASSWORD)];
        app.post("/token").header("x-forwarded-for", address).form(&form).send().await.status
    };
    let limited = |settings: &mut signet_issuer::config::Settings| {
        settings.address_attempts = 1;
        settings.account_attempts = 1000;
    };
    let app = TestApp::with(limited).await.with_orders().await;
    assert_eq!((from(&app, "192.0.2.1").await, from(&app, "192.0.2.2").await), (400, 429));
    let app = TestApp::with(|settings| {
        limited(settings);
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await
    .with_orders()
    .await;
    assert_eq!((from(&app, "192.0.2.1").await, from(&app, "192.0.2.2").await, from(&app, "192.0.2.1").await), (400, 400, 429));
    // One IPv6 network is one address.
    assert_eq!((from(&app, "2001:db8::1").await, from(&app, "2001:db8::ffff").await, from(&app, "2001:db8:0:1::1").await), (400, 429, 400));
    assert_eq!((from(&app, "a").await, from(&app, "b").await), (400, 429));
}
