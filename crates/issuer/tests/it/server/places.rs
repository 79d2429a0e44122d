//! No address takes the places of others: neither by its own connections, nor by requests that a trusted proxy forwards.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::server::{HEALTH, JWKS, Peer, attack, status, until};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn one_address_takes_only_its_own_places() {
    let app = TestApp::with(|settings| settings.max_connections_per_address = 4).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut peer = Peer::from("127.0.0.2", &app).await;
        assert_eq!(status(&peer.ask(JWKS).await), "200");
        open.push(peer);
    }
    let refused = Peer::from("127.0.0.2", &app).await.ask(JWKS).await;
    assert_eq!(status(&refused), "503");
    assert!(refused.0.contains("retry-after: 1") && refused.1.contains("temporarily_unavailable"), "{refused:?}");
    assert_eq!(status(&Peer::from("127.0.0.2", &app).await.ask(HEALTH).await), "200");
    assert_eq!(status(&Peer::from("127.0.0.3", &app).await.ask(JWKS).await), "200");
    assert_eq!(status(&open[0].ask(JWKS).await), "200", "an open connection goes on");
    drop(open.pop());
    until(&app, "127.0.0.2", JWKS, "200").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_all_limits_health_is_answered_whoever_waits_in_the_reserve() {
    let app = TestApp::with(|settings| (settings.max_connections, settings.health_connections) = (2, 4)).await;
    let mut silent = Vec::new();
    for number in 0..100 {
        silent.push(Peer::from(&format!("127.0.1.{number}"), &app).await);
        if number % 10 == 9 {
            assert_eq!(status(&Peer::from("127.0.0.1", &app).await.ask(HEALTH).await), "200", "{number}");
        }
    }
    // The reserve is bounded: the oldest of those who wait in it was closed.
    assert_eq!(silent[2].answer().await.0, "");
    assert_eq!(status(&silent[0].ask(JWKS).await), "200");
}

/// A place of the reserve answers only health checks, so a path that it does not know as one is refused.
#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_a_health_check_is_answered_from_the_reserve() {
    let few = |settings: &mut signet_issuer::config::Settings| (settings.max_connections, settings.health_connections) = (2, 4);
    let tenant = TestApp::with(|settings| {
        few(settings);
        settings.issuer = format!("{}/tenant/one", settings.issuer).try_into().unwrap();
    });
    for (app, bases) in [(TestApp::with(few).await, vec![""]), (tenant.await, vec!["", "/tenant/one"])] {
        let _taken = [Peer::from("127.0.1.1", &app).await, Peer::from("127.0.1.2", &app).await];
        let ask = async |path: &str| {
            let answer = Peer::from("127.0.0.1", &app).await.ask(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n")).await;
            status(&answer).to_owned()
        };
        for base in bases {
            for path in
                ["/health/live", "/health/live/", "/health/ready", "/health/ready/", "/health/ready?verbose", "/health/ready/?verbose"]
            {
                assert_eq!(ask(&format!("{base}{path}")).await, "200", "{base}{path}");
            }
            for path in ["/.well-known/jwks.json", "/health/ready//", "/health", "/health/", "/x/health/ready/"] {
                assert_eq!(ask(&format!("{base}{path}")).await, "503", "{base}{path}");
            }
        }
    }
}

/// The head of a request whose body of two bytes is to follow once the server has answered `100 Continue`.
fn waiting_for_body(address: &str) -> String {
    let form = "content-type: application/x-www-form-urlencoded\r\ncontent-length: 2\r\nexpect: 100-continue";
    format!("POST /token HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: {address}\r\n{form}\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_the_requests_of_each_forwarded_address_are_counted() {
    let app = TestApp::with(|settings| {
        settings.max_connections_per_address = 2;
        settings.trusted_proxies = Some(vec!["127.0.0.9/32".parse().unwrap()]);
    })
    .await;
    let forwarded = |address: &str| format!("{JWKS}x-forwarded-for: {address}\r\n");
    let proxy = async |head: &str| status(&Peer::from("127.0.0.9", &app).await.ask(head).await).to_owned();
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut peer = Peer::from("127.0.0.9", &app).await;
        peer.send(&waiting_for_body("192.0.2.1")).await;
        assert_eq!(status(&peer.answer().await), "100");
        busy.push(peer);
    }
    assert_eq!(proxy(&forwarded("192.0.2.1")).await, "503");
    for number in 0..8 {
        assert_eq!(proxy(&forwarded(&format!("198.51.100.{number}"))).await, "200");
    }
    assert_eq!(proxy(&format!("{HEALTH}x-forwarded-for: 192.0.2.1\r\n")).await, "200");
    // The word of another peer is not believed.
    assert_eq!(status(&Peer::from("127.0.0.1", &app).await.ask(&forwarded("192.0.2.1")).await), "200");
    for mut peer in busy {
        peer.send("a=").await;
        assert_eq!(status(&peer.answer().await), "400");
        assert_eq!(status(&peer.ask(&forwarded("192.0.2.1")).await), "200", "the proxy keeps its connection");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_a_proxy_does_not_read_keeps_the_place_of_its_address_until_the_time_out() {
    let app = TestApp::with(|settings| {
        (settings.max_connections_per_address, settings.write_timeout) = (2, 1);
        settings.trusted_proxies = Some(vec!["127.0.0.9/32".parse().unwrap()]);
    })
    .await;
    let forwarded = format!("{JWKS}x-forwarded-for: 192.0.2.1\r\n");
    let attack_is_over = AtomicBool::new(false);
    let hostile = || attack(&app, "127.0.0.9", &forwarded, &attack_is_over);
    let victim = async {
        until(&app, "127.0.0.9", &forwarded, "503").await;
        let other = format!("{JWKS}x-forwarded-for: 192.0.2.2\r\n");
        assert_eq!(status(&Peer::from("127.0.0.9", &app).await.ask(&other).await), "200");
        attack_is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(hostile(), hostile(), victim);
    until(&app, "127.0.0.9", &forwarded, "200").await;
}
