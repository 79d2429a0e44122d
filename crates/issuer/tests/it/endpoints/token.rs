//! The token endpoint takes nothing from the URL, and odd user names are wrong credentials like any other.

use crate::support::{PASSWORD, SECRET, TestApp};

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
    let page = app.get("/token").header("accept", "text/html").send().await;
    assert_eq!((page.status, page.header("allow"), page.header("content-type")), (405, "POST", "text/html; charset=utf-8"));
    let nothing = app.get("/nothing").send().await;
    assert_eq!((nothing.error(), nothing.header("cache-control")), ((404, "not_found"), "no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_forging_and_odd_names_are_just_wrong_credentials() {
    let app = app().await;
    for username in ["a\r\nINFO forged", "\u{1b}[31m", "{\"a\":1}", "<script>", "\u{202e}ecila"] {
        assert_eq!(app.try_password(username, PASSWORD, "").await.error(), (400, "invalid_grant"));
    }
}
