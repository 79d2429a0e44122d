//! Sign-ins and tokens are counted in memory and added to hourly rows.

use signet_issuer::admin::Refused;
use signet_issuer::admin::activity::hours;
use signet_issuer::audit::activity::{Activity, KINDS};
use signet_issuer::grants::Grant;
use signet_issuer::store::activity;

use crate::support::{START, TestApp, at_once};

async fn flush(app: &TestApp) {
    app.app.activity.flush(&app.app.store, app.clock_now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted_by_hour_kind_and_client() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    let browser = app.signed_in("alice").await;
    app.code_flow(&browser, &[]).await;
    let first = app.sign_in("alice", "").await;
    app.refresh(first.str("refresh_token")).await;
    app.client_token("worker", "orders:read").await;
    app.client_token("worker", "orders:read").await;
    app.try_password("alice", "wrong", "").await;
    app.try_password("nobody", "wrong", "").await;
    flush(&app).await;
    let node = app.another_node().await;
    node.client_token("worker", "orders:read").await;
    flush(&node).await;
    // Nothing is added twice.
    flush(&app).await;
    let now = hours(&app.reading(), None, 1).await.unwrap().remove(0);
    assert_eq!(now.hour, START);
    let counts = KINDS.map(|kind| now.counts[kind]);
    assert_eq!(counts, [1, 2, 1, 1, 1, 3], "{now:?}");
    let worker = hours(&app.reading(), Some("worker"), 1).await.unwrap().remove(0);
    assert_eq!(KINDS.map(|kind| worker.counts[kind]), [0, 0, 0, 0, 0, 3]);
    let shop = hours(&app.reading(), Some("shop"), 1).await.unwrap().remove(0);
    assert_eq!((shop.counts["failed_sign_ins"], shop.counts["tokens_password"]), (2, 1));

    // Each hour has its own counts, and hours without any are there too.
    app.advance(2 * 3600);
    flush(&app).await;
    app.client_token("worker", "orders:read").await;
    flush(&app).await;
    let last = hours(&app.reading(), Some("worker"), 4).await.unwrap();
    let tokens: Vec<(i64, i64)> = last.iter().map(|hour| ((hour.hour - START) / 3600, hour.counts["tokens_client_credentials"])).collect();
    assert_eq!(tokens, [(-1, 0), (0, 3), (1, 0), (2, 1)]);
    for wrong in [0, 90 * 24 + 1] {
        assert!(matches!(hours(&app.reading(), None, wrong).await, Err(Refused::Invalid(_))), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_count_is_lost_when_many_come_at_once_or_the_database_fails() {
    let app = TestApp::new().await;
    let counters = Activity::new(START);
    let count = async |number: usize| {
        for _ in 0..500 {
            counters.tokens_given("password", &format!("client{}", number % 50));
        }
    };
    at_once((0..100).map(count).collect()).await;
    app.sql("ALTER TABLE activity RENAME TO activity_away").await;
    assert!(counters.flush(&app.app.store, START + 60).await.is_err());
    app.sql("ALTER TABLE activity_away RENAME TO activity").await;
    counters.tokens_given("password", "client0");
    counters.flush(&app.app.store, START + 7200).await.unwrap();
    let count =
        async |condition: &str| app.count(&format!("SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM activity WHERE {condition}")).await;
    assert_eq!(count("client_id = ''").await, 50_001);
    assert_eq!(count("client_id <> ''").await, 50_001);
    assert_eq!(count(&format!("client_id = 'client0' AND hour = {START}")).await, 1001);
    counters.flush(&app.app.store, START + 7200).await.unwrap();
    assert_eq!(count("client_id = ''").await, 50_001);
}

#[test]
fn tokens_of_every_grant_are_counted() {
    for grant in Grant::ALL {
        assert!(KINDS.contains(&format!("tokens_{}", grant.name()).as_str()), "{grant:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_and_purging_the_counts_use_indexes() {
    let app = TestApp::new().await;
    app.sql(
        "INSERT INTO activity (client_id, hour, kind, count) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
         SELECT 'c' || (i % 100), 3600 * i, 'sign_ins', 1 FROM n",
    )
    .await;
    let plans = app.plans().await;
    activity::since(&plans, "c7", 3600 * 2900).await.unwrap();
    plans.assert_indexed(&[]);
    activity::purge(&plans, 7200, 500).await.unwrap();
    plans.assert_indexed(&["activity_hour"]);
}
