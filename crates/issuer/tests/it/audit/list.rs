//! The audit trail is read newest first, by one field and a range of time, in pages, and every filter uses its index.

use signet_issuer::admin::audit::{self, AuditQuery, AuditView};
use signet_issuer::admin::{Refused, Window, users};
use signet_issuer::store::audit_events::{self, Range, Selected};

use super::personal::fill;
use crate::support::{START, TestApp};

async fn read(app: &TestApp, query: AuditQuery) -> Vec<AuditView> {
    let filter = query.check(&app.reading()).await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = audit::list(&app.reading(), &filter, &Window { after, limit: 3 }).await.unwrap();
        assert!(page.items.len() <= 3);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn by(field: &str, value: impl std::fmt::Display) -> AuditQuery {
    serde_json::from_value(serde_json::json!({ field: value.to_string() })).unwrap()
}

/// Says whether an event belongs into a filtered list.
type Belongs<'a> = &'a dyn Fn(&AuditView) -> bool;

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_selects_by_its_field_and_pages_follow_without_gap() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("bob", &["clerk"]).await;
    for _ in 0..4 {
        app.advance(60);
        app.signed_in("alice").await;
        app.sign_in("bob", "").await;
    }
    let browser = app.signed_in("alice").await;
    app.code_flow(&browser, &[]).await;
    let all = read(&app, AuditQuery::default()).await;
    assert_eq!(i64::try_from(all.len()).unwrap(), app.count("SELECT count(*) FROM audit_events").await);
    assert!(all.windows(2).all(|pair| (pair[0].at, pair[0].id) > (pair[1].at, pair[1].id)), "newest first, each once");

    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let request = all.iter().find_map(|event| event.request_id.clone()).unwrap();
    let holds: [(AuditQuery, Belongs<'_>); 9] = [
        (by("user", "alice"), &|event| event.user_id == Some(alice) && event.username.as_deref() == Some("alice")),
        (by("user", alice), &|event| event.user_id == Some(alice)),
        (by("client", "web"), &|event| event.client_id.as_deref() == Some("web")),
        (by("event", "signed_in"), &|event| event.event == "signed_in"),
        (by("actor", "operator"), &|event| event.actor_kind == "operator"),
        (by("actor", "issuer"), &|event| event.actor_kind == "issuer"),
        (by("actor", "user:alice"), &|event| event.actor_username.as_deref() == Some("alice")),
        (by("address", "127.0.0.1"), &|event| event.address.as_deref() == Some("127.0.0.1")),
        (by("request_id", &request), &|event| event.request_id.as_ref() == Some(&request)),
    ];
    for (query, belongs) in holds {
        let expected: Vec<i64> = all.iter().filter(|event| belongs(event)).map(|event| event.id).collect();
        let found: Vec<i64> = read(&app, query.clone()).await.iter().map(|event| event.id).collect();
        assert!(!expected.is_empty() && found == expected, "{query:?}: {found:?} {expected:?}");
    }
    // A range of time has its beginning and not its end, and offsets count.
    let range = AuditQuery {
        from: Some("2026-01-01T00:02:00Z".to_owned()),
        until: Some("2026-01-01T01:04:00+01:00".to_owned()),
        ..by("event", "signed_in")
    };
    let times: Vec<i64> = read(&app, range).await.iter().map(|event| event.at - START).collect();
    assert_eq!(times, [180, 120]);
    assert!(read(&app, by("client", "no-such-client")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_cannot_be_is_refused() {
    let app = TestApp::new().await;
    for (query, field) in [
        (by("event", "no_such_event"), "event"),
        (by("actor", "nonsense"), "actor"),
        (by("actor", "user"), "actor"),
        (by("address", "localhost"), "address"),
        (by("from", "yesterday"), "from"),
        (by("until", "2026-13-01T00:00:00Z"), "until"),
        (AuditQuery { client: Some("a".to_owned()), ..by("event", "signed_in") }, "event"),
        (AuditQuery { from: Some("2026-01-02T00:00:00Z".to_owned()), ..by("until", "2026-01-01T00:00:00Z") }, "until"),
    ] {
        let refused = query.clone().check(&app.reading()).await;
        assert!(matches!(&refused, Err(Refused::Invalid(faults)) if faults[0].field == field), "{query:?}: {refused:?}");
    }
    for unknown in [by("user", "nobody"), by("actor", "user:nobody")] {
        assert!(matches!(unknown.check(&app.reading()).await, Err(Refused::NotFound { noun: "user", .. })));
    }
    let filter = AuditQuery::default().check(&app.reading()).await.unwrap();
    for cursor in ["", "nonsense", "MTIz", "&"] {
        let page = audit::list(&app.reading(), &filter, &Window { after: Some(cursor.to_owned()), limit: 3 }).await;
        assert!(matches!(page, Err(Refused::Invalid(_))), "{cursor}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_filter_scans_the_trail() {
    // The events are old, and the cleanup at the start must not delete them while they are inserted.
    let app = TestApp::with(|settings| settings.audit_retention = 0).await;
    fill(&app).await;
    let plans = app.plans().await;
    let text = str::to_owned;
    for (selected, index) in [
        (Selected::All, "audit_events_at_id"),
        (Selected::User(users::show(&app.reading(), "admin").await.unwrap().id), "audit_events_user_id_at_id"),
        (Selected::Client(text("c7")), "audit_events_client_id_at_id"),
        (Selected::Event(text("e7")), "audit_events_event_at_id"),
        (Selected::ActorKind(text("registration")), "audit_events_actor_kind_at_id"),
        (Selected::Actor(text("u7")), "audit_events_actor_id_at_id"),
        (Selected::Address(text("10.0.0.7")), "audit_personal_address_at_event_id"),
        (Selected::About(text("role:r10")), "audit_events_about_at_id"),
        (Selected::Request(text("r7")), "audit_events_request_id_at_id"),
    ] {
        for range in [
            Range { from: i64::MIN, until: i64::MAX, after: None },
            Range { from: 1_700_000_000, until: 1_700_002_000, after: Some((1_700_001_000, 500)) },
        ] {
            audit_events::page(&plans, &selected, &range, 51).await.unwrap();
            plans.assert_indexed(&[index]);
        }
    }
}
