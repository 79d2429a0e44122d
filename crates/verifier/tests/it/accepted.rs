//! Tests of the cache of accepted tokens: it changes no answer, and a token that it knows costs no signature check.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use signet_testkit::{AUDIENCE, TestIssuer};
use signet_verifier::{Error, LEEWAY, Refusal, Verifier};

/// Something that happens at the issuer, or a request that presents one of the tokens.
#[derive(Debug, Clone)]
enum Step {
    /// Signs a token that lives for so many seconds, and becomes valid after so many.
    Mint(u64, u64),
    Forge,
    Present(usize),
    /// Revokes a token by its number, counted back from the newest.
    Revoke(usize),
    RevokeKeyInFeed,
    Rotate,
    ReplaceKey,
    RevokeKeys,
    Outage(bool),
    /// Lets hundreds of seconds pass. The keys are then 0, 100, 200 or 300 and more seconds old, and are never renewed in the background,
    /// which would let the two verifiers fetch at different moments.
    Wait(u64),
}

/// A time after which a token is refused just before, at, or just after a moment at which it can be presented.
fn life() -> impl Strategy<Value = u64> {
    (prop_oneof![Just(100), Just(600), Just(3600)], prop_oneof![Just(0), LEEWAY - 1..=LEEWAY + 1])
        .prop_map(|(life, earlier)| life - earlier)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (life(), prop_oneof![3 => Just(0), 1 => Just(200)]).prop_map(|(life, start)| Step::Mint(life, start)),
        1 => Just(Step::Forge),
        16 => (0..6usize).prop_map(Step::Present),
        2 => (0..6usize).prop_map(Step::Revoke),
        1 => Just(Step::RevokeKeyInFeed),
        1 => Just(Step::Rotate),
        1 => Just(Step::ReplaceKey),
        1 => Just(Step::RevokeKeys),
        2 => any::<bool>().prop_map(Step::Outage),
        3 => prop_oneof![Just(100), Just(300), Just(4000)].prop_map(Step::Wait),
    ]
}

/// Waits until each verifier has heard of so many revoked handles.
async fn heard(verifiers: &[&Verifier], handles: usize) {
    for verifier in verifiers {
        while verifier.revocation_status().entries < handles {
            tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>()).await.unwrap_err();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_and_without_the_cache_the_answers_are_equal(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let issuer = TestIssuer::new();
            let verifier = |tokens, bytes| issuer.verifier_builder().audience(AUDIENCE).token_cache(tokens, bytes).build().unwrap();
            let (plain, large, small) = (verifier(0, 0), verifier(1000, 1 << 20), verifier(3, 4000));
            // The verifiers never drop an entry, so that its number tells what they have heard.
            issuer.keep_revocations_for(500_000);
            let mut revoked = HashSet::new();
            for verifier in [&plain, &large, &small] {
                verifier.verify(&issuer.token().mint()).await.unwrap();
            }
            let mut tokens = vec![issuer.token().mint()];
            for step in &steps {
                match step {
                    Step::Mint(life, start) => {
                        let now = signet_verifier::Clock::unix_seconds(issuer.clock());
                        let token = issuer.token().claim("exp", now + life).claim("nbf", now + start);
                        tokens.push(token.claim("grant_id", tokens.len().to_string()).mint());
                    }
                    Step::Forge => tokens.push(issuer.token().tampered().mint()),
                    Step::Present(back) => {
                        let token = &tokens[tokens.len().saturating_sub(back + 1)];
                        let expected = plain.verify(token).await;
                        prop_assert_eq!(&large.verify(token).await, &expected);
                        prop_assert_eq!(&small.verify(token).await, &expected);
                        for verifier in [&plain, &large, &small] {
                            let stale = verifier.revocation_status().stale;
                            let answer = verifier.verify_unless_stale(token).await;
                            // The feed may answer at any moment.
                            if verifier.revocation_status().stale == stale {
                                let withheld = Error::Unavailable { retry_after: Duration::from_secs(5) };
                                prop_assert_eq!(answer, if stale && expected.is_ok() { Err(withheld) } else { expected.clone() });
                            }
                        }
                    }
                    Step::Revoke(back) => {
                        let grant = tokens.len().saturating_sub(back + 1).to_string();
                        issuer.revoke(&grant);
                        revoked.insert(grant);
                        heard(&[&plain, &large, &small], revoked.len()).await;
                    }
                    Step::RevokeKeyInFeed => {
                        issuer.revoke_key_in_feed();
                        // Keys have no number. A handle that no token has comes with them, or after them.
                        let probe = format!("probe {}", revoked.len());
                        issuer.revoke(&probe);
                        revoked.insert(probe);
                        heard(&[&plain, &large, &small], revoked.len()).await;
                    }
                    Step::Rotate => issuer.rotate(),
                    Step::ReplaceKey => issuer.replace_key(),
                    Step::RevokeKeys => issuer.revoke_keys(),
                    Step::Outage(away) => issuer.outage(*away),
                    Step::Wait(seconds) => issuer.advance(Duration::from_secs(*seconds)),
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_known_token_gives_the_same_claims_again() {
    let issuer = TestIssuer::new();
    let (verifier, token) = (issuer.verifier(), issuer.token().mint());
    let first = verifier.verify(&token).await.unwrap();
    assert!(Arc::ptr_eq(&first, &verifier.clone().verify(&token).await.unwrap()), "the clones share one cache");
    assert!(!Arc::ptr_eq(&first, &issuer.verifier().verify(&token).await.unwrap()), "each verifier has a cache of its own");
    let off = issuer.verifier_builder().audience(AUDIENCE).token_cache(0, 1 << 20).build().unwrap();
    assert!(!Arc::ptr_eq(&off.verify(&token).await.unwrap(), &off.verify(&token).await.unwrap()));
}

#[tokio::test]
async fn a_known_token_still_renews_the_keys() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let token = issuer.token().claim("exp", 1_767_225_600 + 3600).mint();
    for minutes in 0..30 {
        verifier.verify(&token).await.unwrap();
        issuer.advance(Duration::from_mins(1));
        assert!(issuer.fetches() > minutes / 5, "after {minutes} minutes the keys were fetched {} times", issuer.fetches());
        tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await.unwrap_err();
    }
    issuer.replace_key();
    issuer.advance(Duration::from_mins(5));
    assert_eq!(verifier.verify(&token).await.unwrap_err(), Error::Refused(Refusal::Signature), "the kid is the same, but not the key");
}
