//! Failed sign-ins are events with the address and the browser, without what was typed, and not for ever.

use signet_issuer::audit::SIGN_IN_FAILED;
use signet_issuer::store::audit_events;

use super::{events, id_as_text};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn failed_sign_ins_are_recorded_without_what_was_typed() {
    let app = TestApp::with(|settings| settings.account_attempts = 3).await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("bob", &["clerk"]).await;
    let typed = "Tr0ub4dor&3 in the wrong field";
    let (request, alice) = ("address = '127.0.0.1' AND request_id IS NOT NULL", "(SELECT id FROM users WHERE username = 'alice')");

    // On the page, by somebody who has proved nothing.
    let browser = app.browser();
    let page = browser.get("/sign-in").await;
    browser.sign_in(&page, "alice", "wrong").await;
    let page = browser.get("/sign-in").await;
    browser.sign_in(&page, typed, "wrong").await;
    let on_page =
        format!("{request} AND face = 'page' AND actor_kind = 'stranger' AND actor_id IS NULL AND user_agent = 'Firefox on Linux'");
    assert_eq!(events(&app, SIGN_IN_FAILED, &format!("{on_page} AND user_id = {alice}")).await, 1);
    assert_eq!(events(&app, SIGN_IN_FAILED, &format!("{on_page} AND user_id IS NULL")).await, 1);

    // By the password grant, which a client uses.
    for username in ["alice", typed] {
        app.token(&[("grant_type", "password"), ("client_id", "shop"), ("username", username), ("password", "wrong")]).await;
    }
    let by_client = format!("{request} AND face = 'token' AND actor_kind = 'client' AND actor_id = 'shop'");
    assert_eq!(events(&app, SIGN_IN_FAILED, &format!("{by_client} AND user_id = {alice}")).await, 1);
    assert_eq!(events(&app, SIGN_IN_FAILED, &format!("{by_client} AND user_id IS NULL")).await, 1);

    // The right password of a disabled user is no success either.
    app.disable_user("bob").await;
    let page = browser.get("/sign-in").await;
    browser.sign_in(&page, "bob", crate::support::PASSWORD).await;
    app.sign_in("bob", "").await;
    assert_eq!(events(&app, SIGN_IN_FAILED, "user_id = (SELECT id FROM users WHERE username = 'bob')").await, 2);

    // One who must wait was not counted, and adds no event.
    for _ in 0..10 {
        app.token(&[("grant_type", "password"), ("client_id", "shop"), ("username", "alice"), ("password", "wrong")]).await;
    }
    let of_alice = events(&app, SIGN_IN_FAILED, &format!("user_id = {alice}")).await;
    assert_eq!(of_alice, 3, "as many as were counted");
    for table in ["audit_events", "audit_personal", "sign_in_failures", "attempts"] {
        let everything = app.dump(table).await;
        assert!(!everything.is_empty() && !everything.to_lowercase().contains("tr0ub4dor"), "{table}: {everything}");
    }

    // A sign-in that succeeds says the same about its request.
    app.advance(600);
    app.signed_in("alice").await;
    let success = format!(
        "{request} AND user_agent = 'Firefox on Linux' AND actor_id = (SELECT {} FROM users WHERE username = 'alice')",
        id_as_text(&app)
    );
    assert_eq!(events(&app, "signed_in", &success).await, 1);

    // Strangers cause these events, so they do not stay for ever. All others do.
    let others = app.count("SELECT count(*) FROM audit_events WHERE event <> 'sign_in_failed'").await;
    let db = app.app.store.writer();
    assert_eq!(audit_events::purge(db, Some(SIGN_IN_FAILED), app.clock_now() - 601, 500).await.unwrap(), 0);
    while audit_events::purge(db, Some(SIGN_IN_FAILED), app.clock_now(), 2).await.unwrap() > 0 {}
    assert_eq!(events(&app, SIGN_IN_FAILED, "1 = 1").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM audit_events").await, others);
}
