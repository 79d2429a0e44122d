//! Hashes of other systems are taken unless they cost too much, and weak ones are renewed. A password is right in whatever form a keyboard
//! sends its characters, but in no other way is it changed.

use signet_issuer::accounts::methods::hashes::StoredHash;
use signet_issuer::accounts::methods::password;

use crate::support::{PASSWORD, TestApp};

#[test]
fn hashes_that_cost_too_much_are_refused() {
    let salt_and_hash = "MTIzNDU2Nzg5MDEyMzQ1Ng$EOlXj3z9o9PCLeT0RSBGRqkq2splsxLZayq6V/951cc";
    let parse = |head: &str| StoredHash::parse(&format!("{head}${salt_and_hash}")).is_ok();
    assert!(parse("$argon2id$v=19$m=65536,t=3,p=4"));
    assert!(parse("$argon2id$v=19$m=131072,t=1,p=1"));
    for refused in [
        "$argon2id$v=19$m=131073,t=1,p=1",
        "$argon2id$v=19$m=65536,t=1000,p=1",
        "$argon2id$v=17$m=65536,t=3,p=4",
        "$argon2$v=19$m=65536,t=3,p=4",
        "$argon2id$v=19$m=1,t=0,p=0",
        "",
        "plain",
    ] {
        assert!(!parse(refused), "{refused}");
    }
    assert!(StoredHash::parse("$argon2id$v=19$m=65536,t=3,p=4$MTIzNDU2Nzg5MDEyMzQ1Ng").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn composed_and_decomposed_characters_and_all_spaces_are_equal() {
    let app = TestApp::with(|settings| settings.account_attempts = 100).await.with_orders().await;
    let password = " Pässwörd with\u{a0}spaces\u{1f511} ";
    let decomposed = " Pa\u{308}sswo\u{308}rd with\u{3000}spaces\u{1f511} ";
    for (username, chosen) in [("alice", password), ("bob", decomposed)] {
        let hash = password::hash(&app.app, chosen.into()).await.unwrap();
        app.add_user_with_hash(username, &["clerk"], hash).await;
        for same in [password, decomposed, &password.replace('\u{a0}', " ")] {
            assert_eq!(app.try_password(username, same, "").await.status, 200, "{username}: {same:?}");
        }
        for changed in [password.trim(), &password.to_lowercase(), &password.replace('ä', "a")] {
            assert_eq!(app.try_password(username, changed, "").await.status, 400, "{username}: {changed:?}");
        }
    }
}

/// Returns the hash of `password` as a system makes it that does not prepare passwords.
fn foreign_hash(password: &str) -> String {
    let mut output = [0; 32];
    let params = argon2::Params::new(64, 1, 1, Some(32)).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    argon2.hash_password_into(password.as_bytes(), b"somesaltsomesalt", &mut output).unwrap();
    let output = base64::Engine::encode(&base64::prelude::BASE64_STANDARD_NO_PAD, output);
    format!("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA${output}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_of_another_system_is_compared_with_each_form_and_counted_once() {
    let app = TestApp::new().await.with_orders().await;
    let (composed, decomposed, mixed) = ("Pässwörd", "Pa\u{308}sswo\u{308}rd", "Pässwo\u{308}rd");
    for (number, (hashed, typed, right)) in [
        (composed, decomposed, true),
        (decomposed, composed, true),
        (composed, mixed, true),
        (decomposed, mixed, true),
        (mixed, mixed, true),
        // The system hashed a form that nobody would type again by chance.
        (mixed, composed, false),
    ]
    .into_iter()
    .enumerate()
    {
        let username = format!("user{number}");
        app.add_user_with_hash(&username, &["clerk"], foreign_hash(hashed)).await;
        assert_eq!(app.try_password(&username, typed, "").await.status == 200, right, "{hashed:?} {typed:?}");
        // After one sign-in any form is right.
        for form in [composed, decomposed, mixed] {
            assert_eq!(app.try_password(&username, form, "").await.status == 200, right || form == hashed, "{hashed:?} {form:?}");
        }
    }
    // Five wrong passwords of several forms are five attempts.
    app.add_user_with_hash("counted", &["clerk"], foreign_hash(composed)).await;
    for _ in 0..5 {
        assert_eq!(app.try_password("counted", "fälsch", "").await.status, 400);
    }
    assert_eq!(app.try_password("counted", composed, "").await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_password_may_be_shorter_than_what_may_be_set_today() {
    let app = TestApp::new().await.with_orders().await;
    let hash = password::hash(&app.app, "secret".into()).await.unwrap();
    app.add_user_with_hash("johndoe", &["clerk"], hash).await;
    assert_eq!(app.try_password("johndoe", "secret", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_of_other_systems_are_taken_as_they_are_and_weaker_ones_renewed() {
    let app = TestApp::with(|settings| {
        settings.argon2_memory_kib = 256;
        settings.account_attempts = 100;
    })
    .await
    .with_orders()
    .await;
    // pwdlib's recommended() of "secret password": stronger than today's parameters here, so it stays.
    let pwdlib = "$argon2id$v=19$m=65536,t=3,p=4$MTIzNDU2Nzg5MDEyMzQ1Ng$EOlXj3z9o9PCLeT0RSBGRqkq2splsxLZayq6V/951cc";
    app.add_user_with_hash("imported", &["clerk"], pwdlib.to_owned()).await;
    let weak = TestApp::new().await;
    let weak_hash = password::hash(&weak.app, PASSWORD.into()).await.unwrap();
    app.add_user_with_hash("weak", &["clerk"], weak_hash.clone()).await;
    let stored = async |username: &str| {
        signet_issuer::store::users::row(app.app.store.reader(), username).await.unwrap().unwrap().password_hash.unwrap()
    };

    assert_eq!(app.try_password("imported", "secret password", "").await.status, 200);
    assert_eq!(stored("imported").await, pwdlib);
    assert_eq!(app.try_password("weak", "wrong password", "").await.status, 400);
    assert_eq!(stored("weak").await, weak_hash);
    assert_eq!(app.sign_in("weak", "").await.status, 200);
    assert!(stored("weak").await.contains("m=256"), "{}", stored("weak").await);
    assert_eq!(app.sign_in("weak", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_sign_ins_survive_the_renewal_of_their_hash() {
    let weak = password::hash(&TestApp::new().await.app, PASSWORD.into()).await.unwrap();
    let app = TestApp::with(|settings| settings.argon2_memory_kib = 4096).await.with_orders().await;
    app.add_user_with_hash("alice", &["clerk"], weak).await;
    let answers = tokio::join!(app.sign_in("alice", ""), app.sign_in("alice", ""), app.sign_in("alice", ""), app.sign_in("alice", ""));
    assert_eq!((answers.0.status, answers.1.status, answers.2.status, answers.3.status), (200, 200, 200, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sign_ins_at_once_renew_a_weak_hash() {
    let app = TestApp::with(|settings| settings.argon2_iterations = 3).await.with_orders().await;
    // This hash has one pass, and the settings ask for three.
    let hash = foreign_hash(crate::support::PASSWORD);
    app.add_user_with_hash("alice", &["clerk"], hash).await;
    for _ in 0..4 {
        let answers = crate::support::at_once((0..10).map(|_| app.sign_in("alice", "orders:read")).collect()).await;
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 429)), "{answers:?}");
        app.advance(600);
    }
    assert_eq!(app.count("SELECT count(*) FROM users WHERE password_hash LIKE '%t=3,%' AND username = 'alice'").await, 1);
}
