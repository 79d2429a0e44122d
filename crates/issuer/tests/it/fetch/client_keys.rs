//! Parallel requests fetch the keys of a client once, and an unknown `kid` makes the issuer fetch them again, but not often.

use serde_json::json;

use crate::clients::assertion::{Key, app, claims, send};
use crate::support::{Site, at_once};

#[tokio::test(flavor = "multi_thread")]
async fn parallel_requests_fetch_once() {
    let site = Site::open().await;
    let key = Key::new("one");
    let jwks_uri = site.put("/jwks", 200, key.jwks());
    let app = app(&json!({ "jwks_uri": jwks_uri }).to_string()).await;
    let assertions: Vec<String> = (0..40).map(|number| key.sign(&claims(&app, &number.to_string()))).collect();
    let answers = at_once(assertions.iter().map(|assertion| send(&app, assertion, &[])).collect()).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let strangers: Vec<String> = (0..40).map(|number| Key(key.0.clone(), "unknown").sign(&claims(&app, &format!("x{number}")))).collect();
    app.advance(30);
    at_once(strangers.iter().map(|assertion| send(&app, assertion, &[])).collect()).await;
    assert_eq!(site.asked("/jwks"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_again_for_an_unknown_kid_but_not_often() {
    let site = Site::open().await;
    let (first, second) = (Key::new("first"), Key::new("second"));
    let jwks_uri = site.put("/jwks", 200, first.jwks());
    let app = app(&json!({ "jwks_uri": jwks_uri }).to_string()).await;
    for number in 0..5 {
        assert_eq!(send(&app, &first.sign(&claims(&app, &format!("a{number}"))), &[]).await.status, 200);
    }
    assert_eq!(site.asked("/jwks"), 1);
    // The client rotates its key. Within 30 s of the last fetch the issuer does not fetch again, so it does not know the new key.
    site.put("/jwks", 200, second.jwks());
    for number in 0..5 {
        assert_eq!(send(&app, &second.sign(&claims(&app, &format!("b{number}"))), &[]).await.error(), (401, "invalid_client"));
    }
    assert_eq!(site.asked("/jwks"), 0);
    app.advance(30);
    assert_eq!(send(&app, &second.sign(&claims(&app, "c")), &[]).await.status, 200);
    assert_eq!(send(&app, &first.sign(&claims(&app, "d")), &[]).await.error(), (401, "invalid_client"));
    assert_eq!(site.asked("/jwks"), 1);
    // A fetch that fails does not remove the keys that the issuer has.
    app.advance(30);
    for (status, body) in [
        (500, second.jwks()),
        (302, second.jwks()),
        (200, "<html>".to_owned()),
        (200, "x".repeat(70_000)),
        (200, "[]".to_owned()),
        (200, "\"text\"".to_owned()),
    ] {
        site.put("/jwks", status, body);
        let late = json!({ "iss": "signer", "sub": "signer", "aud": app.url, "jti": format!("e{status}{}", app.clock_now()), "exp": app.clock_now() + 60 });
        assert_eq!(send(&app, &Key::new("third").sign(&late), &[]).await.error(), (401, "invalid_client"));
        assert_eq!(send(&app, &second.sign(&late), &[]).await.status, 200, "{status}");
        app.advance(30);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_does_not_stop_the_fetch_for_others() {
    let site = Site::open().await;
    let key = Key::new("one");
    let jwks_uri = site.put("/jwks", 200, key.jwks());
    let app = app(&json!({ "jwks_uri": jwks_uri }).to_string()).await;
    let stranger = Key::new("x").sign(&claims(&app, "x"));
    // Drop the request at every point at which it can wait.
    for wait in 0..20 {
        let _ = tokio::time::timeout(std::time::Duration::from_millis(wait), send(&app, &stranger, &[])).await;
    }
    assert_eq!(send(&app, &key.sign(&claims(&app, "1")), &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_jwks_uri_delays_only_the_request_that_asks() {
    let site = Site::open().await;
    let key = Key::new("one");
    let jwks_uri = site.put("/jwks", 200, key.jwks());
    let app = app(&json!({ "jwks_uri": jwks_uri }).to_string()).await;
    let own = |jti: &str| {
        let claims = json!({ "iss": "signer", "sub": "signer", "aud": app.url, "jti": jti, "exp": app.clock_now() + 60 });
        key.sign(&claims)
    };
    assert_eq!(send(&app, &own("first"), &[]).await.status, 200);
    let stranger = Key(key.0.clone(), "unknown");
    // An unknown key makes the issuer ask again after 30 s, and the age of the keys does after 10 min.
    for (number, wait) in [30, 600].into_iter().enumerate() {
        app.advance(wait);
        let release = site.hold("/jwks");
        let asked = site.asked("/jwks");
        let asks = if wait == 30 { stranger.sign(&claims(&app, &format!("x{number}"))) } else { own("asks") };
        let asking = send(&app, &asks, &[]);
        let others = async {
            while site.asked("/jwks") == asked {
                tokio::task::yield_now().await;
            }
            for jti in 0..5 {
                assert_eq!(send(&app, &own(&format!("{number} {jti}")), &[]).await.status, 200);
            }
            release.send(()).unwrap();
        };
        let (answer, ()) = tokio::join!(asking, others);
        assert_eq!(answer.status, if wait == 30 { 401 } else { 200 });
    }
}
