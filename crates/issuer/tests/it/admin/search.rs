//! Users, clients and groups are found by the beginnings of their words, page by page, and no search reads a whole table.

use serde_json::json;
use signet_issuer::admin::clients::{self, ClientFilter};
use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::groups::{self, GroupDraft, GroupFilter, GroupPatch};
use signet_issuer::admin::patch::Patch;
use signet_issuer::admin::transfer::ImportOptions;
use signet_issuer::admin::users::{self, UserFilter, UserPatch};
use signet_issuer::admin::{Window, search::Total};
use signet_issuer::store::{client_terms, groups as group_store, search::searched, users as user_store};

use crate::admin::transfer::import;
use crate::support::{PASSWORD, TestApp};

impl TestApp {
    async fn found(&self, text: &str, enabled: Option<bool>) -> Vec<String> {
        let filter = UserFilter { enabled, search: Some(text.to_owned()) };
        let page = users::list(&self.reading(), &filter, &self.window()).await.unwrap();
        // The order of those with the same word is that of their random ids.
        let mut names: Vec<String> = page.items.into_iter().map(|user| user.username).collect();
        names.sort();
        names
    }

    async fn found_clients(&self, text: &str) -> Vec<String> {
        let filter = ClientFilter { search: Some(text.to_owned()), ..ClientFilter::default() };
        let page = clients::list(&self.reading(), &filter, &self.window()).await.unwrap();
        page.items.into_iter().map(|client| client.client_id).collect()
    }

    async fn found_groups(&self, text: &str) -> Vec<String> {
        let page = groups::list(&self.reading(), &GroupFilter { search: Some(text.to_owned()) }, &self.window()).await.unwrap();
        page.items.into_iter().map(|group| group.name).collect()
    }

    async fn patch_user(&self, username: &str, patch: serde_json::Value) {
        let id = users::show(&self.reading(), username).await.unwrap().id;
        let patch: UserPatch = serde_json::from_value(patch).unwrap();
        self.operate(|change| Box::pin(users::edit(change, id, patch, None))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_found_by_the_beginnings_of_all_words_after_every_change() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await;
    for words in ["alice", "ALI", "al ex", "example alice com", "alice@example.com"] {
        assert_eq!(app.found(words, None).await, ["alice"], "{words}");
    }
    assert_eq!(app.found("exam", None).await.len(), 2);
    for words in ["lice", "alice bob", "alicex", "!", "al%", "alice zzz"] {
        let found = app.found(words, None).await;
        assert_eq!(found, if words == "al%" { vec!["alice"] } else { Vec::new() }, "{words}");
    }
    // An edit, an edit of one's own, an import and a removal.
    app.patch_user("alice", json!({ "name": "Änne Groß-Meier", "username": "anne" })).await;
    assert_eq!(app.found("änn gros", None).await, Vec::<String>::new());
    assert_eq!(app.found("ÄNN groß", None).await, ["anne"]);
    assert_eq!(app.found("meier anne", None).await, ["anne"]);
    // Her address still has the word.
    assert_eq!(app.found("alice", None).await, ["anne"]);
    app.patch_user("anne", json!({ "email": null })).await;
    assert!(app.found("alice", None).await.is_empty());
    let browser = app.signed_in("bob").await;
    let page = browser.get("/account").await;
    browser.submit(&page, "/account", &[("name", "Robert Tables")]).await;
    assert_eq!(app.found("tab", None).await, ["bob"]);
    let lines = [json!({ "username": "carol", "name": "Carol Imported" }), json!({ "username": "bob", "name": "Bob Imported" })];
    import(&app, ImportOptions { update: true, ..ImportOptions::default() }, &lines).await;
    assert_eq!(app.found("import", None).await, ["bob", "carol"]);
    assert!(app.found("tables", None).await.is_empty());
    app.disable_user("bob").await;
    assert_eq!(app.found("import", Some(true)).await, ["carol"]);
    assert_eq!(app.found("import", Some(false)).await, ["bob"]);
    let bob = users::show(&app.reading(), "bob").await.unwrap();
    app.operate(|change| Box::pin(users::delete(change, bob.id, None))).await.unwrap();
    assert_eq!(app.found("import", None).await, ["carol"]);
    // A blank search lists everybody.
    assert_eq!(app.found("  ", None).await, ["admin", "anne", "carol"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_and_groups_are_found_by_their_names_after_every_change() {
    let app = TestApp::with(|settings| settings.open_registration = true).await.with_orders().await.with_web().await;
    assert_eq!(app.found_clients("web").await, ["web"]);
    let patch = ClientPatch { client_name: Patch::Set("Grafana (staging)".to_owned()), ..ClientPatch::default() };
    app.edit_client("web", patch).await.unwrap();
    assert_eq!(app.found_clients("stag graf").await, ["web"]);
    assert_eq!(app.found_clients("web graf").await, ["web"]);
    let metadata = json!({ "client_name": "Notes of Nobody", "redirect_uris": ["https://notes.example/cb"] });
    let made = app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap();
    assert_eq!(made.status(), 201);
    assert_eq!(app.found_clients("nobody no").await.len(), 1);
    app.operate(|change| Box::pin(clients::remove(change, "web"))).await.unwrap();
    assert!(app.found_clients("graf").await.is_empty());

    let draft = GroupDraft { name: "on-call".to_owned(), display_name: Some("Those who are awake".to_owned()), ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    assert_eq!(app.found_groups("awake call").await, ["on-call"]);
    let patch = GroupPatch { name: Some("night shift".to_owned()), display_name: Some(None), ..GroupPatch::default() };
    app.operate(|change| Box::pin(groups::edit(change, "on-call", patch))).await.unwrap();
    assert!(app.found_groups("awake").await.is_empty() && app.found_groups("call").await.is_empty());
    assert_eq!(app.found_groups("sh ni").await, ["night shift"]);
    app.operate(|change| Box::pin(groups::remove(change, "night shift"))).await.unwrap();
    assert!(app.found_groups("night").await.is_empty());
}

/// Adds `count` users `many0`, `many1`, …, each with the terms `manyN`, `common`, and `even` or `odd`, and as many clients and groups.
async fn with_many(app: &TestApp, count: u32) {
    let is_sqlite = app.database_url().starts_with("sqlite");
    let numbers = if is_sqlite {
        format!("(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count} - 1) SELECT i FROM n) AS n")
    } else {
        format!("(SELECT generate_series(0, {count} - 1) AS i) AS n")
    };
    let (id, falsehood) = if is_sqlite { ("randomblob(16)", "0") } else { ("gen_random_uuid()", "FALSE") };
    let bytes = |text: &str| if is_sqlite { format!("CAST({text} AS BLOB)") } else { format!("CAST({text} AS TEXT)::bytea") };
    app.sql(&format!(
        "INSERT INTO users (id, username, email_verified, created_at, updated_at) SELECT {id}, 'many' || i, {falsehood}, 0, 0 FROM {numbers}"
    ))
    .await;
    app.sql(&format!("INSERT INTO groups (id, name, folded_name, created_at) SELECT {id}, 'many' || i, 'many' || i, 0 FROM {numbers}"))
        .await;
    app.sql(&format!(
        "INSERT INTO clients (id, client_name, public, grant_types, redirect_uris, created_at, pkce, grant_id) \
         SELECT 'many' || i, 'many', {falsehood}, '', '', 0, 'required', '' FROM {numbers}"
    ))
    .await;
    let parity = |name: &str| format!("CASE CAST(substr({name}, 5) AS INTEGER) % 2 WHEN 0 THEN 'even' ELSE 'odd' END");
    for (table, from, key, name) in
        [("user_terms", "users", "id", "username"), ("group_terms", "groups", "id", "name"), ("client_terms", "clients", "id", "id")]
    {
        for term in [name.to_owned(), "'common'".to_owned(), parity(name)] {
            let term = bytes(&term);
            app.sql(&format!("INSERT INTO {table} SELECT {term}, {key} FROM {from} WHERE {name} LIKE 'many%'")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_of_many_comes_in_pages_and_reads_no_table_whole() {
    let app = TestApp::new().await;
    with_many(&app, 12_000).await;
    let pages = async |text: &str, limit: u64| {
        let filter = UserFilter { enabled: None, search: Some(text.to_owned()) };
        let (mut names, mut sizes, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = users::list(&app.reading(), &filter, &Window { after, limit }).await.unwrap();
            sizes.push(page.items.len());
            names.extend(page.items.into_iter().map(|user| user.username));
            after = page.next;
            if after.is_none() {
                return (names, sizes);
            }
        }
    };
    // 1, 10 to 19, 100 to 199, 1000 to 1999, and 10000 to 11999.
    let (mut names, sizes) = pages("many1 com", 500).await;
    assert_eq!((names.len(), sizes.last()), (1 + 10 + 100 + 1000 + 2000, Some(&111)));
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3111, "nobody comes twice");
    let (names, _) = pages("many119 even comm", 100).await;
    assert_eq!(names.len(), 5 + 50, "{names:?}");
    // Of the 6,000 terms of each word a page reads 2,500.
    let (names, sizes) = pages("even odd", 100).await;
    assert_eq!((names.len(), sizes.len()), (0, 3));
    // A page that finds nothing stops after 2,500 terms and names the next one.
    let filter = UserFilter { enabled: Some(false), search: Some("common".to_owned()) };
    let first = users::list(&app.reading(), &filter, &app.window()).await.unwrap();
    assert!(first.items.is_empty() && first.next.is_some());
    let (mut after, mut empty) = (first.next, 1);
    while after.is_some() {
        let page = users::list(&app.reading(), &filter, &Window { after, limit: 5 }).await.unwrap();
        assert!(page.items.is_empty());
        (after, empty) = (page.next, empty + 1);
    }
    assert_eq!(empty, 5);
    let (names, sizes) = pages("common many7 odd", 2000).await;
    assert_eq!((names.len(), sizes.len()), (1 + 5 + 50 + 500, 1), "{sizes:?}");
    let (names, sizes) = pages("common xyz", 100).await;
    assert_eq!((names.len(), sizes.len()), (0, 1));
    let total = async |text: &str| users::count_found(&app.reading(), text).await.unwrap();
    assert_eq!(total("common").await, Total { number: 1000, is_more: true });
    assert_eq!(total("many11").await, Total { number: 1000, is_more: true });
    assert_eq!(total("many119").await, Total { number: 111, is_more: false });
    assert_eq!(total("?").await, Total { number: 0, is_more: false });
    assert_eq!(clients::count_found(&app.reading(), "many comm even").await.unwrap().number, 1000);
    assert_eq!(groups::count_found(&app.reading(), "many1199").await.unwrap().number, 11);
    // A cursor of another list is refused.
    let filter = UserFilter { enabled: None, search: Some("common".to_owned()) };
    let foreign = Window { after: Some("many5".to_owned()), limit: 5 };
    assert!(users::list(&app.reading(), &filter, &foreign).await.is_err());

    // By statistics PostgreSQL may sort a few thousand rows, but reads no table whole.
    let (indexed, by_statistics) = (app.plans().await, app.plans_by_statistics().await);
    for db in [&indexed, &by_statistics] {
        for text in ["common", "many1 even", "even common odd"] {
            let words = searched(text);
            let page = user_store::find(db, &words, None, None, 5).await.unwrap();
            if let Some(next) = page.next {
                user_store::find(db, &words, Some(true), Some(next), 5).await.unwrap();
            }
            let page = client_terms::find(db, &words, (Some(true), Some(false)), None, 5).await.unwrap();
            client_terms::find(db, &words, (None, None), page.next, 5).await.unwrap();
            let page = group_store::find(db, &words, None, 5).await.unwrap();
            group_store::find(db, &words, page.next, 5).await.unwrap();
        }
    }
    let tables = ["users", "clients", "groups", "user_terms", "client_terms", "group_terms"];
    let (statements, scans) = by_statistics.scans(&tables);
    assert!(statements > 15 && scans.is_empty(), "{statements}: {scans:#?}");
    indexed.assert_indexed(&["user_terms_user_id_term", "client_terms_client_id_term", "group_terms_group_id_term"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_administration_searches_users_groups_and_clients() {
    let app = TestApp::new().await.with_orders().await.with_web().await.with_user("alice").await;
    app.add_user("boss", &["admin"]).await;
    let draft = GroupDraft { name: "web-team".to_owned(), ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    app.add_user("webster", &[]).await;
    let browser = app.signed_in("boss").await;
    assert!(browser.get("/admin/keys").await.text.contains("/admin/search"));
    let page = browser.get("/admin/search?q=web").await;
    for link in ["/admin/users/webster", "/admin/groups/web%2Dteam", "/admin/clients/web"] {
        assert!(page.text.contains(&format!("href=\"{link}\"")), "{link}: {}", page.text);
    }
    assert!(!page.text.contains("/admin/users/alice"));
    let nothing = browser.get("/admin/search?q=%3Cscript%3E").await;
    assert!(nothing.text.contains("No user was found.") && !nothing.text.contains("<script>"), "{}", nothing.text);
    let users = browser.get("/admin/users?q=ali").await;
    assert!(users.text.contains("One was found.") && users.text.contains("/admin/users/alice"), "{}", users.text);
    assert!(!users.text.contains("/admin/users/webster"));
    assert!(browser.get("/admin/groups?q=team").await.text.contains("web%2Dteam"));
    assert!(browser.get("/admin/clients?q=zzz").await.text.contains("Nothing was found."));
    with_many(&app, 1100).await;
    let first = browser.get("/admin/users?q=common").await;
    assert!(first.text.contains("More than 1,000 were found."), "{}", first.text);
    let next = first.text.split("href=\"").find(|rest| rest.starts_with("/admin/users?q=common&#38;after=")).expect("a next page");
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    assert_eq!(browser.get(&next).await.status, 200);
    assert!(browser.get("/admin/search?q=common").await.text.contains("All users that were found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_lists_are_searched_with_q() {
    let app = TestApp::new().await.with_orders().await.with_web().await.with_user("alice").await;
    app.add_user("boss", &["admin"]).await;
    with_many(&app, 120).await;
    let parameters = [("grant_type", "password"), ("client_id", "cli"), ("username", "boss"), ("password", PASSWORD), ("scope", "admin")];
    let token = app.token(&parameters).await.str("access_token").to_owned();
    let get = async |path: &str| app.get(path).bearer(&token).send().await;
    let found = get("/api/v1/users?q=ali+exam").await;
    assert_eq!((found.json["items"].as_array().unwrap().len(), &found.json["items"][0]["username"]), (1, &json!("alice")));
    let mut seen = 0;
    let mut path = "/api/v1/users?q=common&limit=50".to_owned();
    for expected in [50, 50, 20] {
        let page = get(&path).await;
        seen += page.json["items"].as_array().unwrap().len();
        assert_eq!(page.json["items"].as_array().unwrap().len(), expected);
        path = format!("/api/v1/users?q=common&limit=50&after={}", page.json["next"].as_str().unwrap_or_default());
    }
    assert_eq!(seen, 120);
    assert_eq!(get("/api/v1/groups?q=many7").await.json["items"].as_array().unwrap().len(), 11);
    assert_eq!(get("/api/v1/clients?q=we").await.json["items"][0]["client_id"], "web");
    assert_eq!(get("/api/v1/roles?q=we").await.status, 400);
}
