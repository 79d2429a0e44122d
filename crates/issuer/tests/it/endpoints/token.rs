//! The token endpoint takes nothing from the URL, and odd user names are wrong credentials like any other.

use crate::support::{Log, PASSWORD, SECRET, TestApp};

async fn app() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client("confidential", false, "password client_credentials", &["orders:read"]).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_from_the_url() {
    let app = app().await;
    for query in ["client_secret=x", "grant_type=password", "password=x&username=alice", "refresh_token=x"] {
        let answer = app
            .post(&format!("/token?{query}"))
            .form(&[("grant_type", "client_credentials")])
            .basic_auth("confidential", SECRET)
            .send()
            .await;
        assert_eq!(answer.error(), (400, "invalid_request"), "{query}");
    }
    let get = app.get("/token").send().await;
    assert_eq!((get.error(), get.header("allow")), ((405, "invalid_request"), "POST"));
    let html = app.get("/token").header("accept", "text/html").send().await;
    assert_eq!((html.error(), html.header("allow"), html.header("content-type")), ((405, "invalid_request"), "POST", "application/json"));
    let nothing = app.get("/nothing").send().await;
    assert_eq!((nothing.error(), nothing.header("cache-control")), ((404, "not_found"), "no-store"));
}

#[test]
fn usernames_that_forge_log_lines_are_wrong_credentials_and_are_not_logged() {
    let log = Log::default();
    let usernames = ["a\r\nINFO forged", "\u{1b}[31mforged", "{\"forged\":1}", "<script>forged", "\u{202e}forged"];
    log.runtime().block_on(async {
        let app = app().await;
        for username in usernames {
            assert_eq!(app.try_password(username, PASSWORD, "").await.error(), (400, "invalid_grant"));
        }
        assert_eq!(app.get("/%0d%0aINFO%20forged").send().await.status, 404);
    });
    let text = log.text();
    assert!(!text.contains(PASSWORD) && !text.contains('\u{1b}'), "{text}");
    assert!(text.lines().all(|line| line.starts_with("20") && line.contains(" signet_issuer::")), "{text}");
    assert_eq!(text.matches(r#"path="/token" status=400"#).count(), usernames.len(), "{text}");
    assert_eq!(text.matches("forged").count(), 1, "{text}");
    assert!(text.contains(r#"path="/%0d%0aINFO%20forged" status=404"#), "a path is logged as it was sent: {text}");
}
