//! Peers that do not receive or do not send are closed in time, and meanwhile health checks are answered.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::server::{HEALTH, JWKS, Peer, SOON, attack, status, until};
use crate::support::{TestApp, at_once};

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_never_read_are_closed_and_health_checks_are_answered_meanwhile() {
    let app = TestApp::with(|settings| (settings.max_connections, settings.write_timeout) = (8, 1)).await;
    let attack_is_over = AtomicBool::new(false);
    let addresses: Vec<_> = (2..10).map(|number| format!("127.0.0.{number}")).collect();
    let hostile = at_once(addresses.iter().map(|address| attack(&app, address, JWKS, &attack_is_over)).collect());
    let victim = async {
        let refused = until(&app, "127.0.0.1", &format!("{JWKS}accept: text/html\r\n"), "503").await;
        assert!(refused.0.contains("retry-after: 1") && refused.0.contains("connection: close"), "{refused:?}");
        assert!(refused.1.contains("<h1>The server is busy</h1>"), "{refused:?}");
        assert_eq!(status(&Peer::from("127.0.0.1", &app).await.ask(HEALTH).await), "200");
        attack_is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(hostile, victim);
    until(&app, "127.0.0.1", JWKS, "200").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_reads_byte_by_byte_gains_no_time() {
    let app = TestApp::with(|settings| settings.write_timeout = 1).await;
    let peer = Peer::from("127.0.0.1", &app).await;
    let (mut reads, mut writes) = peer.0.into_split();
    let requests = format!("{JWKS}\r\n").repeat(100);
    let writing = async { while tokio::io::AsyncWriteExt::write_all(&mut writes, requests.as_bytes()).await.is_ok() {} };
    let reading = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(10));
        let mut byte = [0];
        while matches!(tokio::io::AsyncReadExt::read(&mut reads, &mut byte).await, Ok(1)) {
            tick.tick().await;
        }
    };
    tokio::time::timeout(SOON, async {
        tokio::select! { () = writing => {}, () = reading => {} }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_send_no_request_are_closed() {
    let app = TestApp::with(|settings| (settings.max_connections, settings.header_timeout) = (2, 1)).await;
    let mut silent = Peer::from("127.0.0.2", &app).await;
    let mut slow = Peer::from("127.0.0.3", &app).await;
    slow.send("GET / HTTP/1.1\r\nhost: local").await;
    let mut beyond = Peer::from("127.0.0.4", &app).await;
    for peer in [&mut silent, &mut slow, &mut beyond] {
        assert_eq!(peer.answer().await.0, "");
    }
    assert_eq!(status(&Peer::from("127.0.0.1", &app).await.ask(JWKS).await), "200");
    let many = (0..8).map(|_| async { status(&Peer::from("127.0.0.1", &app).await.ask(HEALTH).await).to_owned() }).collect();
    assert_eq!(at_once(many).await, vec!["200"; 8]);
}
