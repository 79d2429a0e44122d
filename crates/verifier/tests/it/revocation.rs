//! Tests of the feed of revocations: what is refused and when, and what holds while the feed is silent, cut, garbled or too long.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::routing::get;
use serde_json::json;
use signet_testkit::{AUDIENCE, GRANT, TestIssuer};
use signet_verifier::axum::{AnyToken, Auth, Guarded, Require, public};
use signet_verifier::{Error, Refusal, Verifier};
use tower::ServiceExt;

const REVOKED: Error = Error::Refused(Refusal::Revoked);

fn long_lived(issuer: &TestIssuer, grant_id: &str) -> String {
    issuer.token().claim("grant_id", grant_id).claim("exp", 1_767_225_600 + 36_000).mint()
}

/// Waits until `done` returns `true`, for real time.
#[expect(clippy::disallowed_methods, reason = "the feed travels in real time")]
async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

async fn until_refused(verifier: &Verifier, token: &str) -> Duration {
    until("the token is refused", async || verifier.verify(token).await == Err(REVOKED)).await
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_no_other() {
    let issuer = TestIssuer::new();
    issuer.revoke("revoked before the verifier starts");
    let verifier = issuer.verifier();
    let early = issuer.token().claim("grant_id", "revoked before the verifier starts").mint();
    assert_eq!(verifier.verify(&early).await.unwrap_err(), REVOKED, "the first request waits for the first answer");
    let (token, other) = (long_lived(&issuer, GRANT), long_lived(&issuer, "other"));
    let nameless = issuer.token().without_claim("grant_id").mint();
    verifier.verify(&token).await.unwrap();
    issuer.revoke(GRANT);
    let heard = until_refused(&verifier, &token).await;
    assert!(heard < Duration::from_secs(1), "{heard:?}");
    assert_eq!(verifier.verify(&issuer.token().mint()).await.unwrap_err(), REVOKED, "another token of the same grant");
    verifier.verify(&other).await.unwrap();
    verifier.verify(&nameless).await.unwrap();
    assert_eq!(verifier.revocation_status().entries, 2);
}

#[tokio::test]
async fn a_restart_of_the_issuer_loses_nothing() {
    let issuer = TestIssuer::new();
    let (verifier, first, second) = (issuer.verifier(), long_lived(&issuer, "first"), long_lived(&issuer, "second"));
    issuer.revoke("first");
    verifier.verify(&second).await.unwrap();
    issuer.cut_feed(true);
    issuer.restart_feed();
    issuer.revoke("second");
    assert_eq!(verifier.verify(&first).await.unwrap_err(), REVOKED);
    verifier.verify(&second).await.unwrap();
    issuer.cut_feed(false);
    until_refused(&verifier, &second).await;
    assert_eq!(verifier.verify(&first).await.unwrap_err(), REVOKED);
}

async fn real_time(time: Duration) {
    tokio::time::timeout(time, std::future::pending::<()>()).await.unwrap_err();
}

/// However long the feed was away, the verifier asks again within a second, and yet not all the time.
#[tokio::test]
async fn what_was_revoked_meanwhile_is_heard_a_second_after_the_feed_is_back() {
    let issuer = TestIssuer::new();
    let (verifier, token) = (issuer.verifier(), long_lived(&issuer, GRANT));
    verifier.verify(&token).await.unwrap();
    issuer.cut_feed(true);
    issuer.revoke(GRANT);
    // The first waits double each time.
    real_time(Duration::from_secs(8)).await;
    for _ in 0..3 {
        let before = issuer.feed_requests();
        real_time(Duration::from_secs(4)).await;
        let asked = issuer.feed_requests() - before;
        assert!((3..=8).contains(&asked), "{asked} requests in 4 s");
    }
    verifier.verify(&token).await.unwrap();
    issuer.cut_feed(false);
    let heard = until_refused(&verifier, &token).await;
    assert!(heard < Duration::from_millis(1300), "{heard:?}");
}

/// As while a proxy or an issuer is updated: its feed and discovery are there, but not right.
#[tokio::test]
async fn a_feed_that_is_gone_for_a_moment_is_found_again() {
    let issuer = TestIssuer::new();
    let (verifier, token) = (issuer.verifier(), long_lived(&issuer, GRANT));
    verifier.verify(&token).await.unwrap();
    issuer.name_feed(false);
    real_time(Duration::from_secs(1)).await;
    issuer.revoke(GRANT);
    issuer.name_feed(true);
    let heard = until_refused(&verifier, &token).await;
    assert!(heard < Duration::from_secs(5), "{heard:?}");
}

#[tokio::test]
async fn a_malformed_answer_is_silence() {
    let issuer = TestIssuer::new();
    let (verifier, token) = (issuer.verifier(), long_lived(&issuer, GRANT));
    verifier.verify(&token).await.unwrap();
    let answer = |changes: serde_json::Value| {
        let mut answer = json!({ "cursor": "x", "keep_for": 60, "revoked": [], "revoked_kids": [] });
        answer.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        answer.to_string()
    };
    for garbage in [
        String::new(),
        "<html>sign in to this network</html>".to_owned(),
        "[]".to_owned(),
        r#"{"cursor":"x","keep_for":60,"revoked":["#.to_owned(),
        answer(json!({ "cursor": "" })),
        answer(json!({ "cursor": "x".repeat(257) })),
        answer(json!({ "keep_for": -1 })),
        answer(json!({ "keep_for": 1e9 })),
        answer(json!({ "revoked": ["AAAA"] })),
        answer(json!({ "revoked": ["AAAAAAAAAAAAAAAAAAAAAA=="] })),
        answer(json!({ "revoked": ["AAAAAAAAAAAAAAAAAAAAAB"] })),
        answer(json!({ "revoked_kids": ["x".repeat(257)] })),
        answer(json!({ "revoked_kids": vec!["x"; 10_001] })),
        answer(json!({ "pad": "x".repeat(26 << 20) })),
    ] {
        let silent = async || verifier.revocation_status().silent_for;
        let shown = garbage[..garbage.len().min(80)].to_owned();
        issuer.garble_feed(Some(garbage));
        // The request that is under way may still be answered as before.
        real_time(Duration::from_millis(150)).await;
        issuer.advance(Duration::from_secs(1));
        real_time(Duration::from_millis(300)).await;
        assert!(silent().await >= Some(Duration::from_secs(1)), "{shown}");
        verifier.verify(&token).await.unwrap();
        issuer.garble_feed(None);
        until(&shown, async || silent().await < Some(Duration::from_secs(1))).await;
    }
    issuer.revoke(GRANT);
    until_refused(&verifier, &token).await;
}

#[tokio::test]
async fn a_set_that_is_full_drops_nothing_and_counts_as_silence() {
    let issuer = TestIssuer::new();
    issuer.keep_revocations_for(100);
    let verifier = issuer.verifier_builder().audience(AUDIENCE).max_revocations(3).build().unwrap();
    let tokens: Vec<String> = (0..5).map(|number| long_lived(&issuer, &number.to_string())).collect();
    verifier.verify(&tokens[0]).await.unwrap();
    for number in 0..3 {
        issuer.revoke(&number.to_string());
    }
    until_refused(&verifier, &tokens[2]).await;
    issuer.advance(Duration::from_secs(50));
    issuer.revoke("3");
    issuer.revoke("4");
    until("the feed is stale", async || {
        issuer.advance(Duration::from_secs(1));
        verifier.revocation_status().stale && verifier.revocation_status().silent_for > Some(Duration::from_mins(1))
    })
    .await;
    issuer.advance(Duration::from_secs(100));
    until_refused(&verifier, &tokens[4]).await;
    until_refused(&verifier, &tokens[3]).await;
    verifier.verify(&tokens[0]).await.unwrap();
}

#[tokio::test]
async fn a_revoked_key_is_dropped_at_once_and_for_good() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let old = long_lived(&issuer, GRANT);
    verifier.verify(&old).await.unwrap();
    issuer.revoke_key_in_feed();
    let unknown = Err(Error::Refused(Refusal::UnknownKey));
    until("the key is dropped", async || verifier.verify(&old).await == unknown).await;
    verifier.verify(&issuer.token().mint()).await.expect("the key that follows is fetched at once");
    // The JWKS still has the old key.
    issuer.advance(Duration::from_mins(6));
    verifier.verify(&issuer.token().mint()).await.unwrap();
    assert_eq!(verifier.verify(&old).await, unknown);
    issuer.outage(true);
    issuer.advance(Duration::from_mins(6));
    assert_eq!(verifier.verify(&old).await, unknown, "what is known to be revoked is no matter of the keys that are out of reach");
}

/// One node tells that a key is revoked, and another one, or a cache, still shows the keys of before.
#[tokio::test]
async fn a_key_that_takes_over_from_a_revoked_one_is_never_refused() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let old = long_lived(&issuer, GRANT);
    verifier.verify(&old).await.unwrap();
    issuer.outdated_jwks(true);
    issuer.revoke_key_in_feed();
    let unknown = Err(Error::Refused(Refusal::UnknownKey));
    until("the key is dropped", async || verifier.verify(&old).await == unknown).await;
    let new = long_lived(&issuer, GRANT);
    let fetches = issuer.fetches();
    for second in 1..=40 {
        for _ in 0..20 {
            let found = verifier.verify(&new).await;
            assert!(matches!(found, Err(Error::Unavailable { retry_after }) if retry_after == Duration::from_secs(1)), "{found:?}");
        }
        assert!(issuer.fetches() <= fetches + second, "one fetch a second");
        issuer.advance(Duration::from_secs(1));
    }
    issuer.outdated_jwks(false);
    verifier.verify(&new).await.unwrap();
    assert_eq!(verifier.verify(&old).await, unknown);
}

/// The revoked key was in use for so short a time that this verifier has never fetched it.
#[tokio::test]
async fn a_key_that_is_fetched_together_with_a_revoked_one_is_used_at_once() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    verifier.verify(&issuer.token().mint()).await.unwrap();
    issuer.rotate();
    issuer.revoke_key_in_feed();
    issuer.revoke("another grant");
    until("the feed is heard", async || verifier.revocation_status().entries == 1).await;
    issuer.advance(Duration::from_mins(1));
    verifier.verify(&issuer.token().mint()).await.unwrap();
}

/// As of a service that starts a moment after the revocation.
#[tokio::test]
async fn the_first_request_knows_which_keys_were_revoked_before() {
    let issuer = TestIssuer::new();
    let old = long_lived(&issuer, GRANT);
    issuer.outdated_jwks(true);
    issuer.revoke_key_in_feed();
    let new = long_lived(&issuer, GRANT);
    assert_eq!(issuer.verifier().verify(&old).await, Err(Error::Refused(Refusal::UnknownKey)));
    let verifier = issuer.verifier();
    let found = verifier.verify(&new).await;
    assert!(matches!(found, Err(Error::Unavailable { .. })), "{found:?}");
    issuer.outdated_jwks(false);
    issuer.advance(Duration::from_secs(1));
    verifier.verify(&new).await.unwrap();
}

#[tokio::test]
async fn a_feed_of_another_origin_is_not_asked() {
    let other = TestIssuer::new();
    other.revoke(GRANT);
    let elsewhere = [
        format!("{}/revocations", other.issuer()),
        // The same port under another name, and the same name with another scheme, are other origins too.
        "http://localhost:PORT/revocations".to_owned(),
        "https://127.0.0.1:PORT/revocations".to_owned(),
        "//127.0.0.1:PORT/revocations".to_owned(),
        "/revocations".to_owned(),
        "http://127.0.0.1:PORT@other.example/revocations".to_owned(),
        String::new(),
    ];
    // Each waits for five seconds for its first answer.
    let at_once = tokio::task::LocalSet::new();
    let checks: Vec<_> = elsewhere.into_iter().map(|endpoint| at_once.spawn_local(is_not_asked(endpoint))).collect();
    at_once.await;
    for check in checks {
        check.await.unwrap();
    }
    assert_eq!(other.feed_requests(), 0);
}

async fn is_not_asked(endpoint: String) {
    let issuer = TestIssuer::new();
    let port = issuer.issuer().rsplit(':').next().unwrap();
    let endpoint = endpoint.replace("PORT", port);
    issuer.name_feed_at(Some(endpoint.clone()));
    issuer.revoke(GRANT);
    let (verifier, token) = (issuer.verifier(), issuer.token().mint());
    verifier.verify(&token).await.expect("the feed is silent");
    assert!(matches!(verifier.verify_unless_stale(&token).await, Err(Error::Unavailable { .. })), "{endpoint}");
    assert_eq!(issuer.feed_requests(), 0, "{endpoint}");
    // The verifier reads discovery again and again, so that it finds the feed once the fault is mended.
    issuer.name_feed_at(None);
    until_refused(&verifier, &token).await;
    assert!(issuer.feed_requests() > 0);
}

#[tokio::test]
async fn an_issuer_without_a_feed_accepts_until_expiry() {
    let issuer = TestIssuer::new();
    issuer.name_feed(false);
    issuer.revoke(GRANT);
    let (verifier, token) = (issuer.verifier(), issuer.token().mint());
    verifier.verify(&token).await.unwrap();
    assert!(matches!(verifier.verify_unless_stale(&token).await, Err(Error::Unavailable { .. })));
    assert_eq!(verifier.revocation_status().silent_for, None);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test measures real time")]
async fn the_first_requests_wait_for_five_seconds_in_all() {
    let issuer = TestIssuer::new();
    issuer.delay_feed(Duration::from_secs(8));
    let (verifier, token) = (issuer.verifier(), issuer.token().mint());
    let start = Instant::now();
    // The client of the first request gives up before the 5 s are over.
    tokio::time::timeout(Duration::from_secs(1), verifier.verify(&token)).await.unwrap_err();
    let accepted_after = async |pause: u64| {
        real_time(Duration::from_secs(pause)).await;
        verifier.verify(&token).await.unwrap();
        start.elapsed().as_secs_f64()
    };
    let (second, third) = tokio::join!(accepted_after(0), accepted_after(3));
    assert!((4.5..5.9).contains(&second) && (4.5..5.9).contains(&third), "{second} {third}");
    let start = Instant::now();
    verifier.verify(&token).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn the_task_ends_with_the_verifier() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    verifier.verify(&issuer.token().mint()).await.unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let with = tasks();
    let clone = verifier.clone();
    drop(verifier);
    clone.verify(&issuer.token().mint()).await.unwrap();
    drop(clone);
    until("the task has ended", async || tasks() < with).await;
}

/// A runtime may end before the verifier does, as in tests that have one runtime each.
#[test]
fn another_runtime_goes_on() {
    let issuer = TestIssuer::new();
    let (verifier, token) = (issuer.verifier(), long_lived(&issuer, GRANT));
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    run().block_on(verifier.verify(&token)).unwrap();
    issuer.revoke(GRANT);
    run().block_on(until_refused(&verifier, &token));
}

#[tokio::test]
async fn a_route_may_refuse_while_the_feed_is_stale() {
    let issuer = TestIssuer::new();
    let handler = |token: Option<Auth>| async move { token.map(|token| token.subject().to_owned()).unwrap_or_default() };
    let verifier = issuer.verifier();
    let router: Router = Guarded::new()
        .route("/read", AnyToken::get(handler))
        .route("/pay", AnyToken::get(handler).refuse_when_stale())
        .route("/hello", public(get(handler)).refuse_when_stale())
        .nest("/admin", Guarded::new().route("/", AnyToken::get(handler)).refuse_when_stale())
        .into_router(verifier.clone());
    let token = long_lived(&issuer, GRANT);
    let send = async |path: &str, token: &str| {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        (answer.status(), answer.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned()))
    };
    for path in ["/read", "/pay", "/admin", "/hello"] {
        assert_eq!(send(path, &token).await.0, StatusCode::OK, "{path}");
    }
    issuer.cut_feed(true);
    // The request that is under way may still be answered.
    real_time(Duration::from_millis(300)).await;
    issuer.advance(Duration::from_secs(59));
    assert_eq!(send("/pay", &token).await.0, StatusCode::OK);
    issuer.advance(Duration::from_secs(3));
    for (path, status) in [("/read", 200), ("/pay", 503), ("/admin", 503), ("/hello", 200)] {
        let (found, retry_after) = send(path, &token).await;
        assert_eq!((found.as_u16(), retry_after.is_some()), (status, status == 503), "{path}");
    }
    let bad = issuer.token().expired().mint();
    assert_eq!(send("/pay", &bad).await.0, StatusCode::UNAUTHORIZED, "this token is bad whatever the feed says");
    let status = verifier.revocation_status();
    assert!(status.stale && status.accepted_while_stale == 2, "{status:?}");

    issuer.cut_feed(false);
    until("the route answers again", async || send("/pay", &token).await.0 == StatusCode::OK).await;
    issuer.revoke(GRANT);
    until_refused(&verifier, &token).await;
    assert_eq!(send("/pay", &token).await.0, StatusCode::UNAUTHORIZED);
}
