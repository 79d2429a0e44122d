//! The overview shows what happens, what nobody uses and what is old; the page of the keys shows the ring over time.

use signet_issuer::admin::{clients, stale};
use signet_issuer::store::{activity, client_secrets, clients as client_store, users as user_store};

use crate::support::{PASSWORD, TestApp};

const DAY: u64 = 86_400;

async fn app() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_web().await.with_user("alice").await;
    app.add_user("boss", &["admin"]).await;
    app
}

/// Returns the texts of the cells of each row of the table that follows `title`.
fn rows(page: &str, title: &str) -> Vec<Vec<String>> {
    let table = page.split(title).nth(1).unwrap().split("<tbody>").nth(1).unwrap().split("</tbody>").next().unwrap();
    let plain = |cell: &str| cell.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect::<String>();
    let cell = |cell: &str| plain(&format!("<{}", cell.split("</td>").next().unwrap())).trim().to_owned();
    table.split("<tr>").skip(1).map(|row| row.split("<td").skip(1).map(cell).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_show_the_counts_of_each_hour_and_each_day() {
    let app = app().await;
    app.app.activity.flush(&app.app.store, app.clock_now()).await.unwrap();
    app.sql("DELETE FROM activity").await;
    for (hours, sign_ins) in [(0, 3), (30, 2)] {
        app.advance(hours * 3600);
        app.app.activity.flush(&app.app.store, app.clock_now()).await.unwrap();
        for _ in 0..sign_ins {
            app.app.activity.signed_in();
        }
        app.app.activity.sign_in_failed("");
        app.app.activity.tokens_given("refresh_token", "web");
        app.app.activity.flush(&app.app.store, app.clock_now()).await.unwrap();
    }
    // Signing in counts after the page has been made.
    let browser = app.signed_in("boss").await;
    let page = browser.get("/admin").await;
    let hours = rows(&page.text, "<figcaption>Sign-ins</figcaption>");
    assert_eq!(hours.len(), 24, "{}", page.text);
    assert_eq!(hours[23], ["06:00", "2", "1"], "2026-01-02 06:00");
    assert!(hours[..23].iter().all(|row| row[1..] == ["0", "0"]), "{hours:?}");
    let tokens = rows(&page.text, "<figcaption>Tokens, by the grant that gave them</figcaption>");
    assert_eq!(tokens[23], ["06:00", "1", "0", "0", "0"]);
    assert!(page.text.contains("aria-label=\"Sign-ins. sign-ins: 2, failures: 1.\""), "{}", page.text);
    assert!(
        page.text.contains("<title>06:00: 2 sign-ins</title>") && page.text.contains("<title>06:00: 1 failure</title>"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("style="), "{}", page.text);
    let week = browser.get("/admin?range=week").await;
    let days = rows(&week.text, "<figcaption>Sign-ins</figcaption>");
    assert_eq!((days.len(), &days[5], &days[6]), (7, &row(["1 Jan", "3", "1"]), &row(["2 Jan", "2", "1"])), "{days:?}");
}

fn row(cells: [&str; 3]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_uses_is_listed_with_what_to_do() {
    let app = app().await;
    for user in ["gone", "idle"] {
        app.add_user(user, &[]).await;
    }
    app.disable_user("gone").await;
    app.signed_in("alice").await;
    let fresh = app.signed_in("boss").await.get("/admin").await;
    // Some of them are new and were never used, so nothing is said of each of them but that.
    for text in [
        "Every enabled user has signed in, or was added, in the last 90 days.",
        "Every enabled client was used, or was added, in the last 90 days.",
        "No secret is that old.",
    ] {
        assert!(fresh.text.contains(text), "{text}: {}", fresh.text);
    }
    app.advance(91 * DAY);
    app.add_user("newcomer", &[]).await;
    app.sign_in("alice", "openid").await;
    app.app.store.flush_uses().await.unwrap();
    app.operate(|change| Box::pin(clients::set_enabled(change, "cli", false))).await.unwrap();
    let page = app.signed_in("boss").await.get("/admin").await;
    let names = |title: &str| rows(&page.text, title).into_iter().map(|row| row[0].clone()).collect::<Vec<_>>();
    assert_eq!(names(">Accounts that nobody uses<"), ["admin", "idle"]);
    assert!(page.text.contains("href=\"/admin/users/idle\""));
    let clients = names(">Clients that nobody uses<");
    assert!(
        clients.contains(&"web".to_owned()) && !clients.contains(&"shop".to_owned()) && !clients.contains(&"cli".to_owned()),
        "{clients:?}"
    );
    app.advance(300 * DAY);
    let page = app.signed_in("boss").await.get("/admin").await;
    assert_eq!(rows(&page.text, ">Old secrets<"), [row(["web", "391 days", "never"])]);
    for number in 0..12 {
        app.sql(&format!("INSERT INTO users (id, username, email_verified, created_at, updated_at) SELECT {}, 'old{number}', email_verified, 0, 0 FROM users WHERE username = 'alice'", if app.database_url().starts_with("sqlite") { "randomblob(16)" } else { "gen_random_uuid()" })).await;
    }
    let found = stale::stale(&app.reading()).await.unwrap();
    assert!(found.users.items.len() == 10 && found.users.more && found.users.items[0].username.starts_with("old"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_query_of_the_overview_reads_a_whole_table() {
    let app = app().await;
    let db = app.plans().await;
    user_store::stale(&db, app.clock_now(), 11).await.unwrap();
    client_store::stale(&db, app.clock_now(), 11).await.unwrap();
    db.assert_indexed(&["users_last_seen", "clients_last_use"]);
    client_secrets::older_than(&db, app.clock_now(), app.clock_now(), 11).await.unwrap();
    activity::since(&db, "", app.clock_now()).await.unwrap();
    db.assert_indexed(&[]);
    // Hashes of other systems are counted no further than is told.
    let (id, many) = if app.database_url().starts_with("sqlite") {
        ("randomblob(16)", "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n)")
    } else {
        ("gen_random_uuid()", "(SELECT generate_series(0, 1000) AS i)")
    };
    app.sql(&format!(
        "INSERT INTO users (id, username, email_verified, password_hash, created_at, updated_at) \
         SELECT {id}, 'foreign' || i, FALSE, '$2b$10$x', 0, 0 FROM {many} AS n"
    ))
    .await;
    let db = app.plans().await;
    assert_eq!(user_store::count_foreign_hashes(&db, Some(11)).await.unwrap(), 11);
    assert_eq!(user_store::count_foreign_hashes(&db, None).await.unwrap(), 1001);
    db.assert_reads("users_foreign_hash");
    let page = app.signed_in("boss").await.get("/admin").await;
    assert!(page.text.contains("more than 1,000 users have hashes of other systems"), "{}", page.text);
    app.sql("DELETE FROM users WHERE username IN ('foreign0', 'foreign1')").await;
    let page = app.signed_in("boss").await.get("/admin").await;
    assert!(page.text.contains("999 users have hashes of other systems"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_are_a_picture_with_its_text_and_revoking_says_what_follows() {
    let app = app().await;
    let browser = app.signed_in("boss").await;
    let page = browser.get("/admin/keys").await;
    let first = rows(&page.text, "<figcaption>The keys over time</figcaption>");
    assert_eq!((first.len(), first[0][1].as_str(), first[0][4].as_str()), (1, "active", "–"));
    let kid = first[0][0].clone();
    assert!(page.text.contains(&format!("The key {} signs since 1 January 2026, 00:00 UTC.", &kid[..8])), "{}", page.text);
    assert!(page.text.contains("The next key is published in time.") && page.text.contains("<rect class=\"one\""), "{}", page.text);
    let revoke = [("action", "revoke"), ("kid", kid.as_str())];
    let asked = browser.submit(&page, "/admin/keys", &revoke).await;
    assert!(asked.text.contains("a new one is made and signs from now on"), "{}", asked.text);
    let asked = browser.submit(&page, "/admin/keys", &[("action", "rotate")]).await;
    let page = browser.submit(&asked, "/admin/keys", &[("action", "rotate"), ("confirm_password", PASSWORD)]).await;
    let ring = rows(&page.text, "<figcaption>The keys over time</figcaption>");
    assert_eq!((ring.len(), ring[1][1].as_str(), &ring[0][4]), (2, "published", &ring[1][3]), "one signs until the next does");
    assert!(page.text.contains("is published already and signs from"), "{}", page.text);
    let asked = browser.submit(&page, "/admin/keys", &revoke).await;
    assert!(asked.text.contains(&format!("the key {}, which is published already, signs from now on", &ring[1][0][..8])), "{}", asked.text);
    let page = browser.submit(&asked, "/admin/keys", &[("action", "revoke"), ("kid", kid.as_str()), ("confirm_password", PASSWORD)]).await;
    assert!(page.text.contains("<rect class=\"fault\"") && page.text.contains(", revoked</text>"), "{}", page.text);
}
