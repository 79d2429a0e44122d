//! Requests that wait for revocations: how many may wait, for how long they are held, and what they are told when the node stops or is cut off
//! from its database.

use std::time::Duration;

use signet_issuer::clock::{Clock, SystemClock};
use signet_issuer::endpoints::revocations::{WAITING_IN_ALL, WAITING_PER_ADDRESS};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::server::{Peer, SOON, status};
use crate::support::{TestApp, real_time};

/// Returns a path at which there is no news: that of the request after the first answer.
async fn no_news(app: &TestApp) -> String {
    app.app.read_revocations().await.unwrap();
    format!("/revocations?after={}", app.get("/revocations").send().await.str("cursor"))
}

/// An issuer with clients whose tokens can be revoked.
async fn with_workers(app: TestApp) -> TestApp {
    let app = app.with_orders().await;
    for client in ["worker", "other"] {
        app.add_client(client, false, "client_credentials", &["orders:read"]).await;
    }
    app
}

/// Verifiers that all ask for the same news.
struct Verifiers<'a> {
    app: &'a TestApp,
    path: String,
    sender: UnboundedSender<(String, String)>,
    answers: UnboundedReceiver<(String, String)>,
}

impl Verifiers<'_> {
    /// Lets `count` more verifiers ask from the address `peer`, which may be that of a proxy that forwards `address`.
    async fn ask(&self, peer: &str, address: Option<&str>, count: usize) -> Vec<AbortHandle> {
        let forwarded = address.map(|address| format!("x-forwarded-for: {address}\r\n")).unwrap_or_default();
        let head = format!("GET {} HTTP/1.1\r\nhost: localhost\r\n{forwarded}\r\n", self.path);
        let mut asking = Vec::new();
        for _ in 0..count {
            let (mut peer, sender) = (Peer::from(peer, self.app).await, self.sender.clone());
            peer.send(&head).await;
            asking.push(tokio::spawn(async move { sender.send(peer.late_answer().await) }).abort_handle());
        }
        asking
    }

    /// Waits until `count` of them are refused, and checks that the others go on waiting.
    async fn expect_refused(&mut self, count: usize) {
        for _ in 0..count {
            let answer = timeout(SOON, self.answers.recv()).await.unwrap().unwrap();
            assert_eq!(status(&answer), "503", "{answer:?}");
            assert!(answer.0.contains("retry-after: 1") && answer.1.contains("too many requests wait for revocations"), "{answer:?}");
        }
        let further = timeout(Duration::from_millis(500), self.answers.recv()).await;
        assert!(further.is_err(), "{further:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_that_wait_have_a_bound_in_all_and_for_each_address() {
    let app = TestApp::with(|settings| {
        // The process holds both ends of each connection.
        (settings.max_connections, settings.max_connections_per_address) = (3 * WAITING_IN_ALL, 3 * WAITING_IN_ALL);
        settings.trusted_proxies = Some(vec!["127.0.0.9/32".parse().unwrap()]);
    })
    .await;
    let app = with_workers(app).await;
    let (sender, answers) = unbounded_channel();
    let mut verifiers = Verifiers { app: &app, path: no_news(&app).await, sender, answers };
    verifiers.ask("127.0.0.2", None, WAITING_PER_ADDRESS + 10).await;
    verifiers.expect_refused(10).await;
    // A proxy takes no places of its own: each address that it forwards has as many.
    let own = verifiers.ask("127.0.0.9", Some("192.0.2.1"), WAITING_PER_ADDRESS + 7).await;
    verifiers.expect_refused(7).await;
    let others = WAITING_IN_ALL / WAITING_PER_ADDRESS - 2;
    for number in 0..others {
        verifiers.ask("127.0.0.9", Some(&format!("198.51.100.{number}")), WAITING_PER_ADDRESS).await;
    }
    verifiers.expect_refused(0).await;
    verifiers.ask("127.0.0.9", Some("203.0.113.1"), 3).await;
    verifiers.ask("127.0.0.3", None, 2).await;
    verifiers.expect_refused(5).await;
    // Nothing else is refused meanwhile, and who needs no place is answered.
    assert_eq!(app.get("/.well-known/jwks.json").send().await.status, 200);

    // A verifier that hangs up frees its place for another one.
    let waiting = own.iter().find(|asking| !asking.is_finished()).unwrap();
    waiting.abort();
    let mut next = Peer::from("127.0.0.4", &app).await;
    let head = format!("GET {} HTTP/1.1\r\nhost: localhost\r\n", verifiers.path);
    let mut tries = 0;
    while timeout(Duration::from_millis(500), next.ask(&head)).await.is_ok() {
        tries += 1;
        assert!(tries < 100, "the place is still taken");
        real_time(20).await;
    }

    app.disable_client("worker").await;
    assert_eq!(status(&next.answer().await), "200");
    for _ in 1..WAITING_IN_ALL {
        let answer = timeout(SOON, verifiers.answers.recv()).await.unwrap().unwrap();
        assert!(status(&answer) == "200" && !answer.1.contains("\"revoked\":[]"), "{answer:?}");
    }
    verifiers.expect_refused(0).await;
    verifiers.path = no_news(&app).await;
    verifiers.ask("127.0.0.2", None, WAITING_PER_ADDRESS).await;
    verifiers.expect_refused(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_news_is_held_for_twenty_seconds() {
    let app = TestApp::new().await;
    let path = no_news(&app).await;
    let waiting = tokio::spawn(app.get(&path).send());
    // It waits for a moment of real time before it looks.
    real_time(500).await;
    for _ in 0..19 {
        app.advance(1);
        app.app.read_revocations().await.unwrap();
    }
    real_time(200).await;
    assert!(!waiting.is_finished());
    app.advance(1);
    let answer = timeout(SOON, waiting).await.unwrap().unwrap();
    assert_eq!(
        (answer.status, answer.json["revoked"].to_string(), answer.json["revoked_kids"].to_string()),
        (200, "[]".into(), "[]".into())
    );
    assert!(path.ends_with(answer.str("cursor")), "nothing has changed, so the place is the same: {}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_is_answered_every_200_ms_at_most() {
    let app = with_workers(TestApp::new().await).await;
    let (path, clock) = (no_news(&app).await, SystemClock::default());
    let ask = async || {
        let begun = clock.monotonic();
        let answer = app.get(&path).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        (answer.json["revoked"].as_array().unwrap().len(), clock.monotonic().saturating_sub(begun).as_millis())
    };
    app.disable_client("worker").await;
    app.app.read_revocations().await.unwrap();
    // There is news all the time. What comes within the pause is told with it.
    let late = async {
        real_time(30).await;
        app.disable_client("other").await;
        app.app.read_revocations().await.unwrap();
    };
    let ((told, waited), ()) = tokio::join!(ask(), late);
    assert!(told > 0 && waited >= 200, "{told} after {waited} ms");
    let (all, waited) = ask().await;
    assert!(all >= told && waited >= 200, "{all} after {waited} ms");
    let mut answers = 0;
    let asking = async {
        loop {
            ask().await;
            answers += 1;
        }
    };
    assert!(timeout(Duration::from_millis(1500), asking).await.is_err());
    assert!((1..=7).contains(&answers), "{answers} in 1.5 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_are_answered_when_the_node_stops() {
    let app = TestApp::new().await;
    let (path, clock) = (no_news(&app).await, SystemClock::default());
    let waiting: Vec<_> = (0..20).map(|_| tokio::spawn(app.get(&path).send())).collect();
    real_time(700).await;
    assert!(waiting.iter().all(|request| !request.is_finished()));
    let begun = clock.monotonic();
    // The node stops when nobody holds it any more.
    drop(app);
    for request in waiting {
        let answer = timeout(SOON, request).await.unwrap().unwrap();
        assert_eq!((answer.status, answer.json["revoked"].to_string()), (200, "[]".to_owned()), "{}", answer.text);
        assert!(path.ends_with(answer.str("cursor")), "the cursor is good at other nodes: {}", answer.text);
    }
    let waited = clock.monotonic().saturating_sub(begun);
    assert!(waited.as_secs() < 5, "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_its_database_does_not_say_that_there_is_no_news() {
    let app = with_workers(TestApp::new().await).await;
    let path = no_news(&app).await;
    let waiting = tokio::spawn(app.get(&path).send());
    real_time(400).await;
    app.sql("ALTER TABLE revocations RENAME TO revocations_away").await;
    app.app.read_revocations().await.unwrap_err();
    app.advance(2);
    // For a moment longer the node goes by what it has read.
    assert_eq!(app.get("/revocations").send().await.status, 200);
    app.advance(1);
    for path in ["/revocations", &path, "/revocations?after=unknown"] {
        let answer = app.get(path).send().await;
        assert_eq!(answer.error(), (503, "temporarily_unavailable"), "{path}: {}", answer.text);
        assert!(answer.text.contains("the revocations cannot be read"), "{path}: {}", answer.text);
        assert!(["1", "5"].contains(&answer.header("retry-after")), "{path}: {:?}", answer.headers);
    }
    // A request that waits is told too, so that its verifier asks another node.
    let answer = timeout(SOON, waiting).await.unwrap().unwrap();
    assert_eq!(answer.error(), (503, "temporarily_unavailable"), "{}", answer.text);
    app.sql("ALTER TABLE revocations_away RENAME TO revocations").await;
    app.disable_client("worker").await;
    let answer = app.get(&path).send().await;
    assert!(answer.status == 200 && !answer.json["revoked"].as_array().unwrap().is_empty(), "{}", answer.text);
    assert_eq!(app.get(&path).send().await.json["revoked"], answer.json["revoked"]);
}
