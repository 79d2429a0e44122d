//! The access review of a client: every user who may sign in stands in it once, with the groups that let them in.

use std::collections::BTreeMap;

use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::review::{self, ReviewView};
use signet_issuer::admin::{Refused, Window};
use signet_issuer::oauth::access::Access;
use signet_issuer::store::{client_groups, groups as group_store, users as user_store};

use crate::support::{PASSWORD, TestApp};

/// Adds the groups `ops` and `dev`, the client `wiki` for their members, and 700 users: the even ones are in `ops`, every third one in
/// `dev`, and nobody else is in a group.
async fn app() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    for name in ["ops", "dev", "others"] {
        let draft = GroupDraft { name: name.to_owned(), ..GroupDraft::default() };
        app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    }
    app.add_client_with("wiki", true, "authorization_code", &["openid"], |draft| {
        draft.access = Some(Access::Groups);
        draft.groups = vec!["ops".to_owned(), "dev".to_owned()];
        draft.redirect_uris = vec!["https://wiki.example/cb".to_owned()];
    })
    .await;
    app.add_client("batch", false, "client_credentials", &["orders:read"]).await;
    let is_sqlite = app.database_url().starts_with("sqlite");
    let numbers = if is_sqlite {
        "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 699) SELECT i FROM n) AS n"
    } else {
        "(SELECT generate_series(0, 699) AS i) AS n"
    };
    let (id, falsehood) = if is_sqlite { ("randomblob(16)", "0") } else { ("gen_random_uuid()", "FALSE") };
    app.sql(&format!(
        "INSERT INTO users (id, username, name, email_verified, created_at, updated_at) \
         SELECT {id}, 'many' || i, '=many' || i, {falsehood}, 0, 0 FROM {numbers}"
    ))
    .await;
    for (group, every) in [("ops", 2), ("dev", 3)] {
        app.sql(&format!(
            "INSERT INTO group_members (group_id, user_id) SELECT groups.id, users.id FROM users JOIN groups ON groups.name = '{group}' \
             WHERE users.username LIKE 'many%' AND CAST(substr(users.username, 5) AS INTEGER) % {every} = 0"
        ))
        .await;
    }
    app
}

/// Returns the groups by which `number` may use `wiki`.
fn expected(number: i32) -> Option<&'static str> {
    match (number % 2, number % 3) {
        (0, 0) => Some("dev, ops"),
        (0, _) => Some("ops"),
        (_, 0) => Some("dev"),
        _ => None,
    }
}

fn all() -> BTreeMap<String, String> {
    (0..700).filter_map(|number| Some((format!("many{number}"), expected(number)?.to_owned()))).collect()
}

async fn read(app: &TestApp, client: &str, limit: u64) -> Vec<ReviewView> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = review::list(&app.reading(), client, &Window { after, limit }).await.unwrap();
        assert!(page.items.len() as u64 <= limit);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_stands_in_the_review_once_with_all_their_groups() {
    let app = app().await;
    for limit in [1000, 101, 7] {
        let found = read(&app, "wiki", limit).await;
        let by_name: BTreeMap<String, String> = found.iter().map(|row| (row.username.clone(), row.through.clone())).collect();
        assert_eq!((found.len(), by_name), (467, all()), "{limit}");
    }
    // Whoever could use it after being enabled again is in the review, too.
    app.disable_user("many0").await;
    let found = read(&app, "wiki", 100).await;
    assert!(found.iter().any(|row| row.username == "many0" && !row.enabled));
    let everyone = read(&app, "web", 100).await;
    assert_eq!(everyone.len(), 702, "all, boss and admin");
    assert!(everyone.iter().all(|row| row.through == "everyone"));
    assert!(read(&app, "batch", 100).await.is_empty(), "no user signs in to a client that acts for itself");
    assert!(matches!(review::list(&app.reading(), "none", &app.window()).await, Err(Refused::NotFound { .. })));
    app.sql("DELETE FROM client_groups").await;
    assert!(read(&app, "wiki", 100).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_rest_send_the_same_file_which_no_spreadsheet_runs() {
    let app = app().await;
    let browser = app.signed_in("boss").await;
    let page = browser.get("/admin/clients/wiki").await;
    assert!(page.text.contains("href=\"/admin/clients/wiki/access\""), "{}", page.text);
    let file = browser.get("/admin/clients/wiki/access").await;
    assert_eq!((file.header("content-type"), file.header("cache-control")), ("text/csv; charset=utf-8", "no-store"));
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"access-wiki.csv\"");
    assert!(file.text.starts_with("client_id,user_id,username,name,email,enabled,through,last_sign_in_at\r\n"), "{}", file.text);
    // 467 rows come in one page of 500, and all users in two.
    let rows: Vec<&str> = file.text.lines().skip(1).collect();
    assert_eq!(rows.len(), 467);
    assert!(rows.iter().all(|row| row.contains(",'=many")), "{}", rows[0]);
    assert!(rows.iter().any(|row| row.contains(",many6,'=many6,,true,\"dev, ops\",")), "{}", rows[0]);
    let parameters = [("grant_type", "password"), ("client_id", "cli"), ("username", "boss"), ("password", PASSWORD), ("scope", "admin")];
    let token = app.token(&parameters).await.str("access_token").to_owned();
    let get = async |path: &str| app.get(&format!("/api/v1{path}")).bearer(&token).send().await;
    let same = get("/clients/wiki/access").await;
    assert_eq!((same.status, same.text == file.text), (200, true));
    let everyone = get("/clients/web/access").await;
    assert_eq!(everyone.text.lines().count(), 703);
    assert_eq!(get("/clients/none/access").await.status, 404);
    assert_eq!(browser.get("/admin/clients/none/access").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_of_the_review_reads_a_whole_table() {
    let app = app().await;
    let db = app.plans().await;
    for group in client_groups::of(&db, "wiki").await.unwrap() {
        let first = group_store::members(&db, group, None, 10).await.unwrap();
        let ids = first.iter().map(|member| member.id);
        group_store::members(&db, group, ids.clone().next_back(), 10).await.unwrap();
        user_store::by_ids(&db, ids).await.unwrap();
    }
    user_store::page(&db, None, Some("many5"), 10).await.unwrap();
    db.assert_indexed(&[]);
}
