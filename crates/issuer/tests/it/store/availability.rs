//! A database that cannot be written or reached: requests that need it are answered 503, readiness says why, discovery and the JWKS stay, and
//! nothing needs a restart when it is back.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use sea_orm::ConnectionTrait;
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::clock::{Clock, SystemClock};
use signet_issuer::config::database_url::DatabaseUrl;
use signet_issuer::store::Store;
use signet_issuer::store::schema::{self, SchemaState};

use crate::support::{Answer, Database, PASSWORD, Proxy, TestApp, execute};

async fn with_clients(app: TestApp) -> TestApp {
    let app = app.with_orders().await.with_user("alice").await.with_web().await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    app
}

/// Requests that write, each with its name.
async fn writing(app: &TestApp, refresh_token: &str) -> Vec<(&'static str, Answer)> {
    let revoke = app.post("/revoke").form(&[("client_id", "shop"), ("token", refresh_token)]);
    let (password, refresh, revoke) = tokio::join!(app.sign_in("alice", ""), app.refresh(refresh_token), revoke.send());
    vec![("password", password), ("refresh", refresh), ("revoke", revoke)]
}

#[track_caller]
fn assert_unavailable(name: &str, answer: &Answer) {
    assert_eq!(answer.error(), (503, "temporarily_unavailable"), "{name}: {}", answer.text);
    assert!(["1", "5"].contains(&answer.header("retry-after")), "{name}: {:?}", answer.headers);
    assert!(answer.json["access_token"].is_null());
}

async fn assert_documents_stay(app: &TestApp) {
    for path in ["/.well-known/jwks.json", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/health/live"] {
        assert_eq!(app.get(path).send().await.status, 200, "{path}");
    }
}

/// Returns the detail of readiness, which must not be given.
async fn not_ready(app: &TestApp) -> String {
    let answer = app.get("/health/ready").send().await;
    assert_eq!((answer.status, answer.str("status"), answer.str("reason")), (503, "not ready", "database"), "{}", answer.text);
    answer.str("detail").to_owned()
}

async fn assert_all_is_well(app: &TestApp) {
    let ready = app.get("/health/ready").send().await;
    assert_eq!(ready.status, 200, "{}", ready.text);
    let token = app.sign_in("alice", "").await;
    assert_eq!(token.status, 200, "{}", token.text);
    assert_eq!(app.refresh(token.str("refresh_token")).await.status, 200);
}

fn is_sqlite(app: &TestApp) -> bool {
    app.database_url().starts_with("sqlite")
}

/// The connections that are open would go on with the file that is gone, and new ones with whatever is there now.
#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_file_that_is_moved_away_is_missed_by_all_connections_and_not_made_anew() {
    let app = with_clients(TestApp::new().await).await;
    if !is_sqlite(&app) {
        return;
    }
    let url = DatabaseUrl::try_from(app.database_url().to_owned()).unwrap();
    let file = url.sqlite_file().unwrap().to_owned();
    let away = file.with_extension("away");
    for _ in 0..2 {
        let token = app.sign_in("alice", "").await;
        std::fs::rename(&file, &away).unwrap();
        for (name, answer) in writing(&app, token.str("refresh_token")).await {
            assert_unavailable(name, &answer);
        }
        for path in ["/userinfo", "/api/v1/users"] {
            let read = app.get(path).bearer(token.str("access_token")).send().await;
            assert_eq!((read.status, read.header("retry-after")), (503, "5"), "{path}");
        }
        app.advance(3);
        assert_eq!(not_ready(&app).await, "database: it cannot be written");
        assert!(!file.exists(), "the server makes no new database");
        std::fs::rename(&away, &file).unwrap();
        app.advance(11);
        assert_eq!(app.sign_in("alice", "").await.status, 200, "the file is back");
        assert_eq!(app.get("/health/ready").send().await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_sqlite_file() {
    let app = with_clients(TestApp::new().await).await;
    if !is_sqlite(&app) {
        return;
    }
    let token = app.sign_in("alice", "").await;
    let pragma = async |sql: &str| {
        app.app.store.writer().execute_unprepared(sql).await.unwrap();
    };
    // SQLite refuses with the same code as for a file that it may not write; for root, no file is read-only.
    pragma("PRAGMA query_only = ON").await;
    for (name, answer) in writing(&app, token.str("refresh_token")).await {
        assert_unavailable(name, &answer);
    }
    let browser = app.browser();
    let page = browser.get("/sign-in").await;
    let failed = if page.status == 200 { browser.sign_in(&page, "alice", PASSWORD).await } else { page };
    assert_eq!((failed.status, failed.heading(), failed.header("retry-after")), (503, "This does not work at the moment", "5"));
    assert_eq!(not_ready(&app).await, "database: its file is read-only");
    app.advance(11);
    assert_documents_stay(&app).await;
    assert_eq!(app.client_token("worker", "").await.status, 200, "what only reads goes on");
    pragma("PRAGMA query_only = OFF").await;
    assert_all_is_well(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_sqlite() {
    let app = with_clients(TestApp::new().await).await;
    if !is_sqlite(&app) {
        return;
    }
    // The limit holds for one connection, and one whose transaction did not end is replaced.
    let full = async || {
        app.app.store.writer().execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
    };
    full().await;
    let mut refused = app.sign_in("alice", "").await;
    for _ in 0..1000 {
        if refused.status != 200 {
            break;
        }
        refused = app.sign_in("alice", "").await;
    }
    assert_unavailable("password", &refused);
    let before = app.count("SELECT count(*) FROM authorizations").await;
    full().await;
    assert_unavailable("password", &app.sign_in("alice", "").await);
    assert_eq!(app.count("SELECT count(*) FROM authorizations").await, before, "nothing is half written");
    assert!(not_ready(&app).await.starts_with("database: a request has just failed at it"));
    assert_documents_stay(&app).await;
    assert_eq!(app.client_token("worker", "").await.status, 200);
    app.app.store.writer().execute_unprepared("PRAGMA max_page_count = 1073741823").await.unwrap();
    app.advance(10);
    assert_all_is_well(&app).await;
}

/// SQLite ends the transaction itself when the disk is full. The driver still counts it as open, so that later transactions on the same
/// connection would be parts of one that never ends.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_after_a_full_disk_is_kept() {
    let app = with_clients(TestApp::new().await).await;
    if !is_sqlite(&app) {
        return;
    }
    let tokens = app.sign_in("alice", "").await;
    for number in 0..3 {
        app.app.store.writer().execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
        let add = async |part: usize| {
            let draft = GroupDraft { name: format!("group-{number}-{part}"), display_name: Some("x".repeat(100)), ..GroupDraft::default() };
            app.operate(|change| Box::pin(groups::add(change, draft))).await
        };
        let mut part = 0;
        while part < 1000 && add(part).await.is_ok() {
            part += 1;
        }
        assert_ne!(part, 1000, "the disk became full");
    }
    app.app.store.writer().execute_unprepared("PRAGMA max_page_count = 1073741823").await.unwrap();
    let draft = GroupDraft { name: "kept".to_owned(), ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    let revoked = app.post("/revoke").form(&[("client_id", "shop"), ("token", tokens.str("refresh_token"))]).send().await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    // Another process sees both.
    let node = app.another_node().await;
    assert_eq!(groups::show(&node.reading(), "kept").await.unwrap().name, "kept");
    assert_eq!(node.refresh(tokens.str("refresh_token")).await.error(), (400, "invalid_grant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_file_that_another_process_has_locked() {
    let app = with_clients(TestApp::new().await).await;
    if !is_sqlite(&app) {
        return;
    }
    let token = app.sign_in("alice", "").await;
    let file: DatabaseUrl = app.database_url().to_owned().try_into().unwrap();
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE'); \
                  print('locked', flush=True); sys.stdin.read()";
    let mut other = Command::new("python3");
    other.args(["-c", script, file.sqlite_file().unwrap().to_str().unwrap()]);
    let mut other = other.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    BufReader::new(other.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
    app.advance(11);
    let reading = async {
        assert_documents_stay(&app).await;
        assert_eq!(app.client_token("worker", "").await.status, 200, "what only reads goes on");
        assert_eq!(not_ready(&app).await, "database: it is busy, or another process holds its lock");
    };
    let (answers, ()) = tokio::join!(writing(&app, token.str("refresh_token")), reading);
    for (name, answer) in answers {
        assert_unavailable(name, &answer);
    }
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    app.advance(10);
    assert_all_is_well(&app).await;
}

/// Sends many refreshes at once, then one after the other, and checks that all are refused soon. Each of them would wait 5 s for the database.
async fn assert_none_waits_for_another(app: &TestApp) {
    let clock = SystemClock::default();
    let begun = clock.monotonic();
    let mut refreshes = tokio::task::JoinSet::new();
    for _ in 0..150 {
        let refresh = app.post("/token").form(&[("client_id", "shop"), ("grant_type", "refresh_token"), ("refresh_token", "x")]);
        refreshes.spawn(refresh.send());
    }
    for answer in refreshes.join_all().await {
        assert_unavailable("refresh", &answer);
    }
    let waited = clock.monotonic().saturating_sub(begun);
    assert!(waited.as_secs() < 12, "{waited:?}");
    assert_documents_stay(app).await;
}

/// Returns an issuer whose way to PostgreSQL can be cut; `None` where the tests run on SQLite.
async fn behind_proxy() -> Option<(TestApp, Proxy)> {
    let (app, proxy) = Proxy::between().await?;
    Some((with_clients(app).await, proxy))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_server_that_has_stopped() {
    let Some((app, mut proxy)) = behind_proxy().await else { return };
    let token = app.sign_in("alice", "").await;
    assert_documents_stay(&app).await;
    let read_at = app.clock_now() - app.get("/.well-known/jwks.json").send().await.header("age").parse::<i64>().unwrap();
    let age = || (app.clock_now() - read_at).to_string();
    proxy.stop().await;
    for (name, answer) in writing(&app, token.str("refresh_token")).await {
        assert_unavailable(name, &answer);
    }
    assert!(not_ready(&app).await.starts_with("database: it cannot be reached"));
    assert_none_waits_for_another(&app).await;
    app.advance(11);
    assert_documents_stay(&app).await;
    let jwks = app.get("/.well-known/jwks.json").send().await;
    assert_eq!((jwks.header("age"), jwks.header("cache-control")), (age().as_str(), "public, max-age=300"));
    assert_unavailable("client_credentials", &app.client_token("worker", "").await);
    app.advance(288 - u64::try_from(app.clock_now() - read_at - 11).unwrap());
    let jwks = app.get("/.well-known/jwks.json").send().await;
    assert_eq!((jwks.status, jwks.header("age")), (200, "299"));
    app.advance(1);
    assert_unavailable("jwks", &app.get("/.well-known/jwks.json").send().await);
    assert_eq!(app.get("/.well-known/openid-configuration").send().await.status, 200);
    assert_unavailable("revocations", &app.get("/revocations").send().await);
    proxy.start();
    app.advance(10);
    assert_all_is_well(&app).await;
    app.app.read_revocations().await.unwrap();
    assert_eq!(app.get("/revocations").send().await.status, 200);
    assert_eq!(app.get("/.well-known/jwks.json").send().await.header("age"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_server_that_was_demoted() {
    let Some((app, mut proxy)) = behind_proxy().await else { return };
    let server = std::env::var("TEST_POSTGRES_URL").unwrap();
    let name = url::Url::parse(app.database_url()).unwrap().path().trim_start_matches('/').to_owned();
    let token = app.sign_in("alice", "").await;
    for recovers_by in ["readiness", "a request that fails", "the key ring"] {
        execute(&server, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
        proxy.cut().await;
        let mut answers = writing(&app, token.str("refresh_token")).await;
        // The first requests may meet the connections that were cut.
        answers.extend(writing(&app, token.str("refresh_token")).await);
        for (name, answer) in answers {
            assert_unavailable(name, &answer);
        }
        app.advance(1);
        assert_eq!(not_ready(&app).await, "database: its server is read-only");
        app.advance(10);
        assert_unavailable("client_credentials", &app.client_token("worker", "").await);
        assert_documents_stay(&app).await;
        // The sessions that the pool holds stay read-only, as those to a demoted primary do. New ones lead to its successor.
        execute(&server, &format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
        // Let no job write before the request does that must notice the change.
        app.advance(if recovers_by == "a request that fails" { 2 } else { 11 });
        match recovers_by {
            "readiness" => assert_eq!(app.get("/health/ready").send().await.status, 200),
            "a request that fails" => {
                // A request that finds no session in the pool opens a new one, and rightly succeeds. So none can be opened here.
                proxy.refuse_new().await;
                assert_unavailable(recovers_by, &app.sign_in("alice", "").await);
                proxy.start();
            }
            _ => assert_eq!(app.client_token("worker", "").await.status, 200),
        }
        app.advance(2);
        // A session that was being opened while the others were retired may lead to the demoted server too. The request or job that meets
        // it fails, and retires it.
        for _ in 0..3 {
            if app.get("/health/ready").send().await.status == 503 || app.sign_in("alice", "").await.status == 503 {
                app.advance(2);
            }
        }
        assert_all_is_well(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_database_that_takes_no_connections() {
    let Some((app, mut proxy)) = behind_proxy().await else { return };
    app.add_user("boss", &["admin"]).await;
    let administrator = app.token_of("boss", "admin").await;
    let browser = app.signed_in("alice").await;
    let server = std::env::var("TEST_POSTGRES_URL").unwrap();
    let name = url::Url::parse(app.database_url()).unwrap().path().trim_start_matches('/').to_owned();
    let token = app.sign_in("alice", "").await;
    for (refuse, admit) in [
        (format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"), format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")),
        (format!("ALTER DATABASE {name} RENAME TO {name}_away"), format!("ALTER DATABASE {name}_away RENAME TO {name}")),
    ] {
        proxy.stop().await;
        let others = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        execute(&server, &others).await;
        execute(&server, &refuse).await;
        proxy.start();
        let users = app.call("GET", "/users", &administrator, None, None).await;
        assert_eq!((users.status, users.header("retry-after")), (503, "5"), "{refuse}: {}", users.text);
        let page = browser.get("/account").await;
        assert_eq!((page.status, page.header("retry-after")), (503, "5"), "{refuse}: {}", page.text);
        for (name, answer) in writing(&app, token.str("refresh_token")).await {
            assert_unavailable(name, &answer);
        }
        app.advance(2);
        assert_eq!(not_ready(&app).await, "database: it cannot be reached", "{refuse}");
        execute(&server, &admit).await;
        app.advance(2);
        assert_all_is_well(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_reached_by_every_form_of_its_url() {
    let database = Database::create().await;
    let Ok(url) = url::Url::parse(&database.url) else { return };
    if url.scheme() != "postgres" {
        return;
    }
    let name = url.path().trim_start_matches('/');
    let role = "signet o'brien @:/?#[]%";
    let quoted = format!("\"{role} {name}\"");
    let encoded = url::form_urlencoded::byte_serialize(format!("{role} {name}").as_bytes()).collect::<String>().replace('+', "%20");
    database.execute(&format!("CREATE ROLE {quoted} LOGIN")).await;

    let v6 = Proxy::open("[::1]:0", &url);
    let dir = tempfile::TempDir::new().unwrap();
    let socket = tokio::net::UnixListener::bind(dir.path().join(".s.PGSQL.5432")).unwrap();
    let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut near, _) = socket.accept().await.unwrap();
            let mut far = tokio::net::TcpStream::connect(&target).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    let (host, folder) = (format!("127.0.0.1:{}", url.port().unwrap()), dir.path().display().to_string());
    let port = v6.address.port();
    for text in [
        format!("postgres://signet@[::1]:{port}/{name}"),
        format!("postgres://signet@localhost:1/{name}?host=::1&port={port}"),
        format!("postgres://signet@localhost/{name}?host={folder}"),
        format!("postgres://signet@{}/{name}", folder.replace('/', "%2F")),
        format!("postgres://signet@/{name}?host={folder}"),
        format!("postgres://signet:x@:5432/{name}?host={folder}"),
        format!("postgres:///{name}?host={folder}&user=signet"),
        format!("postgresql://signet@{host}/{name}?sslmode=prefer"),
        format!("postgres://signet:p%40ss%2F%3F%23%25@{host}/{name}"),
        format!("postgres://signet:p@ss@{host}/{name}"),
        format!("postgres://{encoded}:x@{host}/{name}"),
        format!("postgres://signet@{host}/{name}\n"),
        format!("postgres://signet@{host}/{name}\r\n"),
    ] {
        let url: DatabaseUrl = text.clone().try_into().unwrap();
        let store = Store::connect(&url, 16).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(schema::state(&store).await.unwrap(), SchemaState::Empty, "{text}");
        store.close().await.unwrap();
    }
    database.execute(&format!("DROP ROLE {quoted}")).await;
}
