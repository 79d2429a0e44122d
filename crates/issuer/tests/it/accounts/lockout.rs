//! Attempts are counted for each account and each address before a password is compared, and nobody is locked out for good.

use std::net::IpAddr;

use signet_issuer::accounts::lockout::{Counters, Guesser};
use signet_issuer::store::commit;

use crate::support::{Browser, PASSWORD, SECRET, START, TestApp, at_once};

async fn app() -> TestApp {
    TestApp::new().await.with_orders().await.with_user("alice").await
}

async fn guess(app: &TestApp, username: &str) -> u16 {
    app.try_password(username, "wrong password", "").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn after_five_wrong_passwords_each_attempt_waits_twice_as_long() {
    let app = app().await;
    for _ in 0..5 {
        assert_eq!(guess(&app, "alice").await, 400);
    }
    // The wait is at least 1, 2, 4, … seconds, whatever the fraction of a second at which the attempt was made.
    for wait in [2, 3, 5, 9, 17, 33, 65, 129, 257, 301, 301] {
        let refused = app.sign_in("alice", "").await;
        assert_eq!(refused.error(), (429, "temporarily_unavailable"));
        assert_eq!(refused.header("retry-after"), wait.to_string());
        app.advance(wait - 1);
        assert_eq!(guess(&app, "alice").await, 429);
        app.advance(1);
        assert_eq!(guess(&app, "alice").await, 400);
    }
    // The lock-out ends, so that the owner can sign in after the wait.
    app.advance(301);
    assert_eq!(app.sign_in("alice", "").await.status, 200);
    // The count starts again after a success.
    for _ in 0..5 {
        assert_eq!(guess(&app, "alice").await, 400);
    }
    assert_eq!(guess(&app, "alice").await, 429);
    app.advance(3600);
    for _ in 0..5 {
        assert_eq!(guess(&app, "alice").await, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_is_never_counted_as_a_wrong_one() {
    let app = app().await;
    let password = [("grant_type", "password"), ("client_id", "shop"), ("username", "alice"), ("password", PASSWORD)];
    for more in [("scope", "unknown:scope"), ("scope", "profile orders:write"), ("scope", "openid")] {
        for _ in 0..7 {
            let answer = app.post("/token").form(&[&password[..], &[more]].concat()).send().await;
            assert_ne!(answer.status, 429, "{more:?}: {}", answer.text);
        }
    }
    // The attempts with wrong passwords before it still count.
    for _ in 0..5 {
        assert_eq!(guess(&app, "alice").await, 400);
        app.post("/token").form(&[&password[..], &[("scope", "unknown:scope")]].concat()).send().await;
    }
    assert_eq!(guess(&app, "alice").await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_parallel_guesses_never_exceed_the_limit() {
    let app = app().await;
    let node = app.another_node().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200 {
        let (http, url) = (app.http.clone(), if n % 2 == 0 { app.url.clone() } else { node.url.clone() });
        tasks.spawn(async move {
            let guess = format!("guess number {n}");
            let form = [("grant_type", "password"), ("client_id", "shop"), ("username", "alice"), ("password", guess.as_str())];
            http.post(format!("{url}/token")).form(&form).send().await.unwrap().status().as_u16()
        });
    }
    let statuses = tasks.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 5);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 195);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_on_unknown_usernames_are_counted_alike() {
    let app = app().await;
    for username in ["alice", "nobody"] {
        let statuses: Vec<u16> = [
            guess(&app, username).await,
            guess(&app, username).await,
            guess(&app, username).await,
            guess(&app, username).await,
            guess(&app, username).await,
            guess(&app, username).await,
        ]
        .into();
        assert_eq!(statuses, [400, 400, 400, 400, 400, 429], "{username}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spellings_of_a_username_share_one_counter() {
    let app = app().await;
    for username in ["alice", "ALICE", " alice ", "\u{ff41}lice", "Alice"] {
        assert_eq!(guess(&app, username).await, 400);
    }
    assert_eq!(guess(&app, "aLICE").await, 429);
    app.advance(2);
    assert_eq!(app.sign_in("ALICE", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_a_limit_over_all_accounts() {
    let app = TestApp::with(|settings| settings.address_attempts = 10).await.with_orders().await.with_user("alice").await;
    for n in 0..10 {
        assert_eq!(guess(&app, &format!("user{n}")).await, 400);
    }
    let refused = app.sign_in("alice", "").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "300"));
    app.advance(300);
    // An attempt with the right password is not counted.
    for _ in 0..20 {
        assert_eq!(app.sign_in("alice", "").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_of_one_address_do_not_deadlock() {
    let app = TestApp::with(|settings| (settings.address_attempts, settings.account_attempts) = (1000, 1000)).await;
    let (store, settings) = (&app.app.store, &app.app.settings);
    let counters: Vec<_> = (0..8)
        .map(|number| Counters::new(&format!("user{number}"), &Guesser { address: IpAddr::from([127, 0, 0, 1]), known: None }))
        .collect();
    // Write the row of the address first and let PostgreSQL learn that the table is small, so that it reads the table from its start.
    for counters in &counters {
        counters.count(store, settings, START).await.unwrap();
    }
    app.sql("ANALYZE attempts").await;
    for _ in 0..20 {
        // Two attempts on each account run at once.
        let sign_ins = counters.iter().chain(&counters).map(|counters| async {
            counters.count(store, settings, START).await.unwrap();
            let transaction = store.begin().await.unwrap();
            counters.succeed(&transaction).await.unwrap();
            commit(transaction).await.unwrap();
        });
        at_once(sign_ins.collect()).await;
    }
}

/// Lets a stranger guess until alice's account must wait.
async fn guess_until_refused(app: &TestApp) {
    while guess(app, "alice").await != 429 {}
}

/// Signs alice in with `browser`, and returns the status of the answer to her password.
async fn sign_in_with(browser: &Browser, password: &str) -> u16 {
    let page = browser.get("/sign-in").await;
    browser.sign_in(&page, "alice", password).await.status
}

/// Forgets that somebody is signed in in `browser`, but not the device.
fn restart(browser: &Browser) {
    browser.cookies().retain(|name, _| name == "signet-device");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_keep_the_owner_out() {
    let app = app().await;
    app.add_user("mallory", &[]).await;
    let (owner, new_device, mallory) = (app.browser(), app.browser(), app.browser());
    assert_eq!(sign_in_with(&owner, PASSWORD).await, 200);
    let page = mallory.get("/sign-in").await;
    assert_eq!(mallory.sign_in(&page, "mallory", PASSWORD).await.heading(), "Profile");
    for _ in 0..10 {
        guess_until_refused(&app).await;
        restart(&owner);
        assert_eq!(sign_in_with(&owner, PASSWORD).await, 200);
        assert_eq!(sign_in_with(&new_device, PASSWORD).await, 429, "a new device of the owner counts as a stranger");
        restart(&mallory);
        assert_eq!(sign_in_with(&mallory, PASSWORD).await, 429, "a device counts only for those who signed in there");
        app.advance(40);
    }
    assert_eq!(guess(&app, "alice").await, 429, "the owner's sign-ins give a stranger no further guesses");

    // Wrong passwords from the device wait in the same way, but do not change what strangers may do.
    app.advance(3600);
    restart(&owner);
    for _ in 0..5 {
        assert_eq!(sign_in_with(&owner, "wrong password").await, 400);
    }
    assert_eq!(sign_in_with(&owner, PASSWORD).await, 429);
    assert_eq!(guess(&app, "alice").await, 400);
    app.advance(2);
    assert_eq!(sign_in_with(&owner, PASSWORD).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_and_twenty_other_devices_make_a_device_a_stranger() {
    let app = app().await;
    let known = async |browser: &Browser| {
        guess_until_refused(&app).await;
        restart(browser);
        let status = sign_in_with(browser, PASSWORD).await;
        app.advance(3600);
        status == 200
    };
    let (one, two) = (app.browser(), app.browser());
    for browser in [&one, &two] {
        assert_eq!(sign_in_with(browser, PASSWORD).await, 200);
    }
    assert!(known(&one).await && known(&two).await);
    for _ in 0..19 {
        app.advance(1);
        assert_eq!(sign_in_with(&app.browser(), PASSWORD).await, 200);
    }
    assert_eq!(app.count("SELECT count(*) FROM devices").await, 20);
    assert!(!known(&one).await && known(&two).await, "the one that was not used for the longest time was forgotten");

    restart(&one);
    assert_eq!(sign_in_with(&one, PASSWORD).await, 200);
    let page = two.get("/account/password").await;
    let changed = "my very own horse staple";
    let fields = [("current_password", PASSWORD), ("new_password", changed), ("repeat_password", changed)];
    assert!(two.submit(&page, "/account/password", &fields).await.text.contains("Your password is changed."));
    assert_eq!(app.count("SELECT count(*) FROM devices").await, 1);
    guess_until_refused(&app).await;
    restart(&one);
    restart(&two);
    assert_eq!((sign_in_with(&one, changed).await, sign_in_with(&two, changed).await), (429, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confidential_client_has_a_counter_of_its_own_for_each_account() {
    let app = app().await;
    app.add_client("backend", false, "password", &["orders:read"]).await;
    let ask = |password: &'static str| {
        let form = [("grant_type", "password"), ("username", "alice"), ("password", password)];
        let request = app.post("/token").basic_auth("backend", SECRET).form(&form);
        async move { request.send().await.status }
    };
    guess_until_refused(&app).await;
    assert_eq!(ask(PASSWORD).await, 200);
    for _ in 0..5 {
        assert_eq!(ask("wrong password").await, 400);
    }
    assert_eq!(ask(PASSWORD).await, 429);
    app.advance(3600);
    for _ in 0..5 {
        assert_eq!(ask("wrong password").await, 400);
    }
    assert_eq!(app.sign_in("alice", "").await.status, 200);
}

/// Somebody else has seen a generated password, so that a sign-in with it is complete only when another one is chosen.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_with_a_generated_password_makes_no_device() {
    let app = app().await;
    app.sql(&format!("UPDATE users SET password_generated_at = {START} WHERE username = 'alice'")).await;
    let browser = app.browser();
    assert_eq!(sign_in_with(&browser, PASSWORD).await, 200);
    assert!(!browser.cookies().contains_key("signet-device"));
    assert_eq!(app.count("SELECT count(*) FROM devices").await, 0);
    let new = "another long password";
    let page = browser.get("/account/password").await;
    browser.submit(&page, "/account/password", &[("current_password", PASSWORD), ("new_password", new), ("repeat_password", new)]).await;
    assert_eq!(app.count("SELECT count(*) FROM devices").await, 1);
    guess_until_refused(&app).await;
    restart(&browser);
    assert_eq!(sign_in_with(&browser, new).await, 200, "it is no stranger");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_person_in_a_browser_gets_a_device_of_their_own() {
    let app = app().await;
    app.add_user("bob", &[]).await;
    let shared = app.browser();
    let page = shared.get("/sign-in").await;
    shared.sign_in(&page, "bob", PASSWORD).await;
    let of_bob = shared.cookies()["signet-device"].clone();
    restart(&shared);
    assert_eq!(sign_in_with(&shared, PASSWORD).await, 200);
    assert_ne!(shared.cookies()["signet-device"], of_bob, "bob knows the old value");
    // With the old value bob's guesses count as those of a stranger, and do not keep alice out here.
    let bob = app.browser();
    bob.cookies().insert("signet-device".to_owned(), of_bob);
    while sign_in_with(&bob, "wrong password").await != 429 {}
    restart(&shared);
    assert_eq!(sign_in_with(&shared, PASSWORD).await, 200);
}
