//! Personal data lies apart from the events and goes when its user is deleted, while the events stay.

use std::net::IpAddr;

use signet_issuer::admin::audit::{self, AuditQuery};
use signet_issuer::admin::{change, users};
use signet_issuer::audit::{Actor, Face, RequestInfo, Who};
use signet_issuer::store::{audit_events, commit};

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_personal_goes_with_its_user_and_the_events_stay() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("bob", &["clerk"]).await;
    let [alice, bob] = ["alice", "bob"].map(|name| async { users::show(&app.reading(), name).await.unwrap().id });
    let (alice, bob) = (alice.await, bob.await);
    let browser = app.signed_in("alice").await;
    app.code_flow(&browser, &[]).await;
    app.signed_in("bob").await;
    // Bob, at an address of his own, changes Alice, so that one event holds personal data of both.
    let address: IpAddr = "192.0.2.77".parse().unwrap();
    let request = RequestInfo { id: "77".to_owned(), address, user_agent: "Opera".to_owned() };
    let actor = Actor::remote(Who::User(bob), Face::Page, &request).with_scopes(["admin"].into_iter().collect(), None);
    let email = [("nickname".to_owned(), "Wonderland".to_owned())];
    change(&app.app, &actor, |change| Box::pin(users::set_claims(change, alice, &email))).await.unwrap();
    app.disable_user("alice").await;

    // Nothing personal is in the events themselves.
    let events = app.dump("audit_events").await;
    for personal in ["alice", "Example", "example.com", "Wonderland", "192.0.2.77", "Firefox", "Opera"] {
        assert!(!events.contains(personal), "{personal}: {events}");
    }
    let personal = app.dump("audit_personal").await;
    for part in ["alice", "alice@example.com", "Wonderland", "192.0.2.77", "Firefox", "Opera"] {
        assert!(personal.contains(part), "{part}: {personal}");
    }
    // A reader sees both parts as one.
    let of_alice = AuditQuery { user: Some("alice".to_owned()), ..AuditQuery::default() }.check(&app.reading()).await.unwrap();
    let read = audit::list(&app.reading(), &of_alice, &app.window()).await.unwrap().items;
    let disabled = &read[0];
    let states = (disabled.before.as_ref().unwrap(), disabled.after.as_ref().unwrap());
    assert_eq!((&states.0["username"], &states.0["enabled"]), (&"alice".into(), &true.into()));
    assert_eq!((&states.1["email"], &states.1["enabled"]), (&"alice@example.com".into(), &false.into()));
    assert_eq!((disabled.event.as_str(), disabled.object_name.as_deref()), ("user_disabled", Some("alice")));

    let count = app.count("SELECT count(*) FROM audit_events").await;
    let forget = async |id| {
        let transaction = app.app.store.begin().await.unwrap();
        audit_events::forget(&transaction, id).await.unwrap();
        commit(transaction).await.unwrap();
    };
    forget(alice).await;
    assert_eq!(app.count("SELECT count(*) FROM audit_events").await, count);
    let personal = app.dump("audit_personal").await;
    assert!(!personal.contains("alice") && !personal.contains("Wonderland"), "{personal}");
    // What is about Bob stays: the address of the request that he sent.
    assert!(personal.contains("192.0.2.77") && personal.contains("bob@example.com"), "{personal}");
    // Alice's own requests have no address any more; the events say the same otherwise.
    let read = audit::list(&app.reading(), &of_alice, &app.window()).await.unwrap().items;
    let signed_in = read.iter().find(|event| event.event == "signed_in").unwrap();
    assert_eq!((signed_in.user_id, signed_in.address.as_deref(), signed_in.user_agent.as_deref()), (Some(alice), None, None));
    assert!(signed_in.request_id.is_some());
    let disabled = &read[0];
    assert_eq!((&disabled.after.as_ref().unwrap()["enabled"], disabled.object_kind.as_deref()), (&false.into(), Some("user")));
    forget(bob).await;
    let personal = app.dump("audit_personal").await;
    assert!(!personal.contains("192.0.2.77") && !personal.contains("bob"), "{personal}");
    // A second time changes nothing.
    forget(bob).await;
    assert_eq!(app.count("SELECT count(*) FROM audit_events").await, count);
    assert_eq!(app.count("SELECT count(*) FROM audit_personal WHERE origin_of IS NULL AND values_of IS NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_and_purging_use_indexes() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.signed_in("alice").await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    fill(&app).await;
    let plans = app.plans().await;
    audit_events::forget(&plans, alice).await.unwrap();
    plans.assert_indexed(&["audit_personal_origin_of", "audit_personal_values_of"]);
    audit_events::purge(&plans, None, 1_700_000_010, 500).await.unwrap();
    plans.assert_indexed(&["audit_events_at_id"]);
    audit_events::purge(&plans, Some("e7"), 1_700_003_000, 500).await.unwrap();
    plans.assert_indexed(&["audit_events_event_at_id"]);
}

/// Adds thousands of events of many users, clients, requests and addresses, so that the statistics are those of a large table.
pub async fn fill(app: &TestApp) {
    let is_postgres = app.database_url().starts_with("postgres");
    let id = if is_postgres { "CAST(lpad(CAST(i AS TEXT), 32, '0') AS UUID)" } else { "randomblob(16)" };
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)";
    app.sql(&format!(
        "INSERT INTO audit_events (at, event, actor_kind, actor_id, face, request_id, user_id, client_id, about, detail, times) {numbers} \
         SELECT 1700000000 + i, 'e' || (i % 300), \
         CASE i % 300 WHEN 0 THEN 'registration' ELSE 'user' END, CASE i % 300 WHEN 0 THEN NULL ELSE 'u' || i END, 'page', 'r' || i, {id}, \
         'c' || i, CASE i % 10 WHEN 0 THEN 'role:r' || i END, '{{}}', 1 FROM n"
    ))
    .await;
    app.sql(
        "INSERT INTO audit_personal (event_id, at, origin_of, values_of, address) \
         SELECT id, at, user_id, user_id, '10.0.0.' || (id % 250) FROM audit_events WHERE request_id LIKE 'r%'",
    )
    .await;
}
