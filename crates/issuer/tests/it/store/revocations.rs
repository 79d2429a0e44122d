//! Refusing the tokens of a resource, or of scopes that are removed, reads all authorizations in parts.

use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::patch::Patch;
use signet_issuer::store::{resources, revocations};

use crate::support::{ORDERS, TestApp};

/// Adds 12,000 authorizations of Alice: 300 of `shop`, which may ask for the scopes of the resource, and the others of 400 clients that may
/// not.
async fn with_many(app: &TestApp) {
    let is_sqlite = app.database_url().starts_with("sqlite");
    // One each second; an id begins with the time.
    let (id, salt, no, numbers) = if is_sqlite {
        let numbers = "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 11999) SELECT i FROM n)";
        ("unhex(printf('%012x', n.i * 1000) || hex(randomblob(10)))", "randomblob(16)", "0", numbers)
    } else {
        let id = "(lpad(to_hex(n.i * 1000), 12, '0') || substr(md5(random()::text), 1, 20))::uuid";
        (id, "uuid_send(gen_random_uuid())", "FALSE", "(SELECT generate_series(0, 11999) AS i)")
    };
    app.sql(&format!(
        "INSERT INTO clients (id, client_name, public, grant_types, redirect_uris, created_at, pkce, grant_id) \
         SELECT 'many' || n.i, 'Many', TRUE, 'password', '', 0, 'required', {salt} FROM {numbers} AS n WHERE n.i < 400"
    ))
    .await;
    app.sql(&format!(
        "INSERT INTO authorizations (id, user_id, client_id, scope, refreshable, salt, key_version, generation, created_at, refreshed_at, \
         expires_at, auth_time, acr, amr, offline, resources, grant_id) \
         SELECT {id}, users.id, CASE WHEN n.i % 40 = 0 THEN 'shop' ELSE 'many' || (n.i % 400) END, \
         CASE WHEN n.i % 3 = 0 THEN 'openid orders:read' ELSE 'openid' END, {no}, {salt}, 1, 0, n.i, 0, 9999999999, 0, 'x', 'pwd', {no}, '', {salt} \
         FROM users, {numbers} AS n WHERE users.username = 'alice'"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_of_a_resource_are_refused_without_reading_all_authorizations() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    with_many(&app).await;
    let db = &app.plans_by_statistics().await;
    let issuer = &app.app.settings.issuer;
    let id = resources::by_identifier(db, ORDERS, issuer).await.unwrap().unwrap().id;
    let row = resources::row(db, &id).await.unwrap().unwrap();
    let revoked = async || app.count("SELECT count(*) FROM revocations WHERE grant_id IS NOT NULL").await;

    let before = revoked().await;
    revocations::of_resource(db, &row).await.unwrap();
    // The newest authorization is the first of an index, of which no more is read.
    let (statements, scans) = db.scans(&["authorizations", "clients", "client_scopes"]);
    let whole: Vec<String> = scans.into_iter().filter(|sql| !sql.contains("DESC LIMIT")).collect();
    assert!(statements >= 9 && whole.is_empty(), "{statements}: {whole:#?}");
    // 4,000 hold the scope, and the client has a handle of its own. Clients of the tests may have more.
    let of_all = revoked().await - before;
    assert!((4001..4010).contains(&of_all), "{of_all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_scope_is_taken_from_all_authorizations_in_parts() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    with_many(&app).await;
    app.sql("UPDATE authorizations SET scope = 'orders:read' WHERE client_id = 'shop' AND scope LIKE '%orders:read'").await;
    // A name that begins or ends as the removed one does is another one.
    app.sql("UPDATE authorizations SET scope = 'Orders:read orders:reads xorders:read' WHERE scope = 'openid' AND client_id = 'many1'")
        .await;
    let similar = app.count("SELECT count(*) FROM authorizations WHERE scope = 'Orders:read orders:reads xorders:read'").await;
    assert!(similar > 0);
    // Some were given for the resource by its identifier, without a scope of it.
    app.sql(&format!("UPDATE authorizations SET resources = '{ORDERS}' WHERE client_id = 'many2'")).await;
    app.sql("UPDATE authorizations SET scope = '' WHERE client_id = 'many2' AND scope = 'openid'").await;
    let named = app.count("SELECT count(*) FROM authorizations WHERE scope = ''").await;
    assert!(named > 0);
    let db = &app.plans_by_statistics().await;
    revocations::of_removed_scopes(db, &["orders:read".to_owned()], Some(ORDERS), 5).await.unwrap();
    let (statements, scans) = db.scans(&["authorizations"]);
    let whole: Vec<String> = scans.into_iter().filter(|sql| !sql.contains("DESC LIMIT")).collect();
    assert!(statements >= 6 && whole.is_empty(), "{statements}: {whole:#?}");
    for (condition, expected) in [
        ("' ' || scope || ' ' LIKE '% orders:read %' AND scope NOT LIKE '%xorders:read'", 0),
        ("scope = 'Orders:read orders:reads xorders:read' AND ended_at IS NULL", similar),
        ("scope = '' AND ended_at = 5 AND client_id = 'shop'", 100),
        ("scope = '' AND ended_at IS NULL AND client_id = 'many2'", named),
        ("scope = '' AND ended_at IS NULL AND client_id <> 'many2'", 0),
    ] {
        assert_eq!(app.count(&format!("SELECT count(*) FROM authorizations WHERE {condition}")).await, expected, "{condition}");
    }
    assert_eq!(app.count("SELECT count(*) FROM revocations WHERE grant_id IS NOT NULL").await, 4000 + named);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_take_access_from_the_same_users_at_the_same_moment_wait_for_each_other() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    with_many(&app).await;
    app.sql("DELETE FROM authorizations WHERE client_id <> 'shop'").await;
    app.sql("UPDATE authorizations SET scope = 'openid orders:read orders:write'").await;
    let role = async {
        for _ in 0..30 {
            app.change_clerk(&[], &["orders:write"]).await;
            app.change_clerk(&["orders:write"], &[]).await;
        }
    };
    let client = async {
        for _ in 0..30 {
            for scope in ["openid orders:read", "openid orders:read orders:write"] {
                let patch = ClientPatch { scope: Patch::Set(scope.to_owned()), ..ClientPatch::default() };
                app.edit_client("shop", patch).await.unwrap();
            }
        }
    };
    tokio::join!(role, client);
}
