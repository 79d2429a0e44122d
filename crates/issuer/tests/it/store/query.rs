//! Rows are deleted when their time is up and no sooner, and one statement deletes no more than the limit.

use signet_issuer::store::{
    attempts, authorization_codes, authorizations, browsers, client_assertions, registration_tokens, sessions, waiting_requests,
};

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn only_rows_whose_time_is_up_are_deleted() {
    let app = TestApp::new().await.with_orders().await.with_web().await.with_user("alice").await;
    let alice = app.signed_in("alice").await;
    app.code_flow(&alice, &[]).await;
    for _ in 0..2 {
        alice.code(&app.authorize(&[])).await;
    }
    app.sign_in("alice", "").await;
    let db = app.app.store.writer();
    let (now, later) = (app.app.now(), app.app.now() + 1000 * 24 * 60 * 60);
    for id in ["one", "two"] {
        waiting_requests::insert(db, id, "browser", "{}", now).await.unwrap();
        registration_tokens::insert(db, id, 1, now + 1).await.unwrap();
        assert!(client_assertions::spend(db, id, now + 1).await.unwrap());
        assert!(!client_assertions::spend(db, id, now + 1).await.unwrap());
    }
    let rows = async |table: &str| app.count(&format!("SELECT count(*) FROM {table}")).await;
    assert!(rows("authorizations").await >= 2);

    // Before its time no row goes, and afterwards no more than the limit.
    macro_rules! forgets {
        ($purge:path, $table:literal, $each:literal) => {
            let before = rows($table).await;
            assert!(before > 0, "{}", $table);
            assert_eq!($purge(db, now - 1, 500).await.unwrap(), 0, "{}", $table);
            assert_eq!($purge(db, later, 1).await.unwrap(), $each, "{}", $table);
            assert_eq!(rows($table).await, before - 1, "{}", $table);
            while $purge(db, later, 500).await.unwrap() > 0 {}
            assert_eq!(rows($table).await, if $table == "authorization_codes" { 1 } else { 0 }, "{}", $table);
        };
    }
    // The code that was redeemed is kept while its authorization is.
    forgets!(authorization_codes::purge, "authorization_codes", 1);
    forgets!(authorizations::purge, "authorizations", 1);
    assert_eq!(rows("authorization_codes").await, 0);
    forgets!(attempts::purge, "attempts", 1);
    forgets!(waiting_requests::purge, "waiting_requests", 1);
    forgets!(browsers::purge, "browsers", 1);
    forgets!(sessions::purge, "sessions", 1);
    forgets!(registration_tokens::purge, "registration_tokens", 1);
    forgets!(client_assertions::purge, "client_assertions", 1);
    assert_eq!(rows("client_assertions").await, 0);
}
