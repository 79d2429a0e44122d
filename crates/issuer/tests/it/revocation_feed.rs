//! What a node knows of the revocations: all that was committed, however late, whatever happens to the database, and at little cost.

use std::collections::BTreeSet;
use std::time::Duration;

use signet_issuer::config::database_url::DatabaseUrl;
use signet_issuer::revocation_feed::hash;
use signet_issuer::store::{Store, Transaction, commit, revocations};
use tokio::time::timeout;

use crate::support::{Answer, Proxy, SECRET, TestApp, claims, real_time};

/// An issuer with two clients whose tokens can be revoked.
async fn with_workers(app: TestApp) -> TestApp {
    let app = app.with_orders().await;
    for client in ["worker", "other"] {
        app.add_client(client, false, "client_credentials", &["orders:read"]).await;
    }
    app
}

/// Returns the claim by which the feed refuses a token that the client gets, as the feed writes it.
async fn handle(app: &TestApp, client: &str) -> String {
    hash(claims(app.client_token(client, "").await.str("access_token"))["grant_id"].as_str().unwrap())
}

async fn ask(node: &TestApp, after: Option<&str>) -> Answer {
    let path = after.map_or_else(|| "/revocations".to_owned(), |cursor| format!("/revocations?after={cursor}"));
    let answer = node.get(&path).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

/// Asks for everything that is revoked. The node reads the database first, so that nothing is late.
async fn everything(node: &TestApp) -> Answer {
    node.app.read_revocations().await.unwrap();
    ask(node, None).await
}

fn told(answer: &Answer) -> Vec<&str> {
    answer.json["revoked"].as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

async fn expect_no_news(node: &TestApp, cursor: &str) {
    let answer = timeout(Duration::from_millis(700), ask(node, Some(cursor))).await;
    assert!(answer.is_err(), "{}", answer.unwrap().text);
}

/// A way to the database of `app` that does not lead through its proxy.
async fn straight(app: &TestApp) -> Store {
    let url = DatabaseUrl::try_from(app.database_url().to_owned()).unwrap();
    Store::connect(&url, 4).await.unwrap()
}

fn is_postgres(app: &TestApp) -> bool {
    app.database_url().starts_with("postgres")
}

/// Writes 100,000 entries in one transaction, as the triggers do.
async fn fill(app: &TestApp) {
    write(app, 100_000).await;
}

async fn write(app: &TestApp, entries: u32) {
    let numbers = format!("WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {entries})");
    if is_postgres(app) {
        let (random, now) = ("uuid_send(gen_random_uuid())", "floor(extract(epoch from clock_timestamp()))::bigint");
        app.sql(&format!("INSERT INTO revocations (id, grant_id, at) {numbers} SELECT {random}, {random}, {now} FROM numbers")).await;
    } else {
        let place = "(SELECT last FROM revocation_order) + n";
        let row = format!("randomblob(16), {place}, randomblob(16), unixepoch()");
        app.sql(&format!("INSERT INTO revocations (id, sequence, grant_id, at) {numbers} SELECT {row} FROM numbers")).await;
        app.sql(&format!("UPDATE revocation_order SET last = last + {entries}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_gets_full_sets_only_so_often() {
    let app = TestApp::new().await;
    fill(&app).await;
    let all = everything(&app).await;
    assert_eq!(told(&all).len(), 100_000);
    let mut sent = 1;
    let refused = loop {
        let answer = app.get("/revocations").send().await;
        if answer.status != 200 {
            break answer;
        }
        assert_eq!(answer.text.len(), all.text.len());
        sent += 1;
    };
    assert_eq!(refused.error(), (503, "temporarily_unavailable"));
    assert_eq!((refused.header("retry-after"), sent), ("1", 64 * 1024 * 1024 / all.text.len()));
    // A cursor that names the beginning is no way around that.
    let beginning = format!("/revocations?after={}", "A".repeat(64));
    assert_eq!(app.get(&beginning).send().await.error(), (503, "temporarily_unavailable"));
    // Who has a cursor needs no full set, and goes on.
    expect_no_news(&app, all.str("cursor")).await;
    app.advance(1);
    assert_eq!(everything(&app).await.text.len(), all.text.len());
}

/// Many revocations at once are told to each verifier once, and the next one is told alone, at whichever node the verifier asks.
#[tokio::test(flavor = "multi_thread")]
async fn after_many_revocations_at_once_the_next_one_is_told_alone() {
    let app = with_workers(TestApp::new().await).await;
    let node = app.another_node().await;
    let gone = handle(&app, "worker").await;
    fill(&app).await;
    let cursor = everything(&app).await.str("cursor").to_owned();
    // The other node may not have read so many yet, and waits until it has.
    expect_no_news(&node, &cursor).await;
    app.disable_client("worker").await;
    let mut verifiers = tokio::task::JoinSet::new();
    for number in 0..30 {
        let asked = if number % 2 == 0 { &app } else { &node };
        verifiers.spawn(asked.get(&format!("/revocations?after={cursor}")).send());
    }
    for answer in verifiers.join_all().await {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(told(&answer), [&gone], "not all 100,001");
    }
}

/// Verifiers that miss nothing are told at once of a change that refuses very many tokens, however many other entries live.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_refuses_thousands_of_tokens_is_told_without_the_full_set() {
    let app = TestApp::new().await;
    fill(&app).await;
    let cursor = everything(&app).await.str("cursor").to_owned();
    write(&app, 5000).await;
    let mut verifiers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        verifiers.spawn(app.get(&format!("/revocations?after={cursor}")).send());
    }
    let mut cursors = BTreeSet::new();
    for answer in verifiers.join_all().await {
        assert_eq!((answer.status, told(&answer).len()), (200, 5000), "{}", answer.text);
        cursors.insert(answer.str("cursor").to_owned());
    }
    assert_eq!(cursors.len(), 1);
    expect_no_news(&app, cursors.first().unwrap()).await;
    // A verifier that lacks more than 10,000 entries gets all of them.
    write(&app, 6000).await;
    // Before the node has read these, it would tell the 5,000 alone.
    app.app.read_revocations().await.unwrap();
    let answer = ask(&app, Some(&cursor)).await;
    assert_eq!(told(&answer).len(), 111_000);
}

/// A revocation whose transaction is open, as a COMMIT is that waits for a standby which is gone. One that was written after it is told already.
struct UnderWay {
    transaction: Transaction,
    late: String,
    early: String,
    /// The answer that tells the early one alone.
    before: Answer,
}

impl UnderWay {
    async fn begin(app: &TestApp) -> Self {
        let (late, early) = (handle(app, "worker").await, handle(app, "other").await);
        let transaction = straight(app).await.begin().await.unwrap();
        revocations::of_client_itself(&transaction, "worker").await.unwrap();
        app.disable_client("other").await;
        let before = everything(app).await;
        assert_eq!(told(&before), [&early]);
        Self { transaction, late, early, before }
    }
}

/// The verifier was answered by another node before, which knows more. It must ask that one again as soon as possible.
#[tokio::test(flavor = "multi_thread")]
async fn a_blind_node_says_so_at_once_whoever_asks() {
    let app = with_workers(TestApp::new().await).await;
    let node = app.another_node().await;
    let ours = everything(&app).await;
    app.sql("ALTER TABLE revocations RENAME TO away").await;
    app.app.read_revocations().await.unwrap_err();
    app.sql("ALTER TABLE away RENAME TO revocations").await;
    node.disable_client("worker").await;
    let theirs = everything(&node).await;
    app.sql("ALTER TABLE revocations RENAME TO away").await;
    app.advance(3);
    for cursor in [ours.str("cursor"), theirs.str("cursor")] {
        let answer = timeout(Duration::from_millis(1500), app.get(&format!("/revocations?after={cursor}")).send()).await;
        assert_eq!(answer.expect("it waits for no read").error(), (503, "temporarily_unavailable"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_commits_later_than_any_time_out_is_told() {
    let app = with_workers(TestApp::new().await).await;
    if !is_postgres(&app) {
        return;
    }
    let first = everything(&app).await;
    let UnderWay { transaction, late, early, before } = UnderWay::begin(&app).await;
    for _ in 0..60 {
        app.advance(10);
        app.app.read_revocations().await.unwrap();
    }
    commit(transaction).await.unwrap();
    assert!(told(&everything(&app).await).contains(&late.as_str()));
    assert_eq!(told(&ask(&app, Some(before.str("cursor"))).await), [&late]);
    assert_eq!(told(&ask(&app, Some(first.str("cursor"))).await), [&early, &late]);
    // A node that starts now tells the same.
    let node = app.another_node().await;
    assert_eq!(told(&everything(&node).await), [&early, &late]);
    assert_eq!(told(&ask(&node, Some(before.str("cursor"))).await), [&late]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_cut_off_tells_what_was_committed_meanwhile() {
    let Some((app, mut proxy)) = Proxy::between().await else { return };
    let app = with_workers(app).await;
    let UnderWay { transaction, late, before, .. } = UnderWay::begin(&app).await;
    proxy.stop().await;
    commit(transaction).await.unwrap();
    for _ in 0..47 {
        app.advance(1);
    }
    app.app.read_revocations().await.unwrap_err();
    proxy.start();
    let mut tries = 0;
    while app.app.read_revocations().await.is_err() {
        tries += 1;
        assert!(tries < 100, "the database is not found again");
        real_time(50).await;
    }
    assert_eq!(told(&ask(&app, Some(before.str("cursor"))).await), [&late]);
    assert!(told(&everything(&app).await).contains(&late.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_hang_without_a_word_are_given_up() {
    let Some((app, proxy)) = Proxy::between().await else { return };
    let app = with_workers(app).await;
    let node = app.another_node().await;
    let _jobs = signet_issuer::jobs::start(&app.app);
    app.add_client("steady", false, "client_credentials", &["orders:read"]).await;
    for client in ["worker", "other"] {
        let before = everything(&app).await;
        let revoked = handle(&app, client).await;
        // Requests use connections too while these hang, so that the statements for which many requests wait are caught under way.
        let under_way = async {
            for round in 0..40 {
                if round == 20 {
                    proxy.freeze();
                }
                let token = app.post("/token").basic_auth("steady", SECRET).form(&[("grant_type", "client_credentials")]);
                let ready = app.get("/health/ready");
                drop(tokio::spawn(async move { tokio::join!(token.send(), ready.send()) }));
                real_time(5).await;
            }
        };
        under_way.await;
        node.disable_client(client).await;
        let heard = async {
            while told(&ask(&app, Some(before.str("cursor"))).await) != [&revoked] {
                real_time(50).await;
            }
        };
        timeout(Duration::from_secs(5), heard).await.expect("the node reads over a new connection soon");
        let ready = async {
            while app.get("/health/ready").send().await.status != 200 {
                app.advance(1);
                real_time(100).await;
            }
        };
        timeout(Duration::from_secs(20), ready).await.expect("the node is ready again");
        let signs = async {
            while app.client_token("steady", "").await.status != 200 {
                real_time(100).await;
            }
        };
        timeout(Duration::from_secs(20), signs).await.expect("the node gives tokens again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_commit_at_once_are_all_told_by_all_nodes() {
    let app = TestApp::new().await.with_orders().await;
    let node = app.another_node().await;
    let clients: Vec<String> = (0..40).map(|number| format!("worker-{number}")).collect();
    let mut handles = Vec::new();
    for client in &clients {
        app.add_client(client, false, "client_credentials", &["orders:read"]).await;
        handles.push(handle(&app, client).await);
    }
    let mut cursors = [everything(&app).await.str("cursor").to_owned(), everything(&node).await.str("cursor").to_owned()];
    let mut heard: [Vec<String>; 2] = Default::default();
    let ending = async {
        futures_util::future::join_all(clients.iter().map(|client| app.disable_client(client))).await;
    };
    // Two verifiers change the node with each answer.
    let listening = async {
        for round in 0.. {
            for (number, cursor) in cursors.iter_mut().enumerate() {
                if heard[number].len() == handles.len() {
                    continue;
                }
                let asked = if (round + number) % 2 == 0 { &app } else { &node };
                let answer = timeout(Duration::from_secs(20), ask(asked, Some(cursor))).await.unwrap();
                heard[number].extend(told(&answer).into_iter().map(str::to_owned));
                answer.str("cursor").clone_into(cursor);
            }
            if heard.iter().all(|heard| heard.len() >= handles.len()) {
                break;
            }
        }
    };
    timeout(Duration::from_mins(1), async { tokio::join!(ending, listening) }).await.unwrap();
    handles.sort();
    for mut heard in heard {
        heard.sort();
        assert_eq!(heard, handles, "each one is told once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_restored_is_told_as_it_is() {
    let app = with_workers(TestApp::new().await).await;
    let before_all = everything(&app).await;
    let mut handles = vec![handle(&app, "worker").await, handle(&app, "other").await];
    app.disable_client("worker").await;
    app.disable_client("other").await;
    // The entries are old enough that a cursor has one of them for its mark.
    app.sql("UPDATE revocations SET at = at - 100").await;
    app.advance(100);
    let before = everything(&app).await;
    assert_eq!(told(&before), handles);
    // The restored database has another entry at the same place.
    app.sql("DELETE FROM revocations WHERE sequence = 2").await;
    let other = if is_postgres(&app) { "decode('000102030405060708090a0b0c0d0e0f', 'hex')" } else { "x'000102030405060708090a0b0c0d0e0f'" };
    app.sql(&format!("INSERT INTO revocations (sequence, id, grant_id, at) VALUES (2, {other}, {other}, 4000000000)")).await;
    app.app.read_revocations().await.unwrap();
    let new = hash("AAECAwQFBgcICQoLDA0ODw");
    assert_eq!(told(&ask(&app, Some(before.str("cursor"))).await), [&new]);
    // A node that has not seen the database of before does not know the cursor.
    let node = app.another_node().await;
    everything(&node).await;
    assert_eq!(told(&ask(&node, Some(before.str("cursor"))).await), [&handles[0], &new]);
    handles.push(new);
    assert_eq!(told(&everything(&app).await), handles, "what was told before is not taken back");
    assert_eq!(told(&ask(&app, Some(before_all.str("cursor"))).await), handles);
}

/// A primary that takes over may have lost the places and give them again in another order.
#[tokio::test(flavor = "multi_thread")]
async fn places_that_a_new_primary_gives_in_another_order_hide_nothing() {
    let app = with_workers(TestApp::new().await).await;
    let (first, second) = (handle(&app, "worker").await, handle(&app, "other").await);
    app.disable_client("worker").await;
    let cursor = everything(&app).await.str("cursor").to_owned();
    app.disable_client("other").await;
    let later = everything(&app).await.str("cursor").to_owned();
    app.sql("UPDATE revocations SET sequence = 5 - sequence").await;
    let node = app.another_node().await;
    assert_eq!(told(&everything(&node).await), [&second, &first]);
    assert!(told(&ask(&node, Some(&cursor)).await).contains(&second.as_str()));
    app.app.read_revocations().await.unwrap();
    assert_eq!(told(&ask(&app, Some(&cursor)).await), [&second]);
    expect_no_news(&app, &later).await;
    // Here the order is another one, so all after the mark is told once more.
    let again = ask(&node, Some(&later)).await;
    assert_eq!(told(&again), [&second, &first]);
    expect_no_news(&node, again.str("cursor")).await;
}
