//! Strangers cause failed sign-ins, so one row counts them from the tenth of an account or an address in an hour on.

use signet_issuer::audit::SIGN_IN_FAILED;

use super::events;
use crate::support::{TestApp, at_once};

async fn app() -> TestApp {
    let many = |settings: &mut signet_issuer::config::Settings| (settings.account_attempts, settings.address_attempts) = (1000, 100_000);
    let app = TestApp::with(many).await.with_orders().await.with_user("alice").await;
    app.add_user("bob", &["clerk"]).await;
    app
}

const OF_ALICE: &str = "user_id = (SELECT id FROM users WHERE username = 'alice')";

#[tokio::test(flavor = "multi_thread")]
async fn from_the_tenth_failure_of_an_account_on_one_row_counts() {
    let app = app().await;
    for _ in 0..15 {
        app.advance(60);
        assert_eq!(app.try_password("alice", "wrong", "").await.error(), (400, "invalid_grant"));
    }
    assert_eq!(events(&app, SIGN_IN_FAILED, OF_ALICE).await, 10);
    let counting = format!("{OF_ALICE} AND times = 6 AND last_at = {}", app.clock_now());
    assert_eq!(events(&app, SIGN_IN_FAILED, &counting).await, 1);
    // The address has failed too often as well, so the failures of another account are counted in a row that names the address alone.
    app.try_password("bob", "wrong", "").await;
    app.try_password("nobody", "wrong", "").await;
    assert_eq!(events(&app, SIGN_IN_FAILED, "user_id IS NULL AND address = '127.0.0.1' AND times = 2").await, 1);
    assert_eq!(events(&app, SIGN_IN_FAILED, "1 = 1").await, 11);
    // The next hour begins anew.
    app.advance(3600);
    app.try_password("alice", "wrong", "").await;
    app.try_password("nobody", "wrong", "").await;
    assert_eq!(events(&app, SIGN_IN_FAILED, "1 = 1").await, 13);
    assert_eq!(events(&app, SIGN_IN_FAILED, &format!("times = 1 AND last_at IS NULL AND at = {}", app.clock_now())).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_failure_is_lost_or_adds_a_row_if_many_come_at_once() {
    let app = app().await;
    at_once((0..40).map(|_| app.try_password("alice", "wrong", "")).collect()).await;
    let counted = app.count("SELECT CAST(sum(times) AS BIGINT) FROM audit_events WHERE event = 'sign_in_failed'").await;
    assert_eq!((events(&app, SIGN_IN_FAILED, "1 = 1").await, counted), (10, 40));
    // If the row that counts was deleted meanwhile, another one counts.
    app.sql("DELETE FROM audit_events WHERE event = 'sign_in_failed'").await;
    app.try_password("alice", "wrong", "").await;
    app.try_password("alice", "wrong", "").await;
    assert_eq!(events(&app, SIGN_IN_FAILED, "times = 2").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_names_the_client_that_asked_even_if_it_is_the_default_one() {
    let app = app().await;
    app.try_password("alice", "wrong", "").await;
    let refused = app.token(&[("grant_type", "password"), ("username", "alice"), ("password", "wrong")]).await;
    assert_eq!(refused.error(), (400, "invalid_grant"));
    for client in ["shop", "cli"] {
        assert_eq!(events(&app, SIGN_IN_FAILED, &format!("client_id = '{client}' AND actor_id = '{client}'")).await, 1, "{client}");
    }
    let browser = app.browser();
    browser.sign_in(&browser.get("/sign-in").await, "alice", "wrong").await;
    assert_eq!(events(&app, SIGN_IN_FAILED, "client_id IS NULL AND actor_kind = 'stranger'").await, 1);
}
