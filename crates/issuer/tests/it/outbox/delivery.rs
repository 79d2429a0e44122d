//! What happens where a receiver is slow, down, refuses, or is not allowed; and that two nodes deliver nothing twice.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use signet_issuer::jobs;
use tokio::time::timeout;

use super::{add, enter, house, house_with, logout_token, settled, sid, sign_out, verified};
use crate::support::{Answer, Receiver, TestApp, claims, real_time};

/// Signs alice in to the clients in a browser of her own, and out again; returns the `sid`.
async fn come_and_go(app: &TestApp, clients: &[&str]) -> String {
    let browser = app.signed_in("alice").await;
    let mut last = String::new();
    for id in clients {
        last = sid(&enter(app, &browser, id, "openid").await);
    }
    sign_out(&browser).await;
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_delays_no_other() {
    let receiver = Receiver::open().await;
    let app = house_with(&receiver, |settings| settings.fetch_timeout = 30).await;
    receiver.hold("/web");
    for _ in 0..3 {
        come_and_go(&app, &["web", "mail"]).await;
    }
    receiver.wait_for("/mail", 3).await;
    // One message at a time waits for the receiver that hangs.
    assert_eq!(receiver.wait_for("/web", 1).await.len(), 1);
    receiver.release("/web");
    receiver.wait_for("/web", 3).await;
    settled(&app).await;
    assert_eq!((receiver.received("/web").len(), receiver.received("/mail").len()), (3, 3));
}

/// More receivers hang than a node has places for those that answer.
#[tokio::test(flavor = "multi_thread")]
async fn many_receivers_that_hang_delay_no_other() {
    let receiver = Receiver::open().await;
    let app = house_with(&receiver, |settings| settings.fetch_timeout = 30).await;
    let mut clients: Vec<String> = (0..40).map(|number| format!("hang-{number}")).collect();
    for id in &clients {
        receiver.hold(&format!("/{id}"));
        add(&app, id, Some(format!("{}/{id}", receiver.url))).await;
    }
    // The healthy one is the last to be told.
    clients.push("web".to_owned());
    let clients: Vec<&str> = clients.iter().map(String::as_str).collect();
    let soon = |number| timeout(Duration::from_secs(8), receiver.wait_for("/web", number));
    come_and_go(&app, &clients).await;
    soon(1).await.expect("nobody knew that the others hang, and they held it up for a moment only");
    // By now it is known, while they still hang.
    for number in 2..5 {
        come_and_go(&app, &["web"]).await;
        soon(number).await.expect("those that hang hold it up no more");
    }
    for id in &clients[..40] {
        assert!(!receiver.received(&format!("/{id}")).is_empty(), "{id} is told, too");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_is_left_after_the_time_out_and_asked_again() {
    let receiver = Receiver::open().await;
    let app = house_with(&receiver, |settings| settings.fetch_timeout = 1).await;
    receiver.hold("/web");
    come_and_go(&app, &["web"]).await;
    receiver.wait_for("/web", 1).await;
    real_time(1500).await;
    receiver.release("/web");
    app.advance(1);
    receiver.wait_for("/web", 2).await;
    settled(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_is_told_later_by_a_new_token_and_less_and_less_often() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    receiver.answer("/web", 500);
    // The first attempt fails only when both messages are there. A message that comes later is tried at once.
    receiver.hold("/web");
    let sids = [come_and_go(&app, &["web"]).await, come_and_go(&app, &["web"]).await];
    receiver.wait_for("/web", 1).await;
    receiver.release("/web");
    let mut seen = 0;
    for delay in [1, 5, 30, 120, 600] {
        seen += 1;
        receiver.wait_for("/web", seen).await;
        // The clock must not advance before the attempt is over.
        while app.count("SELECT count(*) FROM outbox WHERE leased_until > 0").await > 0 {
            real_time(20).await;
        }
        app.advance(delay - 1);
        real_time(700).await;
        assert_eq!(receiver.received("/web").len(), seen, "{delay} s have not passed, and the second message waits too");
        app.advance(1);
    }
    receiver.wait_for("/web", seen + 1).await;
    settled_lease(&app).await;
    receiver.answer("/web", 204);
    app.advance(1800);
    settled(&app).await;
    let messages = receiver.received("/web");
    let (mut jtis, mut told) = (BTreeSet::new(), BTreeSet::new());
    for message in &messages {
        let claims = claims(&logout_token(message));
        assert!(jtis.insert(claims["jti"].as_str().unwrap().to_owned()), "each attempt has a token of its own");
        told.insert(claims["sid"].as_str().unwrap().to_owned());
    }
    assert_eq!(told, BTreeSet::from(sids));
    let last = verified(&app, messages.last().unwrap()).await;
    assert_eq!(last["exp"], app.clock_now() + 120, "the last token is new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_is_given_up_at_last_and_the_audit_trail_says_so() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    receiver.answer("/web", 400);
    let refused = come_and_go(&app, &["web"]).await;
    receiver.wait_for("/web", 1).await;
    receiver.answer("/web", 200);
    // The refusal of one message delays no other message to the same receiver.
    come_and_go(&app, &["web"]).await;
    receiver.wait_for("/web", 2).await;
    receiver.answer("/web", 400);
    for attempt in 2..=12 {
        while app.count("SELECT count(*) FROM outbox WHERE leased_until > 0").await > 0 {
            real_time(20).await;
        }
        app.advance(28_800);
        receiver.wait_for("/web", attempt + 1).await;
    }
    settled(&app).await;
    app.advance(86_400);
    real_time(700).await;
    assert_eq!(receiver.received("/web").len(), 13, "twelve attempts, and the other message");
    let events = app.dump("audit_events").await;
    let event = events.lines().find(|line| line.contains("the client answered with status 400")).unwrap();
    assert!(event.contains(&refused), "{event}");
    let recorded = "SELECT count(*) FROM audit_events WHERE event = 'logout_not_delivered' AND client_id = 'web' AND user_id IS NOT NULL";
    assert_eq!(app.count(recorded).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_wait_for_a_day_are_given_up() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    receiver.answer("/web", 503);
    for _ in 0..3 {
        come_and_go(&app, &["web"]).await;
    }
    receiver.wait_for("/web", 1).await;
    jobs::clean(&app.app).await.unwrap();
    assert_eq!(app.count("SELECT count(*) FROM outbox").await, 3, "none is a day old");
    app.sql("UPDATE outbox SET created_at = created_at - 86402").await;
    jobs::clean(&app.app).await.unwrap();
    assert_eq!(app.count("SELECT count(*) FROM outbox").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'logout_not_delivered'").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_deliver_each_message_once() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    let node = app.another_node_with(|settings| settings.fetch_private_addresses = true).await;
    let browsers = [app.signed_in("alice").await, app.signed_in("alice").await, app.signed_in("alice").await];
    for browser in &browsers {
        for id in ["web", "mail"] {
            enter(&app, browser, id, "openid").await;
        }
    }
    // Both nodes have the same work at once.
    app.disable_user("alice").await;
    settled(&app).await;
    for path in ["/web", "/mail"] {
        let tokens: BTreeSet<String> = receiver.received(path).iter().map(logout_token).collect();
        assert_eq!((tokens.len(), receiver.received(path).len()), (3, 3), "{path}");
    }
    drop(node);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stopped_in_the_middle_leaves_its_message_to_another() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    receiver.answer("/web", 503);
    come_and_go(&app, &["web"]).await;
    receiver.wait_for("/web", 1).await;
    settled_lease(&app).await;
    // As if a node had leased it and then stopped.
    let until = app.clock_now() + 70;
    app.sql(&format!("UPDATE outbox SET leased_until = {until}")).await;
    receiver.answer("/web", 200);
    app.advance(60);
    real_time(700).await;
    assert_eq!(receiver.received("/web").len(), 1, "the lease holds");
    app.advance(10);
    receiver.wait_for("/web", 2).await;
    settled(&app).await;
}

async fn settled_lease(app: &TestApp) {
    while app.count("SELECT count(*) FROM outbox WHERE leased_until > 0").await > 0 {
        real_time(20).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_posted_to_an_address_that_is_not_public() {
    let receiver = Receiver::open().await;
    let app = house_with(&receiver, |settings| settings.fetch_private_addresses = false).await;
    come_and_go(&app, &["web"]).await;
    while app.count("SELECT count(*) FROM outbox WHERE attempts = 1 AND leased_until = 0").await == 0 {
        real_time(20).await;
    }
    assert_eq!(receiver.received("/web").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_registered_itself_is_told_only_so_often() {
    let receiver = Receiver::open().await;
    let app = house_with(&receiver, |settings| (settings.open_registration, settings.fetches_per_token) = (true, 2)).await;
    let metadata = json!({
        "redirect_uris": [crate::support::CALLBACK],
        "client_name": "Own",
        "backchannel_logout_uri": format!("{}/own", receiver.url),
    });
    let own = Answer::of(app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap()).await;
    let (id, secret) = (own.str("client_id"), own.str("client_secret"));
    for _ in 0..4 {
        let browser = app.signed_in("alice").await;
        let code = browser.code(&app.authorize(&[("client_id", id), ("scope", "openid")])).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", crate::support::CALLBACK),
            ("code_verifier", crate::support::VERIFIER),
        ];
        assert_eq!(app.post("/token").basic_auth(id, secret).form(&form).send().await.status, 200);
        sign_out(&browser).await;
    }
    receiver.wait_for("/own", 2).await;
    come_and_go(&app, &["web"]).await;
    receiver.wait_for("/web", 1).await;
    real_time(700).await;
    assert_eq!(receiver.received("/own").len(), 2);
    // What waits is delivered when the window is over, and no attempt was counted meanwhile.
    assert_eq!(app.count("SELECT count(*) FROM outbox WHERE attempts = 0").await, 2);
    app.advance(300);
    receiver.wait_for("/own", 4).await;
    settled(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_queue_of_one_receiver_keeps_no_other_waiting() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    add(&app, "dead", Some(format!("{}/dead", receiver.url))).await;
    receiver.answer("/dead", 500);
    app.sql(
        "INSERT INTO outbox (receiver, client_id, event, user_id, sid, created_at) \
         WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 20000) \
         SELECT 'client:dead', 'dead', 'session_ended', (SELECT id FROM users WHERE username = 'alice'), 'sid-' || number, \
         (SELECT max(at) FROM audit_events) + 100000000000 FROM numbers",
    )
    .await;
    receiver.wait_for("/dead", 1).await;
    come_and_go(&app, &["web"]).await;
    receiver.wait_for("/web", 1).await;
    assert_eq!(receiver.received("/dead").len(), 1, "all messages to it wait after the first failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_messages_are_found_by_indexes() {
    let receiver = Receiver::open().await;
    let app = house_with(&receiver, |settings| settings.fetch_private_addresses = false).await;
    app.sql(
        "INSERT INTO outbox (receiver, client_id, event, created_at, next_attempt_at) \
         WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000) \
         SELECT 'client:web', 'web', 'session_ended', 100000000000, 100000000000 FROM numbers",
    )
    .await;
    let db = &app.plans_by_statistics().await;
    let due = signet_issuer::store::outbox::due(db, 200_000_000_000, 16).await.unwrap();
    let ids = due.into_iter().map(|due| due.id).collect();
    signet_issuer::store::outbox::lease(db, ids, 200_000_000_000, 200_000_000_001).await.unwrap();
    signet_issuer::store::outbox::older_than(db, 86_400, 100).await.unwrap();
    signet_issuer::store::outbox::postpone(db, "client:web", 1).await.unwrap();
    let (sent, scans) = db.scans(&["outbox", "others", "due", "busy", "head"]);
    assert!(sent >= 3 && scans.is_empty(), "{scans:#?}");
}
