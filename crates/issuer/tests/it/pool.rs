//! The pool sends a flood of sign-ins away at once, and a request that was dropped leaves its place in the queue.

use signet_issuer::accounts::methods::password;

use crate::support::{PASSWORD, TestApp, at_once};

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_sign_ins_is_refused_at_once_and_slows_nothing_else() {
    let app = TestApp::with(|settings| {
        settings.argon2_memory_kib = 19456;
        settings.argon2_iterations = 2;
        settings.hash_threads = 1;
        settings.hash_queue = 4;
        settings.address_attempts = 100_000;
    })
    .await
    .with_orders()
    .await
    .with_user("alice")
    .await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    let mut flood = tokio::task::JoinSet::new();
    for n in 0..50 {
        let (http, url) = (app.http.clone(), app.url.clone());
        flood.spawn(async move {
            let username = format!("user{n}");
            let form = [("grant_type", "password"), ("client_id", "shop"), ("username", &username), ("password", PASSWORD)];
            let response = http.post(format!("{url}/token")).form(&form).send().await.unwrap();
            (response.status().as_u16(), response.headers().contains_key("retry-after"))
        });
    }
    assert_eq!(app.client_token("worker", "").await.status, 200);
    assert_eq!(app.get("/.well-known/jwks.json").send().await.status, 200);
    let answers = flood.join_all().await;
    assert!(answers.iter().all(|answer| matches!(answer, (400, false) | (503, true))), "{answers:?}");
    assert!(answers.iter().any(|answer| answer.0 == 503));
    // Attempts whose password was not compared were not counted, and the queue has room again.
    assert_eq!(app.sign_in("alice", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sign_in_page_says_when_to_try_again_while_too_many_sign_in() {
    let app = TestApp::with(|settings| {
        settings.argon2_memory_kib = 19456;
        settings.argon2_iterations = 2;
        settings.hash_threads = 1;
        settings.hash_queue = 1;
    })
    .await;
    let mut people = Vec::new();
    for n in 0..10 {
        let browser = app.browser();
        let page = browser.get("/sign-in").await;
        people.push((browser, page, format!("user{n}")));
    }
    let answers = at_once(people.iter().map(|(browser, page, name)| browser.sign_in(page, name, PASSWORD)).collect()).await;
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!busy.is_empty(), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for answer in busy {
        assert!(answer.text.contains("Too many people are signing in.") && answer.header("retry-after") == "1", "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_request_leaves_its_place_in_the_queue() {
    let app = TestApp::with(|settings| {
        settings.hash_threads = 1;
        settings.hash_queue = 2;
    })
    .await
    .with_orders()
    .await
    .with_user("alice")
    .await;
    for _ in 0..200 {
        let abandoned = password::compare(&app.app, PASSWORD.into(), None);
        // Poll the future once, so that its work is queued, and drop it.
        let _ = tokio::time::timeout(std::time::Duration::ZERO, abandoned).await;
    }
    let mut tries = 0;
    while app.sign_in("alice", "").await.status != 200 {
        tries += 1;
        assert!(tries < 100, "the queue never drained");
    }
}
