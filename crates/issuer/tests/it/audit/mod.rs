//! Each operation records who did what, with the state before and after; the first start does, too.

use signet_issuer::admin::{authorizations, clients, registration_tokens, resources, roles, sessions, users};
use uuid::Uuid;

use crate::support::{ORDERS, TestApp};

async fn events(app: &TestApp, event: &str, condition: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM audit_events WHERE event = '{event}' AND {condition}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_records_what_it_makes() {
    let app = TestApp::new().await;
    for (event, count) in [("key_published", 1), ("resource_added", 2), ("role_added", 1), ("user_added", 1), ("client_added", 1)] {
        let by_the_start = "actor_kind = 'issuer' AND face = 'start' AND address IS NULL";
        assert_eq!(events(&app, event, by_the_start).await, count, "{event}");
    }
    let views = "\"before\" IS NULL AND \"after\" LIKE '%\"username\":\"admin\"%' AND \"after\" NOT LIKE '%argon2%'";
    assert_eq!(events(&app, "user_added", views).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_records_its_event_in_its_transaction() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let browser = app.signed_in("alice").await;
    app.code_flow(&browser, &[]).await;
    let alice = users::show(&app.app, "alice").await.unwrap().id;
    let filter = authorizations::AuthorizationFilter { user: None, client: Some("web".to_owned()) };
    let read = ["orders:read".to_owned()];
    let clerk = ["clerk".to_owned()];
    let name = [("nickname".to_owned(), "Al".to_owned())];
    let sid = sessions::list(&app.app, Some(alice), &app.window()).await.unwrap().items.remove(0).sid;
    app.operate(|change| {
        Box::pin(async move {
            registration_tokens::issue(change, 1, 60).await?;
            roles::change_scopes(change, "clerk", &[], &read).await?;
            users::set_claims(change, alice, &name).await?;
            users::change_roles(change, alice, &[], &clerk).await?;
            authorizations::end_all(change, &filter).await?;
            sessions::end(change, &sid).await?;
            users::disable(change, alice).await?;
            users::enable(change, alice).await?;
            clients::rotate_secret(change, "web", false).await?;
            clients::set_enabled(change, "web", false).await?;
            clients::set_enabled(change, "web", true).await?;
            clients::remove(change, "web").await?;
            roles::remove(change, "clerk").await?;
            resources::remove(change, ORDERS).await
        })
    })
    .await
    .unwrap();
    let by_the_operator = "actor_kind = 'operator' AND face = 'command_line'";
    for event in [
        "registration_token_issued",
        "role_scopes_changed",
        "user_claims_changed",
        "user_roles_changed",
        "authorizations_ended",
        "session_ended",
        "user_disabled",
        "user_enabled",
        "client_secret_rotated",
        "client_disabled",
        "client_enabled",
        "client_removed",
        "role_removed",
        "resource_removed",
    ] {
        assert!(events(&app, event, by_the_operator).await >= 1, "{event}");
    }
    let both = "\"before\" LIKE '%\"enabled\":true%' AND \"after\" LIKE '%\"enabled\":false%'";
    assert_eq!(events(&app, "user_disabled", both).await, 1);
    assert_eq!(events(&app, "user_disabled", "user_id IS NOT NULL").await, 1);
    assert_eq!(events(&app, "client_disabled", "client_id = 'web'").await, 1);

    // A change that fails leaves no event.
    let before = app.count("SELECT count(*) FROM audit_events").await;
    let failed = app.operate(|change| {
        Box::pin(async move {
            users::enable(change, alice).await?;
            users::enable(change, Uuid::nil()).await
        })
    });
    assert!(failed.await.is_err());
    assert_eq!(app.count("SELECT count(*) FROM audit_events").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_requests_name_the_request() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[]).await;
    app.sign_in("alice", "").await;
    let form = [("token", tokens.str("refresh_token"))];
    app.post("/revoke").basic_auth("web", crate::support::SECRET).form(&form).send().await;
    let request = "address = '127.0.0.1' AND request_id IS NOT NULL";
    let alice =
        format!("{request} AND actor_kind = 'user' AND actor_id = (SELECT {} FROM users WHERE username = 'alice')", id_as_text(&app));
    for (event, condition) in [
        ("signed_in", format!("{alice} AND face = 'page' AND user_agent = 'Firefox on Linux'")),
        ("consent_given", format!("{alice} AND face = 'page'")),
        ("authorization_given", format!("{alice} AND face = 'token'")),
        ("authorization_ended", format!("{request} AND actor_kind = 'client' AND actor_id = 'web' AND face = 'revocation'")),
    ] {
        assert!(events(&app, event, &condition).await >= 1, "{event}");
    }
}

/// The SQL that writes a user's id as the audit trail does. SQLite keeps it as bytes.
fn id_as_text(app: &TestApp) -> &'static str {
    if app.database_url().starts_with("postgres") {
        return "CAST(id AS TEXT)";
    }
    "lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-' || substr(hex(id), 17, 4) || '-' \
     || substr(hex(id), 21))"
}
