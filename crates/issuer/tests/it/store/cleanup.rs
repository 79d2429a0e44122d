//! The queries of the cleanup, of the feed of revocations and of one-time links read their rows by an index, however large the tables are.

use signet_issuer::store::{
    activity, attempts, audit_events, authorization_codes, authorizations, browsers, client_assertions, client_refusals, client_secrets,
    clients, devices, password_links, registration_tokens, revocation_entries, revocations, sessions, sign_in_failures, waiting_requests,
};

use crate::support::TestApp;

/// The functions of the store that delete what is over. [`every_purge_of_the_store_is_tested`] compares the list with the sources.
macro_rules! purges {
    ($db:expr, $check:ident: $($module:ident),*) => {{
        $(
            $module::purge($db, 10, 500).await.unwrap();
            $check(stringify!($module));
        )*
        [$(stringify!($module)),*]
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_cleanup_uses_an_index() {
    let app = TestApp::new().await;
    let db = &app.plans().await;
    let indexed = |_: &str| db.assert_indexed(&[]);
    let mut tested = purges!(
        db, indexed:
        activity, attempts, browsers, client_assertions, client_refusals, client_secrets, devices, password_links, registration_tokens,
        sign_in_failures, waiting_requests, authorization_codes
    )
    .to_vec();
    revocation_entries::purge(db, 10, 20, 500).await.unwrap();
    db.assert_indexed(&[]);
    tested.push("revocation_entries");
    for event in [None, Some("sign_in_failed")] {
        audit_events::purge(db, event, 10, 500).await.unwrap();
        db.assert_indexed(&[]);
    }
    // PostgreSQL joins the two indexes of this query by bitmaps, which `plans` leaves out; SQLite reads the few clients whole once it has
    // counted them.
    let is_sqlite = app.database_url().starts_with("sqlite");
    if is_sqlite {
        clients::unused(db, 10, 50).await.unwrap();
        db.assert_indexed(&[]);
    }
    // Two conditions with an index each, which are worth it only where there are many rows.
    with_many(&app).await;
    let db = &app.plans_by_statistics().await;
    let searched = |_: &str| {};
    tested.extend(purges!(db, searched: authorizations, sessions));
    if !is_sqlite {
        clients::unused(db, 10, 50).await.unwrap();
    }
    let tables = ["authorizations", "sessions", "authorization_codes", "clients"];
    let (statements, scans) = db.scans(&tables[..if is_sqlite { 3 } else { 4 }]);
    assert!(statements >= 3 && scans.is_empty(), "{statements}: {scans:#?}");
    tested.push("audit_events");
    every_purge_of_the_store_is_tested(tested);
}

/// Adds 3,000 live sessions and authorizations of the first user.
async fn with_many(app: &TestApp) {
    let user = "(SELECT id FROM users LIMIT 1)";
    let (numbers, id, handle) = if app.database_url().starts_with("sqlite") {
        (
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT i FROM n) AS n",
            "randomblob(16)",
            "randomblob(16)",
        )
    } else {
        ("(SELECT generate_series(1, 3000) AS i) AS n", "gen_random_uuid()", "decode(md5(i::text), 'hex')")
    };
    app.sql(&format!(
        "INSERT INTO sessions (sid, user_id, passed, user_agent, address, created_at, last_used_at, expires_at) \
         SELECT 'many' || i, {user}, '[]', '', '', 0, 0, 1000000 + i FROM {numbers}"
    ))
    .await;
    app.sql(&format!(
        "INSERT INTO authorizations (id, user_id, client_id, scope, refreshable, salt, key_version, generation, created_at, refreshed_at, \
         expires_at, auth_time, acr, amr, grant_id) \
         SELECT {id}, {user}, 'cli', 'openid', FALSE, '', 1, 0, 0, 0, 1000000 + i, 0, '', '', {handle} FROM {numbers}"
    ))
    .await;
    // Clients that registered themselves and were used since. Without any, PostgreSQL would read the index that holds only such clients.
    let same = "client_name, public, grant_types, redirect_uris, default_resource, created_at, disabled_at, token_endpoint_auth_method, pkce, \
                first_party, metadata, access, id_token_claims, group_filter, group_prefix, claims_allowed, signals_of_all_users, \
                session_management, version";
    app.sql(&format!(
        "INSERT INTO clients (id, registration_token_hash, last_used_at, grant_id, {same}) \
         SELECT 'many' || i, {handle}, 1000000 + i, {handle}, {same} FROM clients, {numbers} WHERE id = 'cli'"
    ))
    .await;
}

fn every_purge_of_the_store_is_tested(mut tested: Vec<&str>) {
    let store = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store");
    let mut purging = Vec::new();
    for entry in std::fs::read_dir(store).unwrap() {
        let path = entry.unwrap().path();
        let file = if path.is_dir() { path.join("mod.rs") } else { path.clone() };
        if std::fs::read_to_string(file).is_ok_and(|text| text.contains("pub async fn purge(")) {
            purging.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    purging.sort();
    tested.sort_unstable();
    assert_eq!(tested, purging);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_and_one_time_links_are_read_by_an_index() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let user = app.add_user("bob", &[]).await;
    let db = &app.plans().await;
    app.sign_in("alice", "orders:read").await;
    revocations::of_client(db, "cli").await.unwrap();
    revocation_entries::give_places(&app.app.store).await.unwrap();
    assert!(!revocation_entries::from(db, 0).await.unwrap().is_empty());
    assert!(revocation_entries::from(db, 1_000_000).await.unwrap().is_empty());
    revocations::of_client_itself(db, "cli").await.unwrap();
    revocations::of_users(db, &[user], &revocations::Loss::of(db, &["clerk".to_owned()], None).await.unwrap()).await.unwrap();
    let link = password_links::PasswordLink { user_id: user, hash: "hash".to_owned(), by_administrator: true, expires_at: 100 };
    password_links::put(db, link.clone()).await.unwrap();
    assert_eq!(password_links::by_hash(db, "hash", 10).await.unwrap(), Some(link));
    assert!(password_links::spend(db, user, "hash", 10).await.unwrap());
    password_links::withdraw(db, user).await.unwrap();
    // Without statistics PostgreSQL takes a table of authorizations for one of a single row.
    let is_sqlite = app.database_url().starts_with("sqlite");
    let tables = ["revocations", "password_links", "users", "authorizations", "clients"];
    let (statements, scans) = db.scans(&tables[..if is_sqlite { 5 } else { 3 }]);
    assert!(statements >= 9 && scans.is_empty(), "{statements}: {scans:#?}");
}
