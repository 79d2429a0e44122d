//! The header that names the client counts only where a trusted proxy sends it, and only the one that the settings name.

use std::sync::Arc;

use serde_json::Value;

use crate::cli::Signet;
use crate::support::{Log, PASSWORD, TestApp};

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
        settings.trusted_proxies = Some(vec!["127.0.0.0/8".parse().unwrap()]);
    })
    .await
    .with_orders()
    .await;
    assert_eq!((from(&app, "192.0.2.1").await, from(&app, "192.0.2.2").await, from(&app, "192.0.2.1").await), (400, 400, 429));
    // One IPv6 network is one address.
    assert_eq!((from(&app, "2001:db8::1").await, from(&app, "2001:db8::ffff").await, from(&app, "2001:db8:0:1::1").await), (400, 429, 400));
    assert_eq!((from(&app, "a").await, from(&app, "b").await), (400, 429));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_header_alone_is_read() {
    let from = async |app: &TestApp, headers: &[(&str, &str)]| {
        let form = [("grant_type", "password"), ("client_id", "shop"), ("username", "nobody"), ("password", PASSWORD)];
        let request = headers.iter().fold(app.post("/token"), |request, (name, value)| request.header(name, value));
        request.form(&form).send().await.status
    };
    let app = TestApp::with(|settings| {
        (settings.address_attempts, settings.account_attempts) = (1, 1000);
        settings.trusted_proxies = Some(vec!["127.0.0.0/8".parse().unwrap()]);
        settings.forwarded_header = "Forwarded".to_owned().try_into().unwrap();
    })
    .await
    .with_orders()
    .await;
    let forwarded = "for=203.0.113.7, for=\"[2001:db8::1]:4711\";proto=https;by=_front";
    assert_eq!((from(&app, &[("forwarded", forwarded)]).await, from(&app, &[("forwarded", forwarded)]).await), (400, 429));
    // A stranger chooses what stands before the words of the trusted proxy, and every other header.
    let chosen = |number: u8| format!("for=192.0.2.{number}, {forwarded}");
    for number in 0..3 {
        let other = format!("192.0.2.{number}");
        assert_eq!(from(&app, &[("forwarded", &chosen(number)), ("x-forwarded-for", &other), ("x-real-ip", &other)]).await, 429);
    }
    assert_eq!(from(&app, &[("x-forwarded-for", "192.0.2.9")]).await, 400, "it counts for the proxy");
    assert_eq!(from(&app, &[("x-forwarded-for", "192.0.2.10")]).await, 429, "it counts for the proxy");
    // What cannot be read counts for the proxy.
    for malformed in ["for=\"192.0.2.11", "192.0.2.12", "for=unknown", "for=192.0.2.13, nonsense"] {
        assert_eq!(from(&app, &[("forwarded", malformed)]).await, 429, "{malformed}");
    }
}

async fn warnings(app: &TestApp) -> String {
    let answer = app.get("/health/ready").send().await;
    assert_eq!((answer.status, answer.str("status")), (200, "ready"), "a warning never changes the status");
    answer.json["warnings"].as_array().into_iter().flatten().map(|warning| warning.as_str().unwrap()).collect()
}

#[test]
fn a_proxy_that_is_not_trusted_is_reported_once_an_hour() {
    for (trusted, logged, shown) in [
        (vec![], "add its network to trusted_proxies, such as 127.0.0.1/32", "a peer outside trusted_proxies"),
        (vec!["127.0.0.0/8".parse().unwrap()], "another header than forwarded_header", "set forwarded_header"),
    ] {
        let log = Log::default();
        log.runtime().block_on(async {
            let app = tokio::spawn(TestApp::with(|settings| settings.trusted_proxies = Some(trusted))).await.unwrap();
            let app = Arc::new(app);
            let count = || log.text().matches(logged).count();
            let send = async || drop(app.get("/health/live").header("forwarded", "for=192.0.2.1").send().await);
            assert_eq!((warnings(&app).await.as_str(), count()), ("", 0));
            for _ in 0..5 {
                send().await;
            }
            assert_eq!(count(), 1, "{}", log.text());
            assert!(warnings(&app).await.contains(shown), "{}", warnings(&app).await);
            app.advance(3599);
            send().await;
            assert_eq!(count(), 1);
            app.advance(1);
            send().await;
            assert_eq!(count(), 2);
            app.advance(3600);
            assert_eq!(warnings(&app).await, "");
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_the_running_server_has_noticed() {
    let app = TestApp::on_system_time().await;
    let keys = app.keys_dir().display().to_string();
    let listen = app.url.strip_prefix("http://").unwrap();
    let env =
        [("SIGNET_DATABASE_URL", app.database_url()), ("SIGNET_KEYS_DIR", &keys), ("SIGNET_ISSUER", &app.url), ("SIGNET_LISTEN", listen)];
    let doctor = || Signet::new().run_with(&env, &["doctor", "--json"], "");
    let findings = |text: &str| serde_json::from_str::<Vec<Value>>(text).unwrap();
    let out = doctor();
    assert!(out.success && findings(&out.stdout).iter().any(|finding| finding["check"] == "server"), "{out:?}");
    app.get("/health/live").header("x-forwarded-for", "192.0.2.1").send().await;
    let out = doctor();
    let bad: Vec<_> = findings(&out.stdout).into_iter().filter(|finding| finding["ok"] == false).collect();
    assert!(!out.success && bad.len() == 1, "{out:?}");
    assert!(bad[0]["detail"].as_str().unwrap().starts_with("a peer outside trusted_proxies"), "{out:?}");
    app.app.announce_stop();
    let out = doctor();
    assert!(out.stdout.contains("is not ready: stopping: the server is about to stop"), "{out:?}");
}
