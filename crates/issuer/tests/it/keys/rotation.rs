//! Keys are published, rotated and revoked on a real database by several nodes, while time passes.

use signet_issuer::clock::DAY;
use signet_issuer::keys::ring::{Entry, Ring, State};
use signet_issuer::store::{ConnectionTrait, commit};
use tokio::task::JoinSet;

use crate::keys::{WAITING, publish_after, revoke};
use crate::support::{TestApp, header};

async fn ring(app: &TestApp) -> Ring {
    app.app.rotation().ring().await.unwrap()
}

async fn states(app: &TestApp) -> Vec<State> {
    let (ring, settings) = (ring(app).await, &app.app.settings);
    ring.entries().iter().map(|entry| ring.state(entry, app.app.now(), settings.retired_key_lifetime())).collect()
}

async fn publish(app: &TestApp) -> Entry {
    publish_after(&app.app, &ring(app).await).await.unwrap()
}

async fn published(app: &TestApp) -> usize {
    app.get("/.well-known/jwks.json").send().await.json["keys"].as_array().unwrap().len()
}

async fn issuer() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    app
}

async fn signing_kid(app: &TestApp) -> String {
    let answer = app.client_token("worker", "").await;
    header(answer.str("access_token"))["kid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_published_then_signs_then_retires_then_is_gone() {
    let app = issuer().await;
    let first = signing_kid(&app).await;
    let second = publish(&app).await;
    assert_eq!(second.activates_at - app.app.now(), 900);
    app.advance(10);
    assert_eq!((states(&app).await, published(&app).await), (vec![State::Active, State::Published], 2));
    app.advance(889);
    assert_eq!(signing_kid(&app).await, first);
    app.advance(1);
    assert_eq!(signing_kid(&app).await, second.kid);
    assert_eq!(states(&app).await, [State::Retired, State::Active]);
    app.advance(app.app.settings.retired_key_lifetime().unsigned_abs() - 1);
    assert_eq!(published(&app).await, 2);
    app.advance(11);
    assert_eq!((states(&app).await, published(&app).await), (vec![State::Gone, State::Active], 1));
    app.app.rotation().maintain().await.unwrap();
    assert_eq!(app.count("SELECT count(*) FROM signing_keys WHERE sealed_private IS NULL").await, 1);
    app.advance(90 * DAY.unsigned_abs());
    app.app.rotation().maintain().await.unwrap();
    assert_eq!(app.count(&format!("SELECT count(*) FROM signing_keys WHERE kid = '{first}'")).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_by_themselves_and_only_once_on_many_nodes() {
    let app = issuer().await;
    let nodes = [app.another_node().await, app.another_node().await, app.another_node().await];
    app.advance(30 * DAY.unsigned_abs() - 901);
    assert_eq!(states(&app).await.len(), 1);
    app.advance(1);
    // The jobs run by the clock, and the nodes race to publish the same key.
    let rotations = nodes.iter().map(|node| {
        let app = node.app.clone();
        tokio::spawn(async move { app.rotation().maintain().await.unwrap() })
    });
    for rotation in rotations.collect::<Vec<_>>() {
        rotation.await.unwrap();
    }
    assert_eq!(states(&app).await, [State::Active, State::Published]);
    app.advance(900);
    let kid = signing_kid(&app).await;
    for node in &nodes {
        let answer = node.sign_in("alice", "").await;
        assert_eq!(header(answer.str("access_token"))["kid"], kid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_activates_the_published_key_at_once() {
    let app = issuer().await;
    let node = app.another_node().await;
    let stolen = signing_kid(&app).await;
    let next = publish(&app).await;
    assert_eq!(published(&node).await, 1, "nodes read the ring every 10 s");
    app.advance(10);
    assert_eq!(published(&node).await, 2);
    assert!(revoke(&app.app, &stolen).await);
    app.advance(10);
    assert_eq!(signing_kid(&app).await, next.kid);
    assert_eq!(states(&app).await, [State::Revoked, State::Active]);
    let jwks = node.get("/.well-known/jwks.json").send().await;
    assert_eq!((jwks.json["keys"].as_array().unwrap().len(), jwks.json["keys"][0]["kid"].as_str()), (1, Some(next.kid.as_str())));
    assert!(!revoke(&app.app, &stolen).await, "only once");
    assert!(!revoke(&app.app, "unknown").await);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'key_revoked'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_makes_a_key_if_none_is_published() {
    let app = issuer().await;
    let stolen = signing_kid(&app).await;
    let token =
        app.token(&[("grant_type", "password"), ("username", "admin"), ("password", &app.admin_password), ("scope", "openid")]).await;
    assert!(revoke(&app.app, &stolen).await);
    assert_eq!(states(&app).await, [State::Revoked, State::Active]);
    app.advance(10);
    assert_ne!(signing_kid(&app).await, stolen);
    assert_eq!(app.get("/userinfo").bearer(token.str("access_token")).send().await.status, 401);
    assert_eq!(app.count("SELECT count(*) FROM signing_keys WHERE revoked_at IS NOT NULL AND sealed_private IS NOT NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_keys_published_at_once_is_kept_and_the_others_leave_no_trace() {
    let app = issuer().await;
    let nodes = [app.another_node().await, app.another_node().await, app.another_node().await];
    let judged = ring(&app).await;
    let mut publications = JoinSet::new();
    for node in nodes.iter().cycle().take(9) {
        let (node, judged) = (node.app.clone(), judged.clone());
        publications.spawn(async move { publish_after(&node, &judged).await });
    }
    let published: Vec<Entry> = publications.join_all().await.into_iter().flatten().collect();
    let stored = ring(&app).await;
    let kids: Vec<&str> = stored.entries()[1..].iter().map(|entry| entry.kid.as_str()).collect();
    assert_eq!(published.iter().map(|entry| entry.kid.as_str()).collect::<Vec<_>>(), kids);
    assert_eq!(kids.len(), 1);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'key_published'").await, 2, "the first start's, and one more");
}

/// On PostgreSQL a lock holds the publication after it has added its key and before it commits.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_published_during_a_revocation_signs_at_once() {
    let app = issuer().await;
    let stolen = signing_kid(&app).await;
    let on_postgres = app.database_url().starts_with("postgres");
    let blocker = app.app.store.begin().await.unwrap();
    if on_postgres {
        blocker.execute_unprepared("LOCK TABLE audit_events IN EXCLUSIVE MODE").await.unwrap();
    }
    let (node, judged) = (app.app.clone(), ring(&app).await);
    let publication = tokio::spawn(async move { publish_after(&node, &judged).await });
    while on_postgres && app.count(WAITING).await < 1 && !publication.is_finished() {}
    let (node, kid) = (app.app.clone(), stolen.clone());
    let revocation = tokio::spawn(async move { revoke(&node, &kid).await });
    while on_postgres && app.count(WAITING).await < 2 && !revocation.is_finished() {}
    commit(blocker).await.unwrap();
    let published = publication.await.unwrap();
    assert!(revocation.await.unwrap());
    assert_eq!(states(&app).await, [State::Revoked, State::Active]);
    app.advance(10);
    let kid = signing_kid(&app).await;
    assert_ne!(kid, stolen);
    assert!(published.is_none_or(|published| published.kid == kid));
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'key_published'").await, 2, "the first start's, and one more");
}

/// On PostgreSQL a lock holds both transactions after each has changed the ring and before either commits.
#[tokio::test(flavor = "multi_thread")]
async fn after_parallel_revocations_one_key_signs() {
    let app = issuer().await;
    publish(&app).await;
    let kids: Vec<String> = ring(&app).await.entries().iter().map(|entry| entry.kid.clone()).collect();
    let on_postgres = app.database_url().starts_with("postgres");
    let blocker = app.app.store.begin().await.unwrap();
    if on_postgres {
        blocker.execute_unprepared("LOCK TABLE audit_events IN EXCLUSIVE MODE").await.unwrap();
    }
    let mut revocations = Vec::new();
    // Revoke the next key first, because the revocation of the active key would activate it.
    for kid in kids.iter().rev() {
        let (node, kid) = (app.app.clone(), kid.clone());
        revocations.push(tokio::spawn(async move { revoke(&node, &kid).await }));
        let all = i64::try_from(revocations.len()).unwrap();
        while on_postgres && app.count(WAITING).await < all && !revocations.iter().any(tokio::task::JoinHandle::is_finished) {}
    }
    commit(blocker).await.unwrap();
    for revocation in revocations {
        assert!(revocation.await.unwrap());
    }
    app.advance(10);
    assert!(!kids.contains(&signing_kid(&app).await));
}
