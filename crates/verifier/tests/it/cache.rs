//! Tests of the key cache: how often and when it fetches, and which keys it uses while the issuer is away.

use std::sync::Arc;
use std::time::Duration;

use signet_testkit::{AUDIENCE, TestIssuer};
use signet_verifier::{Error, Refusal};

const MINUTE: Duration = Duration::from_mins(1);

fn is_unavailable(result: &Result<Arc<signet_verifier::Claims>, Error>) -> bool {
    matches!(result, Err(Error::Unavailable { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_shares_one_fetch() {
    let issuer = TestIssuer::new();
    let (verifier, token) = (issuer.verifier(), issuer.token().mint());
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), token.clone());
            tokio::spawn(async move { verifier.verify(&token).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn keys_are_renewed_ahead_and_no_request_waits() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    verifier.verify(&issuer.token().mint()).await.unwrap();
    issuer.advance(239 * Duration::from_secs(1));
    verifier.verify(&issuer.token().mint()).await.unwrap();
    assert_eq!(issuer.fetches(), 1);
    issuer.advance(Duration::from_secs(1));
    verifier.verify(&issuer.token().mint()).await.unwrap();
    // The runtime has one thread, and the fetch has not run on it yet. So the request did not wait for the fetch.
    assert_eq!(issuer.fetches(), 1);
    while issuer.fetches() < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_rotation_is_seen_at_the_first_token_of_the_new_key() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let old = issuer.token().mint();
    verifier.verify(&old).await.unwrap();
    issuer.advance(MINUTE);
    issuer.rotate();
    verifier.verify(&issuer.token().mint()).await.unwrap();
    verifier.verify(&old).await.unwrap();
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn unknown_keys_cost_no_traffic() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    verifier.verify(&issuer.token().mint()).await.unwrap();
    let forged = |n: usize| issuer.token().header("kid", format!("forged-{n}")).mint();
    // Keys that are younger than 1 s are not fetched again, so these tokens are refused at once.
    for n in 0..50 {
        assert_eq!(verifier.verify(&forged(n)).await.unwrap_err(), Error::Refused(Refusal::UnknownKey));
    }
    assert_eq!(issuer.fetches(), 1);
    for (wait, fetches) in [(1, 2), (1, 2), (28, 2), (1, 3), (29, 3), (1, 4)] {
        issuer.advance(Duration::from_secs(wait));
        for n in 0..50 {
            assert_eq!(verifier.verify(&forged(n)).await.unwrap_err(), Error::Refused(Refusal::UnknownKey));
        }
        assert_eq!(issuer.fetches(), fetches);
    }
    // This token would be refused even with a valid signature, so it is refused without a fetch.
    issuer.advance(Duration::from_secs(30));
    let hopeless = issuer.token().header("kid", "forged").audience("https://other.test").mint();
    assert_eq!(verifier.verify(&hopeless).await.unwrap_err(), Error::Refused(Refusal::Audience));
    assert_eq!(issuer.fetches(), 4);
}

/// A key signs at once if the one before it was revoked, and the verifier may have fetched the keys a moment before.
#[tokio::test]
async fn a_key_that_signs_a_moment_after_a_fetch_is_accepted() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    verifier.verify(&issuer.token().mint()).await.unwrap();
    issuer.advance(Duration::from_secs(1));
    issuer.rotate();
    verifier.verify(&issuer.token().mint()).await.unwrap();
    // The keys that were fetched ahead of their time do not count either.
    issuer.advance(4 * MINUTE);
    verifier.verify(&issuer.token().mint()).await.unwrap();
    let moment = async || tokio::time::timeout(Duration::from_millis(50), std::future::pending::<()>()).await.unwrap_err();
    while issuer.fetches() < 3 {
        moment().await;
    }
    // The keys arrive.
    moment().await;
    issuer.rotate();
    issuer.advance(Duration::from_secs(1));
    verifier.verify(&issuer.token().mint()).await.unwrap();
    assert_eq!(issuer.fetches(), 4);
}

#[tokio::test]
async fn an_unknown_key_is_no_refusal_while_the_issuer_is_away() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    verifier.verify(&issuer.token().mint()).await.unwrap();
    issuer.advance(MINUTE);
    issuer.rotate();
    issuer.outage(true);
    assert!(is_unavailable(&verifier.verify(&issuer.token().mint()).await));
}

#[tokio::test]
async fn stale_keys_serve_for_an_hour() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    verifier.verify(&issuer.token().mint()).await.unwrap();
    issuer.outage(true);
    issuer.advance(5 * MINUTE);
    verifier.verify(&issuer.token().mint()).await.unwrap();
    issuer.advance(59 * MINUTE);
    verifier.verify(&issuer.token().mint()).await.unwrap();
    issuer.advance(MINUTE);
    assert!(is_unavailable(&verifier.verify(&issuer.token().mint()).await));
    issuer.outage(false);
    issuer.advance(MINUTE);
    verifier.verify(&issuer.token().mint()).await.unwrap();
}

#[tokio::test]
async fn failures_back_off() {
    let issuer = TestIssuer::new();
    issuer.outage(true);
    let verifier = issuer.verifier();
    for _ in 0..20 {
        assert!(is_unavailable(&verifier.verify(&issuer.token().mint()).await));
    }
    assert_eq!(issuer.fetches(), 1);
    // The times between the tries are 1, 2, 4, 8, 16, 30 and 30 s.
    for (wait, fetches) in [(1, 2), (1, 2), (1, 3), (4, 4), (8, 5), (16, 6), (29, 6), (1, 7), (30, 8)] {
        issuer.advance(Duration::from_secs(wait));
        assert!(is_unavailable(&verifier.verify(&issuer.token().mint()).await));
        assert_eq!(issuer.fetches(), fetches);
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_within_the_freshness_of_the_jwks() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let stolen = issuer.token().claim("exp", 1_767_225_600 + 3600).mint();
    verifier.verify(&stolen).await.unwrap();
    issuer.revoke_keys();
    issuer.advance(5 * MINUTE);
    assert_eq!(verifier.verify(&stolen).await.unwrap_err(), Error::Refused(Refusal::UnknownKey));
}

#[tokio::test]
async fn a_service_may_hear_of_revocations_sooner() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier_builder().audience(AUDIENCE).refresh_within(Duration::from_secs(2)).build().unwrap();
    let stolen = issuer.token().mint();
    verifier.verify(&stolen).await.unwrap();
    issuer.revoke_keys();
    issuer.advance(Duration::from_secs(2));
    assert_eq!(verifier.verify(&stolen).await.unwrap_err(), Error::Refused(Refusal::UnknownKey));
}
